"""What the app makes of readings and commands: to the Pi or to flash, and never a value for a failure."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from firmware import app, senses
from firmware.call import Call
from firmware.line import frame
from firmware.line.orders import Orders
from firmware.senses import Senses
from firmware.settings.store import Store
from firmware.signal import Signal
from firmware.store.folder import Folder
from firmware.store.intake import Intake
from firmware.store.outbox import Outbox
from firmware.watchdog import LATE_MS
from tests.firmware.folder_port import FolderPort

SETTINGS: dict[str, Any] = {
    "version": 1,
    "unit": "node",
    "mode": "wired",
    "drivers": [
        {
            "type": "sht4x",
            "name": "probe-1",
            "bus": "climate",
            "alarm": {"low_cc": 200, "high_cc": 800, "for_s": 0},
        },
        {"type": "door", "name": "door"},
        {"type": "help", "name": "help"},
        {"type": "gnss", "name": "gnss"},
    ],
}


class Desk(FolderPort):
    """And what light and buzzer did, among what was said."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 1000)
        self.done: list[Any] = []

    def log(self, text: str) -> None:
        self.done.append(text)

    def light(self, is_on: bool) -> None:
        self.done.append(("light", is_on))

    def buzz(self, ms: int) -> None:
        self.done.append(("buzz", ms))


class Pi:
    """A link whose Pi is heard, or not."""

    def __init__(self) -> None:
        self.is_there = True
        self.is_taking = False
        self.told: list[tuple[int, int, int]] = []

    def is_heard(self, _: int) -> bool:
        return self.is_there

    def is_behind(self, lane: str, _: int) -> bool:
        return self.is_taking

    def report(self, entries: list[frame.Entry]) -> None:
        self.told += [(one.what, one.channel, one.value) for one in entries]

    def say(self, kind: int, body: bytes) -> None: ...


