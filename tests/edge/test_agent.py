"""The whole agent: threads, a real file, a real broker, and a service on paper at the other end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.agent import Agent
from edge.config import settings_of
from edge.outbox import Limits, open_outbox
from edge.record import Reading, fault
from edge.time_source import ScaledTime
from firmware import wire
from tests.edge.made import BOOT_AT_MS
from tests.edge.paper_service import PaperService
from tests.fixtures.programs import ROOT
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto


class Service:
    """Takes batches from the broker, judges and keeps them, answers with receipts."""

    def __init__(self, broker: Mosquitto) -> None:
        self.paper = PaperService()
        self.births: list[dict[str, Any]] = []
        self.lives: list[dict[str, Any]] = []
        self.is_answering = True
        self.lock = threading.Lock()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, "service", clean_session=True)
        self.client.on_connect = lambda client, *_: client.subscribe("ortoo/v1/+/#", 1)
        self.client.on_message = self.hear
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()

    def hear(self, client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        unit, leaf = wire.parse_topic(message.topic)
        with self.lock:
            if leaf == "batch":
                batch = wire.decode_batch(message.payload)
                self.paper.take(batch)
                self.answer(unit, batch.epoch)
            elif leaf == "birth":
                self.births.append(wire.decode_json("birth", message.payload))
                if self.births[-1]["state"] == "online":
                    self.answer(unit, self.births[-1]["epoch"])
            elif leaf == "live":
                self.lives.append(wire.decode_json("live", message.payload))

    def answer(self, unit: str, epoch: str) -> None:
        if self.is_answering:
            told = self.paper.receipt(epoch, self.births[-1]["conn"] if self.births else 0)
            self.client.publish(
                wire.topic(unit, "receipt"), wire.encode_json("receipt", told), 1, retain=True
            )

    def ask(self, unit: str, command: dict[str, Any]) -> None:
        self.client.publish(wire.topic(unit, "command"), wire.encode_json("command", command), 1)

    def values(self, kind: str, name: str) -> Counter[Any]:
        """How often each value of a field is stored."""
        at = [field.name for field in (*wire.BASE[1:], *wire.KINDS[kind].fields)].index(name)
        with self.lock:
            return Counter(content[3 + at] for content in self.paper.rows.values() if content[1] == kind)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def service(mosquitto: Mosquitto) -> Iterator[Service]:
    made = Service(mosquitto)
    yield made
    made.close()


class Drive:
    """A source: a numbered fix each second of the unit's time, and then as it is told."""

    name = "gnss"
    refused: dict[str, int] = {}  # noqa: RUF012 - as the protocol has it

    def __init__(self, clock: ScaledTime, fixes: int, *, dies_at: int = -1) -> None:
        self.clock, self.fixes, self.dies_at, self.made = clock, fixes, dies_at, 0

    def run(self, emit: Callable[[Reading], None], stop: threading.Event) -> None:
        while not stop.is_set():
            if self.made == self.dies_at:
                self.dies_at = -1
                raise RuntimeError("out of luck")
            if self.made < self.fixes:
                number, now = self.made + 1, self.clock.mono_ms()
                values = {"lat_e7": number, "lon_e7": 7 * number, "fix_mode": 2, "speed_cm_s": 500}
                emit(Reading("fix", "gnss", now, values, BOOT_AT_MS + now))
                self.made = number  # now that the agent has it
            stop.wait(1 / self.clock.speed)


SPEED = 20.0


