"""What the app makes of readings and commands: to the Pi or to flash, and never a value for a failure."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from firmware import frame
from firmware.app import App
from firmware.folder import Folder
from firmware.outbox import Outbox

SETTINGS = {
    "version": 1,
    "unit": "node",
    "mode": "wired",
    "drivers": [
        {"type": "sht4x", "name": "probe-1", "alarm": {"low_cc": 200, "high_cc": 800, "for_s": 0}},
        {"type": "door", "name": "door"},
    ],
}


class Desk:
    """A port on a desk: a folder for a flash, and what light and buzzer did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: list[Any] = []
        self.ms = 1000

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def boot(self) -> str:
        return "1" * 16

    def random(self, size: int) -> bytes:
        return os.urandom(size)

    def now_ms(self) -> int:
        return self.ms

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
        self.told: list[tuple[int, int, int]] = []

    def is_heard(self, _: int) -> bool:
        return self.is_there

    def report(self, entries: list[frame.Entry]) -> None:
        self.told += [(one.what, one.channel, one.value) for one in entries]


@pytest.fixture
def app(tmp_path: Path) -> App:
    made = App(Desk(tmp_path))
    made.settings = SETTINGS
    made.prepare()
    return made


def rows(tmp_path: Path) -> dict[str, int]:
    """How many rows of each lane are on flash."""
    outbox = Outbox(Folder(str(tmp_path / "rows")), "2" * 16, os.urandom)
    return {lane: outbox.last_seq(lane) for lane in ("event", "sense")}


def test_what_the_pi_hears_is_not_logged_and_what_it_does_not_is(app: App, tmp_path: Path) -> None:
    app.link = Pi()
    app.take("climate", "probe-1", {"temperature_cc": 500, "humidity_cpct": 4000})
    app.take("door", "door", {"state": 1})
    app.failed("probe-1", "crc", "")
    assert app.link.told == [
        (frame.TEMPERATURE_CC, 0, 500),
        (frame.HUMIDITY_CPCT, 0, 4000),
        (frame.DOOR, 1, 1),
        (frame.PROBE_FAULT, 0, 1),
    ]
    app.link.is_there = False
    app.take("climate", "probe-1", {"temperature_cc": 510})
    app.take("door", "door", {"state": 0})
    app.failed("probe-1", "crc", "")
    app.failed("probe-1", "crc", "")
    app.keep()
    assert rows(tmp_path) == {"event": 2, "sense": 1}


def test_it_sounds_whoever_else_hears_of_it(app: App) -> None:
    app.link = Pi()
    app.take("climate", "probe-1", {"temperature_cc": 900})
    assert app.port.done == [("light", True), ("buzz", 2000)]
    app.take("climate", "probe-1", {"temperature_cc": 500})
    assert app.port.done[-1] == ("light", False)
    assert [(kind, values["code"], values["state"]) for kind, _, values, _ in app.waiting] == [
        ("fault", "too_warm", 0),
        ("fault", "too_warm", 1),
    ]


def test_settings_come_in_pieces_and_are_tried_at_the_next_start(app: App) -> None:
    text = json.dumps({**SETTINGS, "version": 2})
    for at in range(0, len(text), 50):
        assert app.do({"do": "part", "at": at // 50, "text": text[at : at + 50]}) == (True, "")
    assert app.do({"do": "settings"}) == (True, "version 2 at the next start")
    assert app.store.begin()["version"] == 2
    with pytest.raises(ValueError, match="not JSON"):
        app.do({"do": "settings"})
    assert app.do({"do": "dance"}) == (False, "no such command")


def test_the_signal_of_the_pi_is_kept(app: App) -> None:
    red = {"do": "signal", "light": "red", "on_ms": 250, "off_ms": 250, "beeps": 3, "every_s": 30}
    assert app.do(red) == (True, "")
    assert app.pattern == [250, 250, 3, 30]


def test_a_flash_that_fails_is_a_fault_and_nothing_is_forgotten(app: App, tmp_path: Path) -> None:
    files = app.outbox.notes._files
    real = files.append

    def broken(name: str, data: bytes) -> None:
        raise OSError(5, "EIO")

    files.append = broken
    app.emit("climate", "probe-1", {"temperature_cc": 500})
    app.keep()
    files.append = real
    app.keep()
    app.keep()
    assert rows(tmp_path) == {"event": 2, "sense": 1}


def test_a_reading_that_could_not_be_sent_is_refused_at_once(app: App) -> None:
    app.emit("climate", "probe-1", {"temperature_cc": 99_999})
    assert app.waiting == []
    for number in range(300):
        app.emit("climate", "probe-1", {"temperature_cc": number})
    assert (len(app.waiting), app.overflow) == (200, 100)
