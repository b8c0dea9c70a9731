"""A small fleet of real agents on a real broker: seen, ended at once, and going on where it stopped."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.simulate import journal
from edge.simulate.drive import Vehicle, scenes
from edge.simulate.fleet import fleet
from edge.simulate.places import distance_m
from edge.simulate.receiver import Antenna, Receiver
from firmware import wire
from tests.fixtures.waiting import wait_until

FASTEST_M_S = 40
HOUR_MS = 3_600_000


@pytest.fixture
def heard(mosquitto):
    """Everything that units say, as (unit, leaf, payload)."""
    messages = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: messages.append(
        (*wire.parse_topic(message.topic), message.payload)
    )
    client.connect(mosquitto.host, mosquitto.port)
    client.subscribe("ortoo/v1/#", 1)
    client.loop_start()
    yield messages
    client.disconnect()
    client.loop_stop()


def lives(heard):
    found = [(unit, wire.decode_json("live", payload)) for unit, leaf, payload in heard if leaf == "live"]
    return [(unit, live) for unit, live in found if "lat_e7" in live and live["clock"] == "gnss"]


def offline(heard):
    """Who has said goodbye."""
    births = [(unit, wire.decode_json("birth", payload)) for unit, leaf, payload in heard if leaf == "birth"]
    return {unit for unit, birth in births if birth["state"] == "offline"}


def start(start_module, mosquitto, data: Path, *more: str):
    broker = f"{mosquitto.host}:{mosquitto.port}"
    return start_module("edge", "simulate", "--units", "3", "--broker", broker, "--data", data, *more)


def last_of(status: Path) -> dict[str, int]:
    """The last whole line of the status file."""
    lines = status.read_text().split("\n")[:-1]
    return json.loads(lines[-1]) if lines else {}


def children_of(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_units_are_heard_end_at_once_and_go_on_where_they_stopped(start_module, mosquitto, heard, tmp_path):
    status = tmp_path / "status"
    fleet_run = start(start_module, mosquitto, tmp_path / "data", "--status-json", str(status))
    ids = {unit.id for unit in fleet(3)}
    wait_until(lambda: {unit for unit, _ in lives(heard)} == ids, 30)
    wait_until(lambda: last_of(status).get("fixes", 0) > 5 and last_of(status)["online"] == 3, 20)
    told = last_of(status)
    assert (told["units"], told["on"], told["restarts"]) == (3, 3, 0)
    pids = children_of(fleet_run.pid)
    assert len(pids) == 3
    fleet_run.child.send_signal(signal.SIGINT)
    assert fleet_run.wait(15) == 0
    assert not any(map(is_alive, pids))

    last = dict(lives(heard))
    wait_until(lambda: offline(heard) == ids)
    heard.clear()
    start(start_module, mosquitto, tmp_path / "data")
    wait_until(lambda: {unit for unit, _ in lives(heard)} == ids, 30)
    for unit, live in reversed(lives(heard)):
        before = last[unit]
        elapsed_s = (live["time_ms"] - before["time_ms"]) / 1000
        assert elapsed_s >= 0
        there, here = ((each["lat_e7"] / 1e7, each["lon_e7"] / 1e7) for each in (before, live))
        assert distance_m(*there, *here) < 100 + FASTEST_M_S * elapsed_s


def test_a_dead_unit_starts_again_and_all_die_with_their_parent(start_module, mosquitto, heard, tmp_path):
    fleet_run = start(start_module, mosquitto, tmp_path / "data")
    wait_until(lambda: {unit for unit, leaf, _ in heard if leaf == "birth"} == {u.id for u in fleet(3)}, 30)
    first = children_of(fleet_run.pid)
    os.kill(first[0], signal.SIGKILL)
    fleet_run.wait_for_log("ended with -9; starts again")
    wait_until(lambda: len(children_of(fleet_run.pid)) == 3, 10)
    assert first[0] not in children_of(fleet_run.pid)
    pids = children_of(fleet_run.pid)
    os.kill(fleet_run.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, pids)), 15)


def test_a_faster_day_is_lived_by_vehicle_and_agent_alike(start_module, mosquitto, heard, tmp_path):
    start(start_module, mosquitto, tmp_path / "data", "--speed", "10")

    def ahead_ms():
        return max((live["time_ms"] for _, live in lives(heard)), default=0) - time.time() * 1000

    wait_until(lambda: ahead_ms() > 60_000, 30)  # of the day outside, which it began with


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--broker", "host:port"], "--broker host:port: must be HOST or HOST:PORT"),
        (["--speed", "0"], "--speed 0: must be within 0.1 to 1000"),
        (["--units", "-1"], "--units -1: must be within 0 to 2000"),
        (["--replay", "/absent.log"], "/absent.log: cannot be read"),
    ],
)
def test_a_bad_option_is_named(start_module, tmp_path, more, message):
    program = start_module("edge", "simulate", "--data", tmp_path / "data", *more)
    assert program.wait() == 2
    assert message in program.log()


def test_one_folder_has_one_fleet_and_never_an_earlier_time(start_module, mosquitto, tmp_path):
    broker = f"{mosquitto.host}:{mosquitto.port}"
    arguments = ("simulate", "--units", "1", "--broker", broker, "--data", tmp_path / "data")
    fast = start_module("edge", *arguments, "--speed", "1000")
    wait_until(lambda: (journal.last_ms(tmp_path / "data") or 0) > time.time() * 1000 + HOUR_MS, 20)
    second = start_module("edge", *arguments)
    assert second.wait() == 2
    assert "is in use by another simulation" in second.log()
    fast.stop()
    slow = start_module("edge", *arguments)
    assert slow.wait() == 2
    assert "have lived" in slow.log()


def test_a_recording_is_one_more_unit_that_drives_today(start_module, mosquitto, heard, tmp_path):
    unit = fleet(1)[0]
    vehicle, receiver = Vehicle(unit.id, unit.home_id), Receiver(unit.id)
    driven = enumerate(scenes(vehicle, vehicle.start(), 30))
    said = [receiver.epoch(Antenna(on_s=100), scene, 1_118_311_200_000 + 1000 * n) for n, scene in driven]
    (tmp_path / "drive.log").write_bytes(b"".join(said))
    start(start_module, mosquitto, tmp_path / "data", "--units", "0", "--replay", tmp_path / "drive.log")
    wait_until(lambda: len(lives(heard)) > 3, 30)
    assert {name for name, _ in lives(heard)} == {"replay-01"}
    newest_ms = lives(heard)[-1][1]["time_ms"]
    assert abs(newest_ms - time.time() * 1000) < 60_000