class Running:
    """An agent in a thread."""

    def __init__(
        self, tmp_path: Path, port: int, fixes: int = 100, speed: float = SPEED, **more: Any
    ) -> None:
        tables = {
            "unit": {"id": "vehicle-01", "name": "Bus", "capabilities": ["library"]},
            "broker": {"host": "127.0.0.1", "port": port},
            "outbox": {"path": str(tmp_path / "unit" / "outbox.db"), "max_mib": 4},
            "track": {"tolerance_m": 0, "window_s": 5, "anchor_radius_m": 0},
            "sense": {"period_s": 20},
            "clock": {"hold_s": 10},
        }
        for name, table in more.pop("tables", {}).items():
            tables[name] = {**tables.get(name, {}), **table}
        self.clock = ScaledTime(speed)
        self.source = Drive(self.clock, fixes, **more)
        self.agent = Agent(settings_of(tables, "test"), self.clock, sources=[self.source])
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.agent.run, args=(self.stop,))
        self.thread.start()

    def end(self) -> None:
        self.stop.set()
        self.thread.join(60)
        assert not self.thread.is_alive()


@pytest.fixture
def start(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def make(**options: Any) -> Running:
        made.append(Running(tmp_path, mosquitto.port, **options))
        return made[-1]

    yield make
    for running in made:
        running.end()


def refused(port: int) -> str:
    return f"127.0.0.1:{port}: connection refused; trying again by itself, every minute or so at least"


def test_no_broker_is_said_once(tmp_path: Path, free_port: int, caplog: pytest.LogCaptureFixture) -> None:
    running = Running(tmp_path, free_port, fixes=0, tables={"broker": {"spread_s": 0}})
    try:
        wait_until(lambda: running.agent._uplink._failures >= 4, 20)
    finally:
        running.end()
    said = [record for record in caplog.records if str(free_port) in record.message]
    assert [(record.levelname, record.message) for record in said] == [("WARNING", refused(free_port))]


def whole(fixes: int) -> Counter[int]:
    return Counter(range(1, fixes + 1))


def test_every_fix_arrives_once_and_the_unit_says_who_it_is(
    start: Callable[..., Running], service: Service
) -> None:
    running = start(fixes=40, tables={"clock": {"hold_s": 3600}})  # a busy machine wins it, too
    wait_until(lambda: service.values("fix", "lat_e7") == whole(40), 20)
    wait_until(lambda: running.agent.depth_rows == 0, 20)
    wait_until(lambda: service.lives and service.lives[-1].get("lat_e7") == 40, 20)
    birth = next(birth for birth in service.births if birth["state"] == "online")
    assert (birth["name"], birth["capabilities"], birth["boot"]) == ("Bus", ["library"], running.clock.boot)
    assert service.lives[-1]["clock"] == "gnss"
    running.end()
    wait_until(lambda: service.births[-1] == {"v": 1, "conn": birth["conn"], "state": "offline"})
    # Fixes from before the clock was won were timed when it was.
    clocks = Counter(content[5] for content in service.paper.rows.values() if content[1] == "fix")
    assert clocks == {wire.CLOCKS.index("gnss"): 40}
    assert service.paper.conflicts == []


def test_nothing_is_lost_when_broker_and_service_lose_everything(
    start: Callable[..., Running], service: Service, mosquitto: Mosquitto
) -> None:
    start(fixes=200, tables={"uplink": {"receipt_timeout_s": 5}})
    wait_until(lambda: len(service.values("fix", "lat_e7")) > 20, 20)
    service.is_answering = False
    mosquitto.kill()
    mosquitto.wipe()
    mosquitto.start()
    wait_until(service.client.is_connected, 20)
    service.is_answering = True
    wait_until(lambda: service.values("fix", "lat_e7") == whole(200), 40)
    assert service.paper.conflicts == []


def test_a_restart_goes_on_where_it_stopped(
    start: Callable[..., Running], service: Service, mosquitto: Mosquitto
) -> None:
    mosquitto.pause()
    first = start(fixes=30)
    wait_until(lambda: first.source.made == 30, 20)
    first.end()
    mosquitto.resume()
    start(fixes=0)
    wait_until(lambda: service.values("fix", "lat_e7") == whole(30), 20)


def test_a_source_that_dies_is_told_and_started_again(
    start: Callable[..., Running], service: Service
) -> None:
    start(fixes=40, dies_at=15)
    wait_until(lambda: service.values("fix", "lat_e7") == whole(40), 20)
    wait_until(lambda: "RuntimeError: out of luck" in service.values("fault", "detail"), 20)


class Dying:
    """A source that never lives."""

    name = "dying"
    refused: dict[str, int] = {}  # noqa: RUF012 - as the protocol has it

    def __init__(self, deaths: int) -> None:
        self.left = deaths

    def run(self, _emit: Callable[[Reading], None], _stop: threading.Event) -> None:
        self.left -= 1
        raise RuntimeError("out of luck")


def test_a_source_that_dies_again_and_again_is_told_once(tmp_path: Path, free_port: int) -> None:
    """A record and a traceback every five seconds would fill the outbox and the journal."""
    path, clock, source = tmp_path / "outbox.db", ScaledTime(100.0), Dying(4)
    tables = {
        "unit": {"id": "vehicle-01"},
        "outbox": {"path": str(path)},
        "broker": {"host": "127.0.0.1", "port": free_port},
    }
    agent, stop = Agent(settings_of(tables, "test"), clock, sources=[source]), threading.Event()
    thread = threading.Thread(target=agent.run, args=(stop,))
    begun_ms = clock.mono_ms()
    thread.start()
    wait_until(lambda: source.left == 0, 60)
    lived_ms = clock.mono_ms() - begun_ms
    stop.set()
    thread.join(30)
    assert lived_ms >= 35_000, "5, 10 and 20 s"
    assert codes_of(path)["died"] == 1


def codes_of(path: Path) -> Counter[str]:
    """The faults in an outbox."""
    outbox, _ = open_outbox(path, "f" * 16, Limits())
    found: Counter[str] = Counter()
    after = None
    while (batch := outbox.take("event", after)) is not None:
        after = (batch.epoch, batch.last_seq)
        for group in batch.groups:
            found.update(group.columns.get("code", []))
    outbox.close()
    return found


class Stumbling(Agent):
    """Meets what nobody thought of."""

    def sense(self, now_ms: int) -> None:
        self.emit(fault("test", "accepted", now_ms))
        self.emit(fault("test", "accepted too", now_ms))
        raise RuntimeError("what nobody thought of")


def test_an_agent_that_stumbles_leaves_on_disk_what_it_has_accepted(tmp_path: Path, free_port: int) -> None:
    path = tmp_path / "outbox.db"
    tables = {
        "unit": {"id": "vehicle-01"},
        "outbox": {"path": str(path)},
        "broker": {"host": "127.0.0.1", "port": free_port},
    }
    agent = Stumbling(settings_of(tables, "test"), ScaledTime(), sources=[])
    with pytest.raises(RuntimeError):
        agent.run(threading.Event())
    assert codes_of(path) == {"accepted": 1, "accepted too": 1}


def test_the_raw_track_is_sent_on_command(start: Callable[..., Running], service: Service) -> None:
    running = start(fixes=60, tables={"track": {"tolerance_m": 500, "window_s": 10}})
    wait_until(lambda: running.source.made == 60 and not running.agent._intake.waiting, 20)
    wait_until(lambda: service.births, 10)
    service.ask("vehicle-01", {"id": "c1", "what": "raw_track", "from_ms": 0, "to_ms": wire.MAX_TIME_MS})
    wait_until(lambda: "c1" in service.values("answer", "command_id"), 10)

    def raw() -> set[int]:
        with service.lock:
            rows = service.paper.rows.values()
            return {content[6] for content in rows if content[1:3] == ("fix", "gnss-raw")}

    wait_until(lambda: raw() == set(range(1, 61)), 10)


def test_a_damaged_outbox_is_told_and_recording_goes_on(
    start: Callable[..., Running], service: Service, tmp_path: Path
) -> None:
    path = tmp_path / "unit" / "outbox.db"
    path.parent.mkdir()
    path.write_bytes(os.urandom(20_000))
    start(fixes=20)
    wait_until(lambda: service.values("fix", "lat_e7") == whole(20), 20)
    wait_until(lambda: service.values("fault", "code")["damaged"] >= 1, 20)
    assert (path.parent / "outbox.db-damaged-1").exists()


def test_a_full_disk_loses_nothing_and_claims_nothing(
    start: Callable[..., Running], service: Service, tmp_path: Path
) -> None:
    disk = tmp_path / "unit"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "t", disk], check=False, capture_output=True
    ).returncode:
        pytest.skip("may not mount a tmpfs")
    try:
        running = start(fixes=150)
        wait_until(lambda: running.source.made > 20, 20)
        ballast = disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 1000)
            except OSError:
                pass
        wait_until(lambda: running.source.made == 150, 20)
        ballast.unlink(missing_ok=True)
        wait_until(lambda: service.values("fix", "lat_e7") == whole(150), 30)
        running.end()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


