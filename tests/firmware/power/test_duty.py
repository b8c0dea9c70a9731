"""A node on a battery: it wakes, measures, sends now and then, and sleeps; a sleep is no new boot."""

import asyncio
import itertools
import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import wire
from firmware.call import Call
from firmware.drivers import ds18b20, nau7802
from firmware.power import duty
from firmware.power.wake import wake
from firmware.senses import Senses
from firmware.settings import node as settings
from firmware.settings.reading import SettingsError
from firmware.steady import LOOK_MS
from firmware.store.intake import Intake
from tests.firmware.folder_port import FolderPort
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.programs import ROOT
from tests.micropython import MicroPython

CODE = "from firmware.main import main; main()"
HOUR_MS = 3_600_000


DAY_S = 86400
EVERY = duty.periods("alone", {})


@pytest.mark.parametrize(
    ("now_ms", "sent_ms", "tried_ms", "is_urgent", "is_due"),
    [
        (0, None, None, False, True),  # never yet
        (HOUR_MS, 0, None, False, False),
        (HOUR_MS, 0, None, True, True),
        (25 * HOUR_MS, 0, None, False, True),
        (25 * HOUR_MS, 0, 24.5 * HOUR_MS, True, False),  # just tried
        (26 * HOUR_MS, 0, 24.5 * HOUR_MS, False, True),
    ],
)
def test_when_a_wake_is_one_to_send_in(
    now_ms: int, sent_ms: int | None, tried_ms: int | None, is_urgent: bool, is_due: bool
) -> None:
    assert duty.is_send_due(now_ms, sent_ms, tried_ms, EVERY, is_urgent) == is_due


def test_a_day_of_a_cabinet_is_what_its_budget_says() -> None:
    """Counted by what the firmware decides at each wake, priced by hardware/power.toml."""
    power = tomllib.loads((ROOT / "hardware" / "power.toml").read_text())
    budget, days = power["cabinet"], 30
    wakes = range(0, days * DAY_S * 1000, EVERY["sample_s"] * 1000)

    def attempts(is_anybody_there: bool) -> int:
        found, sent_ms, tried_ms = 0, None, None
        for now_ms in wakes:
            if duty.is_send_due(now_ms, sent_ms, tried_ms, EVERY, False):
                found, tried_ms = found + 1, now_ms
                sent_ms = now_ms if is_anybody_there else None
        return found

    found = {
        "sample": len(wakes),
        "scale": sum(duty.is_turn(now_ms, EVERY["scale_s"], EVERY["sample_s"]) for now_ms in wakes),
        "look": attempts(is_anybody_there=False),
        "send": attempts(is_anybody_there=True),
    }
    assert found == {name: round(days * DAY_S / task["every_s"]) for name, task in budget.items()}
    for name, task in budget.items():
        assert duty.awake_ms("cabinet_" + name) == task["for_s"] * 1000
    spent_ma = power["sleep"]["ma"] + sum(
        found[name] / (days * DAY_S) * duty.awake_ms("cabinet_" + name) / 1000 * task["ma"]
        for name, task in budget.items()
    )
    assert f"averaged at 3.3 V | {spent_ma * 1000:.0f} µA" in (ROOT / "hardware/made/power.md").read_text()


def test_a_wake_has_time_for_a_probe_and_for_two_scales_that_start() -> None:
    first_ms = nau7802.SUPPLY_S * 1000 + 344 + 4 * 100  # data sheet: its zero, and the fourth value is good
    awake_ms = duty.awake_ms("cabinet_sample") + duty.awake_ms("cabinet_scale")
    assert ds18b20.CONVERT_MS + 2 * first_ms < awake_ms


