"""The demo's broker: on loopback, MQTT 3.1.1, enough for a receipt to come back; and its ports."""

import socket
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from ingest.demo.ports import PortInUse, is_free, is_open, next_free
from tests.fixtures.programs import Program
from tests.fixtures.waiting import wait_until

HOST = "127.0.0.1"


@pytest.fixture
def broker(start_module: Callable[..., Program], free_port: int) -> Program:
    program = start_module("ingest.demo.broker", str(free_port))
    wait_until(lambda: is_open(HOST, free_port))
    return program


def connected(port: int) -> paho.Client:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(HOST, port, keepalive=20)
    client.loop_start()
    wait_until(client.is_connected)
    return client


def test_a_retained_message_reaches_who_comes_later(broker: Program, free_port: int) -> None:
    sender, receiver = connected(free_port), connected(free_port)
    sender.publish("ortoo/v1/a/receipt", b"{}", qos=1, retain=True).wait_for_publish(5)
    got: list[bytes] = []
    receiver.on_message = lambda _client, _data, message: got.append(message.payload)
    receiver.subscribe("ortoo/v1/a/receipt", 1)
    wait_until(lambda: got == [b"{}"])
    for client in (sender, receiver):
        client.disconnect()
        client.loop_stop()
    assert broker.stop(2) == 0


def test_it_listens_on_loopback_only(broker: Program, free_port: int) -> None:
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [fields[1] for fields in sockets if fields[3] == "0A"]
    assert [where for where in listening if where.endswith(f":{free_port:04X}")] == [
        f"0100007F:{free_port:04X}"
    ]


def test_a_port_in_use_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert next_free(port) > port


def test_no_free_port_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.demo.ports.is_free", lambda _port: False)
    with pytest.raises(PortInUse, match="ports 8137 to 8186 are all in use"):
        next_free(8137)