# --- as a program -----------------------------------------------------------------------------------------


def config(tmp_path: Path, port: int, more: str = "") -> Path:
    path = tmp_path / "unit.toml"
    outbox = tmp_path / "unit" / "outbox.db"
    path.write_text(
        f'[unit]\nid = "vehicle-01"\n[broker]\nhost = "127.0.0.1"\nport = {port}\n'
        f'[outbox]\npath = "{outbox}"\n[clock]\nhold_s = 0\n[[source]]\nport = "{tmp_path}/no-port"\n{more}'
    )
    return path


def program(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, **options)


def test_sigterm_ends_it(tmp_path: Path, mosquitto: Mosquitto, service: Service) -> None:
    with program("run", "--config", config(tmp_path, mosquitto.port)) as child:
        wait_until(lambda: service.births, 20)
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
        assert child.stderr is not None
        child.stderr.read()
    wait_until(lambda: service.births[-1]["state"] == "offline")


def test_no_broker_is_said_and_sigterm_still_ends_it(tmp_path: Path, free_port: int) -> None:
    with program("run", "--config", config(tmp_path, free_port)) as child:
        assert child.stderr is not None
        said = next(line for line in child.stderr if str(free_port) in line)
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
    assert said == refused(free_port) + "\n"


def test_systemd_hears_of_progress(tmp_path: Path, free_port: int) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(60)
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "900000"}
        with program("run", "--config", config(tmp_path, free_port), env=environment) as child:
            heard = [line.recv(1000).decode() for _ in range(4)]
            child.send_signal(signal.SIGTERM)
            while not heard[-1].startswith("STOPPING=1"):
                heard.append(line.recv(1000).decode())
            child.communicate()
    assert heard[0].startswith("READY=1\nSTATUS=")
    assert heard[2].startswith("WATCHDOG=1\nSTATUS=offline, ")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[outbx]\n", 'unknown option "outbx"; did you mean "outbox"?'),
        ("[live]\nperiod_s = 0\n", "[live]: period_s = 0: must be within 1"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_line_and_code_2(tmp_path: Path, more: str, said: str) -> None:
    for command in ("run", "check", "status"):
        with program(command, "--config", config(tmp_path, 1, more)) as child:
            _, text = child.communicate(timeout=60)
        assert child.returncode == 2
        assert said in text
        assert text.count("\n") == 1


def test_status_tells_of_a_running_unit(tmp_path: Path, free_port: int) -> None:
    path = config(tmp_path, free_port, "[sense]\nperiod_s = 86400\n")
    with program("run", "--config", path) as child:
        outbox = tmp_path / "unit" / "outbox.db"
        wait_until(outbox.exists, 10)
        command = [sys.executable, "-m", "edge", "status", "--config", str(path)]

        def told() -> str:
            text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
            return text if "1 to send" in text else ""

        text = wait_until(told, 20)
        child.send_signal(signal.SIGTERM)
        child.communicate()
    assert "epoch " in text
    assert "sense: last 1, offered 0, mark 0, 1 to send" in text
    shutil.rmtree(tmp_path / "unit")
    failed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
