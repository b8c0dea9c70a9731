"""The line to a real Mosquitto, and to things that are none."""

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from edge import mqtt
from edge.mqtt import Came, Closed, Denied, Mqtt, Opened, Taken
from firmware import wire
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.programs import find_program
from tests.fixtures.waiting import wait_until

UNIT = "vehicle-01"
WILL = wire.encode_json("birth", {"conn": 1, "state": "offline"})
E = TypeVar("E", bound=mqtt.Event)


class Heard:
    """A line and everything it has said."""

    def __init__(self, host: str, port: int, unit: str = UNIT, **options: Any) -> None:
        self.woken = threading.Event()
        self.line = Mqtt(unit, host, port, wake=self.woken.set, **options)
        self.events: list[mqtt.Event] = []

    def wait_for(self, kind: type[E], timeout_s: float = 10) -> E:
        def found() -> E | None:
            self.events += self.line.events()
            return next((event for event in self.events if isinstance(event, kind)), None)

        event = wait_until(found, timeout_s, what=kind.__name__)
        assert event is not None
        self.events.remove(event)
        return event


@pytest.fixture
def hear() -> Iterator[Callable[..., Heard]]:
    made: list[Heard] = []

    def make(*arguments: Any, **options: Any) -> Heard:
        made.append(Heard(*arguments, **options))
        return made[-1]

    yield make
    for heard in made:
        heard.line.close()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_batches_go_up_and_receipts_come_down(
    mosquitto: Mosquitto, hear: Callable[..., Heard], protocol: str
) -> None:
    unit = hear(mosquitto.host, mosquitto.port, protocol=protocol)
    unit.line.open(WILL)
    assert unit.wait_for(Opened) == Opened(protocol)
    unit.line.subscribe()
    service = hear(mosquitto.host, mosquitto.port, "other-unit")
    service.line.open(WILL)
    service.wait_for(Opened)
    number = unit.line.publish("batch", b"\x08\x01")
    assert number is not None
    taken = unit.wait_for(Taken)
    # Nobody listens: MQTT 5 says so, 3.1.1 answers as if all were fine.
    assert (taken.number, taken.code) == (number, 0x10 if protocol == "5" else 0)
    assert unit.line.publish_now("live", b"{}")
    service.line._client.publish(wire.topic(UNIT, "receipt"), b"for you", 1)  # type: ignore[union-attr]
    assert unit.wait_for(Came) == Came("receipt", b"for you")
    assert unit.woken.is_set()


def test_the_will_is_told_when_the_unit_dies_and_the_last_word_when_it_goes(
    mosquitto: Mosquitto, hear: Callable[..., Heard]
) -> None:
    with subprocess.Popen(
        ["mosquitto_sub", "-p", str(mosquitto.port), "-t", "ortoo/v1/+/birth"],
        stdout=subprocess.PIPE,
        text=True,
    ) as listener:
        assert listener.stdout is not None
        unit = hear(mosquitto.host, mosquitto.port)
        unit.line.open(WILL)
        unit.wait_for(Opened)
        unit.line.publish("birth", b"here", is_retained=True)
        assert listener.stdout.readline() == "here\n"
        unit.line._client._sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
        assert unit.wait_for(Closed).code == "connection_lost"
        assert wire.decode_json("birth", listener.stdout.readline())["state"] == "offline"
        unit.line.open(WILL)
        unit.wait_for(Opened)
        unit.line.close(b"going")
        assert listener.stdout.readline() == "going\n"
        listener.terminate()


def test_a_broker_that_dies_is_lost_and_found_again(mosquitto: Mosquitto, hear: Callable[..., Heard]) -> None:
    unit = hear(mosquitto.host, mosquitto.port)
    unit.line.open(WILL)
    unit.wait_for(Opened)
    mosquitto.kill()
    assert unit.wait_for(Closed).code in {"connection_lost", "dropped"}
    unit.line.open(WILL)
    assert "refused" in unit.wait_for(Closed).detail
    mosquitto.start()
    unit.line.open(WILL)
    unit.wait_for(Opened)
    assert unit.line.publish("batch", b"again") is not None


