"""A household cabinet on a battery that warms for over an hour: from the probe to one alert, and no second.

The node is the firmware on a real MicroPython. Each wake is a process; the file that stands for the RTC's
memory carries its boot and time over a deep sleep, and a preload sets its wall clock to what that says, so
that hours of it take seconds. It is killed within wakes, and loses the RTC as in a cut of power.
"""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.programs import ROOT
from tests.fixtures.waiting import wait_until
from tests.line.test_clock import wall_shim
from tests.micropython import HEAP_KIB, MicroPython, board_with_firmware

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.line.whole_line import Service

UNIT = "household-07"
SEED = 20261121
SAMPLE_S = 1800
CODE = "from firmware.main import main; main()"
LATE_S = 60  # a killed wake is made up for, seconds later
COOL, WARM = 5 * 16, 12 * 16  # of a DS18B20
# What the probe says at each wake, and what goes wrong in it.
WAKES = (
    (COOL, ""),
    (WARM, "killed"),
    (WARM, "power cut"),
    (WARM, "killed"),
    (WARM, "killed"),
    (COOL, "power cut"),
)


class Hut:
    """The node, its flash, its RTC, and the time in its valley."""

    def __init__(self, board: MicroPython, folder: Path, broker: Mosquitto) -> None:
        self._board = board
        self._folder = folder
        self._dice = random.Random(SEED)
        self.now_s = time.time() - 4 * 3600
        self.image, self._rtc = folder / "image", folder / "rtc"
        self._env = {
            f"ORTOO_{name.upper()}": str(folder / name) for name in ("image", "rtc", "room", "settings")
        }
        self._env["LD_PRELOAD"], self._env["WALL_OFFSET"] = str(wall_shim(folder)), str(folder / "wall")
        self._env["ORTOO_WIRED"] = "cold_room"
        asked = {
            "version": 1,
            "unit": UNIT,
            "mode": "alone",
            "broker": {"host": broker.host, "port": broker.port},
            "duty": {"sample_s": SAMPLE_S},
            "drivers": [{"type": "ds18b20", "name": "fridge", "profile": "tight"}],
        }
        (folder / "settings").write_text(json.dumps(asked))

    def wake(self, sixteenths: int, trouble: str) -> None:
        """One wake, after what goes wrong in it."""
        (self._folder / "room").write_text(str(sixteenths))
        if trouble:
            began_s = time.monotonic()
            self._run(self._dice.uniform(0.05, 1.2))
            self.now_s += max(10, time.monotonic() - began_s)  # its wall never goes back
        if trouble == "power cut":
            self._rtc.unlink(missing_ok=True)
        self._run(None)
        self.now_s += SAMPLE_S

    def _run(self, kill_after_s: float | None) -> None:
        (self._folder / "wall").write_text(str(round(self.now_s - time.time())))
        child = self._board.start(CODE, self._env, HEAP_KIB)
        assert child.stdin is not None
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            child.kill()
        out, _ = child.communicate(timeout=60)
        assert "Traceback" not in out, out

    @property
    def waiting(self) -> int:
        waiting, _ = self._board.call("image_judge.rows", str(self.image), heap_kib=2048).result
        return int(waiting)


def over(service: Service) -> list[dict[str, Any]]:
    """All alerts of warmth, once none of them goes on."""
    found: list[dict[str, Any]] = service.get("alerts", state="all", rule="overheating")["alerts"]
    return [] if any(one["until_at"] is None for one in found) else found


@pytest.mark.timeout(600)
def test_a_cabinet_that_warms_is_one_excursion_and_one_alert(
    micropython: Path, tmp_path: Path, mosquitto: Mosquitto, service: Service, note: Callable[..., None]
) -> None:
    board = board_with_firmware(micropython, tmp_path / "board")
    board.add([ROOT / "tests" / "firmware" / "cold_room.py"])
    hut = Hut(board, tmp_path, mosquitto)
    warm_s: list[float] = []
    wakes = 0
    while wakes < len(WAKES) or hut.waiting:  # what is urgent goes out at the first wake that may send
        assert wakes < len(WAKES) + 8
        sixteenths, trouble = WAKES[wakes] if wakes < len(WAKES) else (COOL, "")
        warm_s += [hut.now_s] * (sixteenths == WARM)
        hut.wake(sixteenths, trouble)
        wakes += 1
    records = service.records(UNIT, "excursion")
    assert [(one["source"], one["number"], one["state"]) for one in records] == [
        ("fridge", 1, "open"),
        ("fridge", 1, "ended"),
    ]
    ended = records[-1]
    assert ended["clock"] == "ntp"
    assert ended["highest_c"] == WARM / 16
    assert abs(ended["outside_s"] - (warm_s[-1] - warm_s[0])) < LATE_S, "all of it, whatever was cut"
    (alert,) = wait_until(lambda: over(service), 30, what="the alert to be raised and over")
    assert (alert["unit"], alert["source"], alert["numbers"]["profile"]) == (UNIT, "fridge", "tight")
    note(wakes=wakes, kills=sum(bool(trouble) for _, trouble in WAKES), excursions=1, alerts=1)