@given(st.integers(300, 4000), st.integers(900, 9000), st.integers(0, 50))
def test_of_each_period_one_wake_has_the_turn(sample_s: int, period_s: int, late_ms: int) -> None:
    period_s = max(period_s, sample_s)
    wakes = range(late_ms, 40 * period_s * 1000, sample_s * 1000)
    turns = [now_ms // (period_s * 1000) for now_ms in wakes if duty.is_turn(now_ms, period_s, sample_s)]
    assert turns == list(range(len(turns)))
    assert len(turns) >= 39


@pytest.mark.parametrize("mode", ["alone", "wired"])
def test_a_setting_may_ask_for_less_than_the_battery_was_computed_for_and_not_for_more(mode: str) -> None:
    whole = {"version": 1, "unit": "node", "mode": mode, "drivers": [], "broker": {"host": "b", "port": 1}}
    assert settings.parsed(json.dumps({**whole, "duty": {}}))["duty"] == {}
    for name, (low, high) in duty.bounds(mode).items():
        assert duty.periods(mode, {})[name] == low
        for value in (low, high):
            settings.parsed(json.dumps({**whole, "duty": {name: value}}))
        for value in (low - 1, high + 1):
            with pytest.raises(SettingsError, match=f"duty.{name}"):
                settings.parsed(json.dumps({**whole, "duty": {name: value}}))
    with pytest.raises(SettingsError, match="no such setting"):
        settings.parsed(json.dumps({**whole, "duty": {"every_s": 300}}))


def test_an_update_keeps_a_node_awake_only_as_long_as_it_comes_forward() -> None:
    send_ms = duty.awake_ms("cabinet_send")
    for awake_for_ms, is_updating, is_going in (
        (send_ms - 1, False, True),
        (send_ms, False, False),
        (send_ms, True, True),
        (duty.LONGEST_UPDATE_MS - 1, True, True),
        (duty.LONGEST_UPDATE_MS, True, False),  # it goes on at a later wake
    ):
        assert duty.is_send_going(awake_for_ms, is_updating, False) == is_going


def test_a_sleep_ends_when_the_next_sample_is_due() -> None:
    assert duty.sleep_ms(5_000, 2_000, 300) == 297_000
    assert duty.sleep_ms(400_000, 2_000, 300) == 1_000


class Hut(FolderPort):
    """As much of a port as a wake asks for: a door, and a scale whose chip never answers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.level = 0
        self.slept: list[int] = []
        self.joined = 0

    def feed_watchdog(self) -> None: ...

    def pin_in(self, signal: str) -> "Hut":
        return self

    def value(self) -> int:
        return self.level

    def i2c(self, bus: str) -> "Hut":
        return self

    def readfrom_mem(self, address: int, register: int, size: int) -> bytes:
        return bytes(size)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None: ...

    async def join(self, wifi: dict[str, Any] | None) -> None:
        self.joined += 1
        raise OSError("no network")

    def slots(self) -> dict[str, str]:
        return {"trial": "", "undone": ""}

    def sleep(self, ms: int) -> None:
        self.slept.append(ms)


def no_line() -> Any:
    raise AssertionError("no network, no line")


def woken(hut: Hut, at_ms: int) -> list[Any]:
    """What a wake at that moment has kept, (kind, values)."""
    hut.ms = at_ms
    port: Any = hut
    intake = Intake(port)
    first = intake.outbox.last_seq("event")
    drivers = [
        {"type": "door", "name": "door"},
        {"type": "nau7802", "name": "scale", "bus": "scale-a", "zero": 0, "mg_per_kcount": 1},
    ]
    asyncio.run(wake(port, intake, Senses(port, intake, drivers), no_line, {"drivers": drivers, "duty": {}}))
    return [row[0] for row in intake.outbox.rows("event", first, 99)]


def test_a_wake_tells_what_has_changed_and_weighs_when_it_is_time(tmp_path: Path) -> None:
    hut = Hut(tmp_path)
    assert len(woken(hut, 0)) == 2  # the door's state, and a scale that never answers
    assert len(woken(hut, 300_000)) == 0, "the same door, and no scale is read"
    hut.level = 1
    assert len(woken(hut, 600_000)) == 1
    assert len(woken(hut, 900_000)) == 0, "a fault that stands is told once"
    assert hut.slept == [300_000] * 4
    assert hut.joined == 1, "nobody was there: not again within the hour"


class Porch(Hut):
    """One with a help button, that is heard and seen."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.level, self.shown = 1, ["dark"]

    def light(self, is_on: bool) -> None:
        self.shown.append("lit" if is_on else "dark")

    def buzz(self, ms: int) -> None:
        self.shown.append(f"beep {ms}")

    def wake(self, at_ms: int) -> Intake:
        """Awake for as long as it takes, 20 ms a look."""
        self.ms = at_ms
        port: Any = self
        intake = Intake(port)
        intake.call = Call(intake.notes)
        drivers = [{"type": "help", "name": "help"}]
        given = {"drivers": drivers, "duty": {}}
        asyncio.run(wake(port, intake, Senses(port, intake, drivers), no_line, given))
        return intake

    def value(self) -> int:
        self.ms += LOOK_MS
        return 1 if self.ms > self.pressed_until_ms else 0

    pressed_until_ms = 0


def test_a_button_wakes_a_node_that_sleeps_and_each_wake_asks_for_the_answer(tmp_path: Path) -> None:
    hut = Porch(tmp_path)
    assert hut.wake(0).outbox.last_seq("event") == 0
    hut.pressed_until_ms = 300_400
    intake = hut.wake(300_000)
    assert intake.outbox.last_seq("event") == 1
    assert hut.shown[hut.shown.index("beep 200") :] == ["beep 200", "lit", "lit"], "nobody is there"
    joined = hut.joined
    hut.wake(600_000)
    assert hut.joined == joined + 1, "within the hour all the same"
    intake = hut.wake(900_000)
    assert intake.call is not None
    assert intake.call.answer("help", intake.call.number, "coming")
    assert hut.shown[-1] == "lit"


def test_wakes_of_one_boot_log_and_send_what_they_have(
    board: MicroPython, mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    broker = mosquitto_factory()
    probe = {"type": "sht4x", "name": "probe-1", "bus": "climate", "address": 0x44}
    asked = {
        "version": 1,
        "unit": "household-02",
        "mode": "alone",
        "broker": {"host": broker.host, "port": broker.port},
        "duty": {},
        "drivers": [probe],
    }
    (tmp_path / "settings.json").write_text(json.dumps(asked))
    env = {f"ORTOO_{name.upper()}": str(tmp_path / name) for name in ("image", "rtc")}
    env["ORTOO_SETTINGS"] = str(tmp_path / "settings.json")
    broker.stop()
    for _ in range(3):  # nobody is there: one attempt, then it is left alone for an hour
        child = board.start(CODE, env)
        out, _ = child.communicate(timeout=60)
        assert "Traceback" not in out, out
    boot, now_ms = (tmp_path / "rtc").read_text().split()
    assert int(now_ms) > 3 * 300_000
    waiting, rows = board.call("image_judge.rows", str(tmp_path / "image"), heap_kib=2048).result
    climate = [row for row in rows if row[4] == "climate"]
    assert (waiting, len(climate)) == (len(rows), 3)
    assert {row[3] for row in rows} == {boot}
    times = [row[6][0] - row[6][1] for row in climate]
    assert [round((late - early) / 300_000) for early, late in itertools.pairwise(times)] == [1, 1]
    broker.start()
    (tmp_path / "rtc").write_text(f"{boot} {int(now_ms) + HOUR_MS}")
    command = ["mosquitto_sub", "-p", str(broker.port), "-t", "ortoo/#", "-C", "2", "-W", "30", "-F", "%t %x"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
        child = board.start(CODE, env)
        assert listener.stdout is not None
        topics = [line.split()[0] for line in listener.stdout]
        child.kill()
        child.communicate()
    assert topics[0] == wire.topic("household-02", "birth")