def test_nothing_of_the_old_connection_goes_out_on_the_new(
    mosquitto: Mosquitto, hear: Callable[..., Heard]
) -> None:
    """paho would send all it had queued as soon as it is connected; here that is the outbox's to send."""
    unit = hear(mosquitto.host, mosquitto.port)
    unit.line.open(WILL)
    unit.wait_for(Opened)
    mosquitto.pause()
    for _ in range(50):
        unit.line.publish("batch", b"x" * 1000)
    mosquitto.kill()
    mosquitto.start()
    with subprocess.Popen(
        ["mosquitto_sub", "-p", str(mosquitto.port), "-t", "ortoo/#", "-F", "%t"],
        stdout=subprocess.PIPE,
        text=True,
    ) as listener:
        assert listener.stdout is not None
        unit.line.open(WILL)
        unit.wait_for(Opened)
        unit.line.publish("birth", b"here", is_retained=True)
        assert listener.stdout.readline() == "ortoo/v1/vehicle-01/birth\n"
        listener.terminate()


def test_who_is_not_let_in_is_told_so(
    mosquitto_factory: Callable[..., Mosquitto], hear: Callable[..., Heard], tmp_path: Path
) -> None:
    users = tmp_path / "users"
    passwd = find_program("mosquitto_passwd")
    if passwd is None:
        pytest.skip("mosquitto_passwd is not installed: apt-get install mosquitto")
    subprocess.run([passwd, "-c", "-b", users, UNIT, "right"], check=True, capture_output=True)
    broker = mosquitto_factory([f"password_file {users}"], is_anonymous=False)
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    unit = hear(broker.host, broker.port, username=UNIT, password_file=str(secret))
    unit.line.open(WILL)
    closed = unit.wait_for(Closed)
    assert (closed.code, closed.is_other_protocol_next) == ("refused", False)
    assert "Not authorized" in closed.detail
    assert "wrong" not in closed.detail
    secret.write_text("right\n")
    unit.line.open(WILL)
    unit.wait_for(Opened)