class Node:
    """What the app makes of a port and settings, without its tasks."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder)
        port: Any = self.desk
        self.intake = Intake(port)
        self.store = Store(self.intake.notes)
        self.senses = Senses(port, self.intake, SETTINGS["drivers"])
        self.pi = Pi()
        self.senses.link = self.pi
        self.intake.call = Call(self.intake.notes)
        self.signal = Signal(port, self.senses, self.intake.call)
        self.do = Orders(port, self.store, self.signal, self.intake.call).do


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def rows(tmp_path: Path) -> dict[str, int]:
    """How many rows of each lane are on flash."""
    outbox = Outbox(Folder(str(tmp_path / "rows")), "2" * 16, os.urandom)
    return {lane: outbox.last_seq(lane) for lane in ("event", "sense")}


def test_what_the_pi_hears_is_not_logged_and_what_it_does_not_is(node: Node, tmp_path: Path) -> None:
    node.senses.take("climate", "probe-1", {"temperature_cc": 500, "humidity_cpct": 4000})
    node.senses.take("door", "door", {"state": 1})
    node.senses.failed("probe-1", "crc", "")
    assert node.pi.told == [
        (frame.TEMPERATURE_CC, 0, 500),
        (frame.HUMIDITY_CPCT, 0, 4000),
        (frame.DOOR, 1, 1),
        (frame.PROBE_FAULT, 0, 1),
    ]
    node.senses.failed("door", "no_reply", "")  # which no later report would end: a record does
    assert [values["code"] for _, _, values, _ in node.intake.waiting] == ["no_reply"]
    node.intake.waiting = []
    node.pi.is_there = False
    node.senses.take("climate", "probe-1", {"temperature_cc": 510})
    node.senses.take("door", "door", {"state": 0})
    node.senses.failed("probe-1", "crc", "")
    node.senses.failed("probe-1", "crc", "")
    node.intake.keep()
    assert rows(tmp_path) == {"event": 2, "sense": 1}


def test_what_is_logged_goes_first_and_has_the_name_that_it_has_live(node: Node) -> None:
    node.pi.is_taking = True
    node.senses.take("climate", "probe-1", {"temperature_cc": 500})
    node.pi.is_taking = False
    node.senses.take("climate", "probe-1", {"temperature_cc": 510})  # the one before is not even on flash
    assert (node.pi.told, [row[:2] for row in node.intake.waiting]) == ([], [("climate", "0")] * 2)
    node.intake.keep()
    node.senses.take("climate", "probe-1", {"temperature_cc": 520})
    assert node.pi.told == [(frame.TEMPERATURE_CC, 0, 520)]


def test_it_sounds_whoever_else_hears_of_it(node: Node) -> None:
    node.senses.take("climate", "probe-1", {"temperature_cc": 900})
    assert node.desk.done == [("light", True), ("buzz", 2000)]
    node.desk.ms += 60_000
    node.senses.take("climate", "probe-1", {"temperature_cc": 500})
    assert node.desk.done[-1] == ("light", False)
    assert [(kind, values["code"], values["state"]) for kind, _, values, _ in node.intake.waiting] == [
        ("fault", "too_warm", 0),
        ("fault", "too_warm", 1),
    ]


def test_settings_come_in_pieces_and_are_tried_at_the_next_start(node: Node) -> None:
    text = json.dumps({**SETTINGS, "version": 2})
    for at in range(0, len(text), 50):
        assert node.do({"do": "part", "at": at // 50, "text": text[at : at + 50]}) == (True, "")
    assert node.do({"do": "settings"}) == (True, "version 2 at the next start")
    begun = node.store.begin()
    assert begun is not None
    assert begun["version"] == 2
    with pytest.raises(ValueError, match="not JSON"):
        node.do({"do": "settings"})
    assert node.do({"do": "dance"}) == (False, "no such command")


def test_the_signal_of_the_pi_is_kept(node: Node) -> None:
    red = {"do": "signal", "light": "red", "on_ms": 250, "off_ms": 250, "beeps": 3, "every_s": 30}
    assert node.do(red) == (True, "")
    assert node.signal.pattern == [250, 250, 3, 30]


def test_a_flash_that_fails_is_a_fault_and_nothing_is_forgotten(node: Node, tmp_path: Path) -> None:
    files: Any = node.intake.notes._files
    real = files.append

    def broken(name: str, data: bytes) -> None:
        raise OSError(5, "EIO")

    files.append = broken
    node.intake.emit("climate", "probe-1", {"temperature_cc": 500})
    node.intake.keep()
    files.append = real
    node.intake.keep()
    node.intake.keep()
    assert rows(tmp_path) == {"event": 2, "sense": 1}


def test_a_reading_that_could_not_be_sent_is_refused_at_once(node: Node) -> None:
    node.intake.emit("climate", "probe-1", {"temperature_cc": 99_999})
    assert node.intake.waiting == []
    for number in range(300):
        node.intake.emit("climate", "probe-1", {"temperature_cc": number})
    assert (len(node.intake.waiting), node.intake.overflow) == (60, 240)


def test_a_call_is_a_row_of_its_own_though_the_pi_hears_us(node: Node, tmp_path: Path) -> None:
    assert node.intake.call is not None
    node.senses.take("fix", "gnss", {"lat_e7": 491234567, "lon_e7": 1197654321, "fix_mode": 2})
    node.desk.ms += 7_900
    node.senses.take("help", "help", {"event": 0, "call": 7})
    assert node.intake.call.state == "over", "it is shown when it is safe"
    node.intake.keep()
    assert (node.pi.told, node.intake.call.state) == ([], "called")
    assert rows(tmp_path)["event"] == 1
    outbox = Outbox(Folder(str(tmp_path / "rows")), "2" * 16, os.urandom)
    batch = outbox.take("event")
    assert batch is not None
    cells = {name: column[0] for name, column in batch.groups[0].columns.items()}
    assert (cells["lat_e7"], cells["lon_e7"], cells["fix_age_s"]) == (491234567, 1197654321, 7)


def test_what_the_pi_says_of_a_call_goes_before_its_signal(node: Node) -> None:
    assert node.do({"do": "signal", "on_ms": 250, "off_ms": 250, "beeps": 0, "every_s": 30}) == (True, "")
    assert node.signal._of_call() is None
    assert node.signal._of_pi() == (250, 250)
    node.senses.take("help", "help", {"event": 0, "call": 7})
    node.intake.keep()
    shown = [(node.signal._of_call(), node.desk.done[-1])]
    for state in ("heard", "coming", "over"):
        said = {"do": "help", "source": "help", "call": 7, "state": state}
        assert node.do(said) == (True, "")
        shown.append((node.signal._of_call(), node.desk.done[-1]))
    beeps = [("buzz", 200), ("buzz", 400), ("buzz", 600), "help: over"]
    assert shown == list(zip([(100, 900), (500, 500), (2900, 100), None], beeps, strict=True))
    assert node.do({"do": "help", "source": "help", "call": 8, "state": "over"}) == (False, "another call")
    with pytest.raises(ValueError, match="tuple"):
        node.do({"do": "help", "source": "help", "call": 7, "state": "on its way"})


class Cabin(Desk):
    """A port of a wired node with nobody at the other end, whose watchdog is counted."""

    sleeps = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fed = 0

    def slots(self) -> dict[str, str]:
        return {"trial": "", "undone": ""}

    def reset(self) -> str:
        return "power"

    def uart(self, _: str) -> Any:
        return self

    def any(self) -> int:
        return 0

    def write(self, data: bytes) -> int:
        return len(data)

    def feed_watchdog(self) -> None:
        self.fed += 1


class Driver:
    """One that is read every ten minutes, or every second and never comes back."""

    def __init__(self, *, hangs: bool) -> None:
        self._hangs = hangs
        self.period_ms = 1_000 if hangs else 600_000

    async def read(self) -> list[Any]:
        if self._hangs:
            await asyncio.Event().wait()
        return []


async def test_a_driver_that_hangs_starves_the_watchdog_and_a_slow_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_WATCH_S", 0.01)
    monkeypatch.setattr(senses, "driver_of", lambda _, given: Driver(hangs=given["name"] == "stuck"))
    cabin = Cabin(tmp_path)
    port: Any = cabin
    drivers = [{"type": "door", "name": name} for name in ("slow", "stuck")]
    made = app.App(port)
    running = asyncio.create_task(made.run({"mode": "wired", "drivers": drivers}))
    due_ms = made._watchdog._due

    def have_reported() -> bool:
        """Every other task since the clock was moved."""
        seldom = {"health", "driver slow", "driver stuck"}
        return seldom < due_ms.keys() and all(
            due_ms[name] >= cabin.ms + LATE_MS for name in due_ms.keys() - seldom
        )

    async with asyncio.timeout(60):
        for _ in range(2):
            while not (cabin.fed and have_reported()):  # noqa: ASYNC110 - a counter is no event
                await asyncio.sleep(0.01)
            cabin.ms += 100_000
        while cabin.done[-1] != "late: ['driver stuck']":  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    assert not any("slow" in str(said) for said in cabin.done)
    fed = cabin.fed
    await asyncio.sleep(0.1)
    assert cabin.fed == fed
    running.cancel()
