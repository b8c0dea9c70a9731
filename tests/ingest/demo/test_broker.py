"""The demo's broker: on loopback, MQTT 3.1.1, enough for a receipt to come back; and its ports."""

import socket
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

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
    sender.publish("ortoo/v1/a/receipt", b"{}", qos=1, retain=True).wait_for_publish(60)
    got: list[bytes] = []
    receiver.on_message = lambda _client, _data, message: got.append(message.payload)
    receiver.subscribe("ortoo/v1/a/receipt", 1)
    wait_until(lambda: got == [b"{}"])
    for client in (sender, receiver):
        client.disconnect()
        client.loop_stop()
    assert broker.stop() == 0


def test_mqtt_5_is_turned_down_at_once(broker: Program, free_port: int) -> None:
    """With properties, as both our ends connect: amqtt alone would never answer."""
    answers: list[str] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="five", protocol=paho.MQTTv5)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(str(reason))
    properties = Properties(PacketTypes.CONNECT)
    properties.ReceiveMaximum = 1000
    client.connect(HOST, free_port, keepalive=20, properties=properties)
    client.loop_start()
    wait_until(lambda: answers)
    client.disconnect()
    client.loop_stop()
    assert answers == ["Unsupported protocol version"]


@pytest.mark.parametrize("junk", [b"", b"\x10", b"GET / HTTP/1.1\r\n\r\n", bytes(40), b"\xff" * 40])
def test_junk_and_half_packets_leave_it_serving(broker: Program, free_port: int, junk: bytes) -> None:
    with socket.create_connection((HOST, free_port), 60) as client:
        client.sendall(junk)
    later = connected(free_port)
    later.disconnect()
    later.loop_stop()
    assert broker.is_running
    assert "Traceback" not in broker.log()


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