def test_a_topic_that_is_not_ours_is_refused_with_its_reason(
    mosquitto_factory: Callable[..., Mosquitto], hear: Callable[..., Heard], tmp_path: Path
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic write ortoo/v1/vehicle-01/live\n")
    broker = mosquitto_factory([f"acl_file {rules}"])
    unit = hear(broker.host, broker.port)
    unit.line.open(WILL)
    unit.wait_for(Opened)
    unit.line.publish("batch", b"x")
    assert unit.wait_for(Taken).code == 0x87
    client: Any = unit.line._client
    client.on_subscribe(client, None, 1, [mqtt_code(0x87)], None)  # Mosquitto grants what it never delivers
    assert "Not authorized" in unit.wait_for(Denied).detail


def mqtt_code(value: int) -> Any:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.reasoncodes import ReasonCode

    return ReasonCode(PacketTypes.SUBACK, identifier=value)


@pytest.mark.parametrize(("reason", "code"), [(0x8E, "taken_over"), (0x97, "quota"), (0x8B, "dropped")])
def test_why_a_broker_ends_it_is_told(hear: Callable[..., Heard], reason: int, code: str) -> None:
    """0x8E: another unit of the same name came. (Mosquitto 2.0.11 hangs up without a word.)"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        unit = hear("127.0.0.1", server.getsockname()[1])
        unit.line.open(WILL)
        client, _address = server.accept()
        with client:
            client.recv(1000)
            client.sendall(b"\x20\x03\x00\x00\x00")
            unit.wait_for(Opened)
            client.sendall(bytes((0xE0, 2, reason, 0)))
            assert unit.wait_for(Closed).code == code


def old_broker(server: socket.socket, levels: list[int], answer_new: bytes, clients: int = 2) -> None:
    """Speaks only 3.1.1; closes on anything else, or answers `answer_new` before."""
    for _ in range(clients):
        client, _address = server.accept()
        with client:
            data = client.recv(1000)
            levels.append(data[data.index(b"MQTT") + 4])
            if levels[-1] == 4:
                client.sendall(b"\x20\x02\x00\x00")
                client.recv(1000)
            else:
                client.sendall(answer_new)


@pytest.mark.parametrize("answer_new", [b"", b"\x20\x03\x00\x84\x00", b"\x20\x02\x00\x01"])
def test_a_broker_without_mqtt_5_gets_3_1_1_at_once(hear: Callable[..., Heard], answer_new: bytes) -> None:
    levels: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=old_broker, args=(server, levels, answer_new), daemon=True)
        thread.start()
        unit = hear("127.0.0.1", server.getsockname()[1])
        unit.line.open(WILL)
        assert unit.wait_for(Closed).is_other_protocol_next
        unit.line.open(WILL)
        assert unit.wait_for(Opened) == Opened("3.1.1")
        unit.line.close()
        thread.join(60)
    assert levels == [5, 4]


def test_what_worked_last_time_is_tried_first(hear: Callable[..., Heard]) -> None:
    levels: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=old_broker, args=(server, levels, b"", 1), daemon=True)
        thread.start()
        unit = hear("127.0.0.1", server.getsockname()[1], known_protocol="3.1.1")
        unit.line.open(WILL)
        unit.wait_for(Opened)
        unit.line.close()
        thread.join(60)
    assert levels == [4]


@pytest.mark.parametrize(("answer", "is_other_next"), [(b"", False), (b"\x20\x03\x00\x84\x00", True)])
def test_a_broker_that_has_spoken_mqtt_5_loses_it_only_by_its_own_word(
    hear: Callable[..., Heard], answer: bytes, is_other_next: bool
) -> None:
    """A captive portal, a reset, a middlebox: they close before an answer, too."""
    levels: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=old_broker, args=(server, levels, answer, 1), daemon=True)
        thread.start()
        unit = hear("127.0.0.1", server.getsockname()[1], known_protocol="5")
        unit.line.open(WILL)
        assert unit.wait_for(Closed).is_other_protocol_next == is_other_next
        thread.join(60)
    assert levels == [5]


def test_trouble_on_the_way_is_told_in_one_line(
    hear: Callable[..., Heard], free_port: int, tmp_path: Path
) -> None:
    nowhere = hear("127.0.0.1", free_port)
    nowhere.line.open(WILL)
    assert nowhere.wait_for(Closed) == Closed(
        "unreachable", f"127.0.0.1:{free_port}: connection refused", is_broker_gone=True
    )
    nameless = hear("no-such-host.invalid", 1883)
    nameless.line.open(WILL)
    assert nameless.wait_for(Closed, 60).detail == "no-such-host.invalid:1883: the name cannot be resolved"
    lost = hear("127.0.0.1", free_port, username="x", password_file=str(tmp_path / "none"))
    lost.line.open(WILL)
    assert lost.wait_for(Closed) == Closed(
        "settings", f"[broker] {tmp_path / 'none'}: No such file or directory"
    )


def test_a_line_that_was_closed_says_nothing_more(mosquitto: Mosquitto, hear: Callable[..., Heard]) -> None:
    unit = hear(mosquitto.host, mosquitto.port)
    for _ in range(10):
        unit.line.open(WILL)
    unit.wait_for(Opened)
    unit.line.close()
    unit.line.events()
    mosquitto.kill()
    assert unit.line.publish("batch", b"x") is None
    assert unit.line.publish_now("live", b"x") is False
    assert unit.line.events() == []


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.crt, good.crt and good.key for 127.0.0.1, and old.crt and old.key, which ran out."""
    folder = tmp_path_factory.mktemp("authority")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

    def openssl(arguments: str) -> None:
        subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)

    openssl(f"req -x509 {key} -days 30 -subj /CN=ca -keyout ca.key -out ca.crt")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name, days in (("good", 30), ("old", 0)):
        openssl(f"req {key} -subj /CN=broker -keyout {name}.key -out {name}.csr")
        openssl(
            f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -days {days} -extfile names -out {name}.crt"
        )
    return folder


def tls_broker(make: Callable[..., Mosquitto], authority: Path, name: str) -> Mosquitto:
    return make([f"certfile {authority / name}.crt", f"keyfile {authority / name}.key"])


def test_tls_wants_a_certificate_that_our_authority_signed(
    mosquitto_factory: Callable[..., Mosquitto], hear: Callable[..., Heard], authority: Path
) -> None:
    broker = tls_broker(mosquitto_factory, authority, "good")
    trusting = hear(broker.host, broker.port, is_tls=True, ca_file=str(authority / "ca.crt"))
    trusting.line.open(WILL)
    trusting.wait_for(Opened)
    doubting = hear(broker.host, broker.port, "doubting", is_tls=True)
    doubting.line.open(WILL)
    assert "its certificate is not accepted" in doubting.wait_for(Closed).detail


