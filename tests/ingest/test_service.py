"""The service as a process: it starts, refuses, ends and goes on where it was."""

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware import wire
from ingest.config import BrokerSettings
from ingest.intake import Intake
from ingest.subscriber import Subscriber
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.ports import free_port
from tests.fixtures.programs import ROOT, Program
from tests.fixtures.waiting import wait_until
from tests.ingest.made import UNIT, birth, fixes

Start = Callable[..., Program]


class Service:
    """Settings in a folder, and the process that runs with them."""

    def __init__(self, folder: Path, broker_port: int, start: Start, **http: object) -> None:
        self.port = int(str(http.get("port", free_port())))
        self.config = folder / "ingest.toml"
        self.config.write_text(
            f"[broker]\nport = {broker_port}\n[store]\npath = '{folder / 'store.sqlite3'}'\n"
            f"[http]\nport = {self.port}\nhost = '{http.get('host', '127.0.0.1')}'\n"
        )
        self._start = start

    def run(self, *more: str) -> Program:
        self.program = self._start("ingest", "run", "--config", self.config, *more)
        return self.program

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return json.load(answer)

    def is_ready(self) -> bool:
        assert self.program.is_running, self.program.tail()
        try:
            return bool(self.get("/readyz")["is_ready"])
        except OSError:
            return False

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of the program, at its end."""
        command = [sys.executable, "-m", "ingest", *arguments, "--config", str(self.config)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def service(tmp_path: Path, mosquitto: Mosquitto, start_module: Start) -> Service:
    return Service(tmp_path, mosquitto.port, start_module)


@pytest.fixture
def unit(mosquitto: Mosquitto) -> Any:
    from tests.ingest.test_subscriber import Unit

    unit = Unit(mosquitto)
    unit.client.subscribe("ortoo/v1/+/receipt", 1)
    yield unit
    unit.close()


def receipts(unit: Any) -> list[dict[str, Any]]:
    return [wire.decode_json("receipt", payload) for _, payload, _, _ in unit.heard]


def mark(unit: Any) -> int:
    return max([receipt["lanes"]["track"]["mark"] for receipt in receipts(unit)], default=0)


def test_from_the_broker_to_the_receipt_and_the_api(service: Service, unit: Any) -> None:
    service.run()
    wait_until(service.is_ready, 30)
    unit.say(f"ortoo/v1/{UNIT}/birth", birth(3), is_retained=True)
    unit.say(f"ortoo/v1/{UNIT}/batch", fixes(range(1, 61)))
    wait_until(lambda: mark(unit) == 60)
    assert receipts(unit)[-1]["conn"] == 3
    (shown,) = service.get("/api/v1/units")["units"]
    assert (shown["unit"], shown["connection"]) == (UNIT, "online")


def test_it_ends_with_a_reader_on_the_stream(service: Service) -> None:
    service.run()
    wait_until(service.is_ready, 30)
    with socket.create_connection(("127.0.0.1", service.port)) as reader:
        reader.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"200" in reader.recv(100)
        assert service.program.stop() == 0


def test_a_kill_at_any_moment_loses_nothing_and_doubles_nothing(service: Service, unit: Any) -> None:
    """The unit goes back to the mark whenever a receipt fails to come, as a real one does."""
    for kill_at in (5, 12, 18):
        service.run()
        wait_until(service.is_ready, 30)
        unit.say(f"ortoo/v1/{UNIT}/birth", birth(kill_at), is_retained=True)
        wait_until(lambda conn=kill_at: any(receipt["conn"] == conn for receipt in receipts(unit)))
        for first in range(mark(unit) // 10, kill_at):
            unit.client.publish(f"ortoo/v1/{UNIT}/batch", fixes(range(10 * first + 1, 10 * first + 11)), 1)
        wait_until(lambda at=kill_at: mark(unit) >= 10 * (at - 3))
        service.program.kill()
    service.run()
    wait_until(service.is_ready, 30)
    wait_until(lambda: _is_drained(unit, 200))
    service.program.stop()
    from ingest.history.sqlite import SqliteHistory
    from ingest.ledger.files import open_reading

    reading = open_reading(service.config.parent / "store.sqlite3")
    seqs = SqliteHistory(reading).read(UNIT, "fix", None, 0, wire.MAX_TIME_MS).columns["seq"]
    reading.close()
    assert seqs == list(range(1, 201))


def _is_drained(unit: Any, upto: int) -> bool:
    done = mark(unit)
    if done < upto:
        first = done + 1
        unit.say(f"ortoo/v1/{UNIT}/batch", fixes(range(first, min(first + 10, upto + 1))))
    return done == upto


def test_it_waits_for_a_broker_that_is_not_there(service: Service, mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    program = service.run()
    wait_until(lambda: "serving on" in program.log(), 30)
    assert service.get("/healthz")
    assert "cannot be reached; trying again" in program.log()
    mosquitto.start()
    wait_until(service.is_ready, 40)


def refused(program: Program) -> str:
    """The last line of a program that could not start."""
    assert program.wait(30) == 2
    return program.log().strip().splitlines()[-1]


def test_a_broker_that_refuses_stops_it_with_a_clear_line(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto], start_module: Start
) -> None:
    broker = mosquitto_factory(is_anonymous=False)
    said = refused(Service(tmp_path, broker.port, start_module).run())
    assert said == f"ortoo-ingest: broker 127.0.0.1:{broker.port} refuses the service: Not authorized"


def test_a_port_in_use_stops_it_with_a_clear_line(
    tmp_path: Path, mosquitto: Mosquitto, start_module: Start
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(Service(tmp_path, mosquitto.port, start_module, port=port).run())
    assert said == (
        f"ortoo-ingest: cannot listen on 127.0.0.1:{port}: Address already in use; choose another http.port"
    )


def test_another_address_is_refused_until_there_is_a_key(
    tmp_path: Path, mosquitto: Mosquitto, start_module: Start
) -> None:
    service = Service(tmp_path, mosquitto.port, start_module, host="0.0.0.0")
    assert "ortoo-ingest key add NAME" in refused(service.run())
    made = service.ask("key", "add", "duty")
    assert made.stdout.startswith("ortoo_")
    service.run()
    wait_until(lambda: _answers(service.port) == 200, 30)
    assert "duty" in service.ask("key", "list").stdout
    assert service.ask("key", "add", "second").returncode == 0  # while the service runs
    assert service.ask("key", "remove", "nobody").returncode == 2


def _answers(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as answer:
            return int(answer.status)
    except OSError:
        return 0


def test_a_second_service_on_the_same_store_is_kept_away(service: Service, start_module: Start) -> None:
    service.run()
    wait_until(service.is_ready, 30)
    assert "held by another ortoo-ingest" in refused(
        start_module("ingest", "run", "--config", service.config)
    )


def test_a_file_that_is_no_store_stops_it_with_a_clear_line(service: Service) -> None:
    path = service.config.parent / "store.sqlite3"
    path.write_bytes(b"not a database" * 100)
    said = refused(service.run())
    assert said == f"ortoo-ingest: the store at {path} cannot be used: file is not a database"


def test_a_misspelt_option_is_named(service: Service) -> None:
    service.config.write_text("[broker]\nprot = 1\n")
    assert refused(service.run()).endswith("unknown key broker.prot; did you mean port?")


def test_what_the_terminal_shows(service: Service, unit: Any) -> None:
    assert "there is no store" in service.ask("units").stderr
    service.run()
    wait_until(service.is_ready, 30)
    unit.say(f"ortoo/v1/{UNIT}/batch", b"garbage")
    unit.say(f"ortoo/v1/{UNIT}/batch", fixes([1]))
    wait_until(lambda: mark(unit) == 1)
    assert json.loads(service.ask("units").stdout)["unit"] == UNIT
    (line,) = service.ask("quarantine", "list").stdout.splitlines()
    entry = json.loads(line)
    assert (entry["cause"], entry["times"]) == ("not_protobuf", 1)
    shown = service.ask("quarantine", "show", str(entry["id"]))
    assert json.loads(shown.stdout)["payload_hex"] == b"garbage".hex()
    path = service.config.parent / "payload"
    service.ask("quarantine", "export", str(entry["id"]), str(path))
    assert path.read_bytes() == b"garbage"
    assert service.ask("quarantine", "show", "99").returncode == 2


def test_tail_prints_records_as_json_lines(service: Service, unit: Any, start_module: Start) -> None:
    program = start_module("ingest", "tail", "--config", service.config)
    wait_until(lambda: "connected" in program.log(), 30)
    unit.say(f"ortoo/v1/{UNIT}/batch", fixes([1, 2]))
    unit.say(f"ortoo/v1/{UNIT}/batch", b"garbage")
    wait_until(lambda: "refused" in program.log())
    first = json.loads(next(line for line in program.log().splitlines() if line.startswith('{"unit"')))
    assert (first["kind"], first["seq"], first["fix_mode"], first["lat_e7"]) == ("fix", 1, "3d", 492122000)
    assert first["time"] == "2026-11-21T08:00:01.000Z"


def test_a_broker_of_the_older_protocol_is_joined_all_the_same(free_port: int, start_module: Start) -> None:
    """amqtt, the demo's broker, speaks MQTT 3.1.1 alone."""
    pytest.importorskip("amqtt")
    broker = start_module("ingest.demo.broker", str(free_port))
    wait_until(lambda: _is_open(free_port, broker), 30)
    intake = Intake()
    subscriber = Subscriber(BrokerSettings(port=free_port), None, intake, time.monotonic)
    subscriber.start()

    def is_connected() -> bool:
        subscriber.tend()
        return subscriber.is_connected

    wait_until(is_connected, 20)
    subscriber.stop()


def _is_open(port: int, broker: Program) -> bool:
    assert broker.is_running, broker.tail()
    try:
        with socket.create_connection(("127.0.0.1", port), 60):
            return True
    except OSError:
        return False
