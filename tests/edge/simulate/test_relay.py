"""The relay passes everything, cuts when told, and lets silence be found out by the peers alone."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from edge.simulate.relay import Relay
from tests.fixtures.waiting import wait_until

WAIT_S = 60.0


@pytest.fixture
def far() -> Iterator[socket.socket]:
    """A listening socket in the broker's place."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(WAIT_S)
        yield server


@pytest.fixture
def relay(far: socket.socket) -> Iterator[Relay]:
    relay, stop, lock = Relay(*far.getsockname()), threading.Event(), threading.Lock()
    relay.lock = lock

    def serve() -> None:
        while not stop.is_set():
            with lock:
                relay.serve(0.005)
            stop.wait(0.001)

    thread = threading.Thread(target=serve, name="relay")
    thread.start()
    yield relay
    stop.set()
    thread.join(WAIT_S)
    relay.close()


def connect(relay):
    near = socket.create_connection(("127.0.0.1", relay.port), WAIT_S)
    near.settimeout(WAIT_S)
    return near


def pair(relay, far):
    near = connect(relay)
    other, _ = far.accept()
    other.settimeout(WAIT_S)
    return near, other


def is_listening(relay):
    with relay.lock:
        relay.open()
    return relay._listener is not None


def received(sock, size):
    data = b""
    while len(data) < size:
        chunk = sock.recv(65536)
        assert chunk, "ended early"
        data += chunk
    return data


def test_megabytes_pass_both_ways(relay, far):
    payload = bytes(range(256)) * 8192
    near, other = pair(relay, far)
    with near, other:
        for one, two in ((near, other), (other, near)):
            sender = threading.Thread(target=one.sendall, args=(payload,))
            sender.start()
            assert received(two, len(payload)) == payload
            sender.join(WAIT_S)


def test_an_end_is_passed_on_after_the_last_byte(relay, far):
    near, other = pair(relay, far)
    with near, other:
        other.sendall(b"last words")
        other.close()
        assert received(near, 10) == b"last words"
        with contextlib.suppress(ConnectionResetError):
            assert near.recv(10) == b""


def test_a_cut_drops_connections_and_refuses_new_ones_until_it_is_open_again(relay, far):
    near, other = pair(relay, far)
    with near, other:
        with relay.lock:
            relay.cut()
        with pytest.raises(ConnectionResetError):
            assert near.recv(1) == b"never"
        with pytest.raises(ConnectionRefusedError):
            connect(relay)
    wait_until(lambda: is_listening(relay), what="its port, which somebody may have in between")
    near, other = pair(relay, far)
    with near, other:
        near.sendall(b"back")
        assert received(other, 4) == b"back"


def test_a_hush_moves_nothing_and_the_same_connection_goes_on_afterwards(relay, far):
    near, other = pair(relay, far)
    with near, other:
        with relay.lock:
            relay.hush()
        near.sendall(b"held")
        other.settimeout(0.2)
        with pytest.raises(TimeoutError):
            other.recv(4)
        with relay.lock:
            relay.open()
        other.settimeout(WAIT_S)
        assert received(other, 4) == b"held"


def test_a_broker_that_is_not_there_ends_the_connection(free_port):
    relay = Relay("127.0.0.1", free_port)
    try:
        with connect(relay) as near:
            near.settimeout(0.01)
            for _ in range(500):
                relay.serve(0.01)
                try:
                    if near.recv(1) == b"":
                        return
                except TimeoutError:
                    continue
                except ConnectionResetError:
                    return
            pytest.fail("the connection stayed open")
    finally:
        relay.close()