def test_without_a_good_clock_the_date_of_a_certificate_does_not_count(
    mosquitto_factory: Callable[..., Mosquitto], hear: Callable[..., Heard], authority: Path
) -> None:
    broker = tls_broker(mosquitto_factory, authority, "old")
    unit = hear(broker.host, broker.port, is_tls=True, ca_file=str(authority / "ca.crt"))
    unit.line.open(WILL, is_clock_good=True)
    assert "expired" in unit.wait_for(Closed).detail
    unit.line.open(WILL, is_clock_good=False)
    unit.wait_for(Opened)


GREETINGS = {"5": b"\x20\x03\x00\x00\x00", "3.1.1": b"\x20\x02\x00\x00"}


def answering(server: socket.socket, *answers: bytes) -> list[socket.socket]:
    """Whoever connects hears these, one after the other; the sockets stay open."""
    clients: list[socket.socket] = []

    def run() -> None:
        client, _address = server.accept()
        clients.append(client)
        client.recv(1000)
        for answer in answers:
            client.sendall(answer)

    threading.Thread(target=run, daemon=True).start()
    return clients


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_paho_stumbles_over_ends_the_connection_with_a_word(
    hear: Callable[..., Heard], protocol: str
) -> None:
    """A topic that is no UTF-8: paho's thread would die of it, and the line look open for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        clients = answering(server, GREETINGS[protocol], b"\x30\x06\x00\x02\xff\xfe\x00x")
        unit = hear("127.0.0.1", server.getsockname()[1], protocol=protocol)
        unit.line.open(WILL)
        closed = unit.wait_for(Closed, 60)
        assert (closed.code, closed.is_broker_gone) == ("dropped", True)
        assert "no MQTT" in closed.detail
        for client in clients:
            client.close()


def test_an_attempt_that_fails_in_any_way_is_told(
    hear: Callable[..., Heard], free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be under way for ever: a Pi may be out of threads for a moment."""

    def out_of_threads(*_: Any, **__: Any) -> None:
        raise RuntimeError("can't start new thread")

    unit = hear("127.0.0.1", free_port)
    monkeypatch.setattr(mqtt.paho.Client, "connect", out_of_threads)
    unit.line.open(WILL)
    assert unit.wait_for(Closed, 60).detail.endswith("can't start new thread")


def test_a_line_on_which_nobody_reads_is_closed_at_once(hear: Callable[..., Heard]) -> None:
    """paho's loop waits with its last word for as long as the keepalive: longer than the watchdog does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        clients = answering(server, GREETINGS["5"])
        unit = hear("127.0.0.1", server.getsockname()[1], keepalive_s=600)
        unit.line.open(WILL)
        unit.wait_for(Opened)
        for _ in range(15):
            unit.line.publish("batch", bytes(1_000_000))
        closing = threading.Thread(target=unit.line.close, args=(b"gone",), daemon=True)
        closing.start()
        closing.join(60)
        assert not closing.is_alive()
        for client in clients:
            client.close()


@pytest.mark.parametrize("secret", [b"\xff\xfe\x00", b"x" * 2000])
def test_a_password_that_is_none_is_named_and_kept_secret(
    hear: Callable[..., Heard], free_port: int, tmp_path: Path, secret: bytes
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(secret)
    unit = hear("127.0.0.1", free_port, username="x", password_file=str(path))
    unit.line.open(WILL)
    closed = unit.wait_for(Closed)
    assert closed.code == "settings"
    assert closed.detail.startswith(f"[broker] password_file: {path}: ")
    assert "xx" not in closed.detail.removeprefix(f"[broker] password_file: {path}: ")


def test_a_broker_is_told_how_large_a_packet_may_be(hear: Callable[..., Heard]) -> None:
    """Somebody's megabytes under our topic would be fetched over the air at each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        unit = hear("127.0.0.1", server.getsockname()[1], protocol="5")
        unit.line.open(WILL)
        client, _address = server.accept()
        with client:
            maximum_packet_size = b"\x27" + mqtt.MOST_BYTES.to_bytes(4, "big")
            assert maximum_packet_size in client.recv(1000)
