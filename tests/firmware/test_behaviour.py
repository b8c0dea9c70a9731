"""What a node decides by itself: when it sounds, and when a Pi may run."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from firmware import board
from firmware.cabinet.alarm import Alarm
from firmware.drivers import driver_of, sht4x
from firmware.power.pi_supply import HALTING, OFF, ON, PiSupply
from firmware.power.wake import park
from firmware.senses import Senses
from firmware.store.intake import Intake

LIMITS = {
    "supply_low_mv": 8000,
    "supply_low_ms": 1000,
    "holdup_start_mv": 4270,
    "halt_timeout_ms": 30_000,
    "linger_ms": 120_000,
}
WELL = {"supply_mv": 12_000, "holdup_mv": 5_000, "is_ignition_on": 1, "cabin_cc": 2000, "is_down": 0}


@pytest.mark.parametrize(
    ("readings", "codes"),
    [
        ([(0, 500), (60, 810), (600, 820), (660, 830)], ["", "", "", "too_warm"]),
        ([(0, 900), (599, 900), (600, 900), (601, 790), (602, 770)], ["", "", "too_warm", "too_warm", ""]),
        ([(0, 900), (300, 500), (600, 900), (900, 900)], ["", "", "", ""]),  # in between it was well
        ([(0, 100), (600, 100), (601, 210), (602, 230)], ["", "too_cold", "too_cold", ""]),
    ],
)
def test_it_sounds_after_a_while_and_stops_when_it_is_well_again(
    readings: list[tuple[int, int]], codes: list[str]
) -> None:
    alarm = Alarm({"low_cc": 200, "high_cc": 800, "for_s": 600}, 300_000)
    found = []
    for at_s, temperature_cc in readings:
        before = alarm.code
        assert alarm.step(temperature_cc, at_s * 1000) == (alarm.code != before)
        found.append(alarm.code)
    assert found == codes


def states(supply: PiSupply, *seen: tuple[int, dict[str, Any]]) -> list[str]:
    return [supply.step(at_ms, {**WELL, **change}) for at_ms, change in seen]


def test_a_pi_starts_when_everything_is_well() -> None:
    for change in (
        {"is_ignition_on": 0},
        {"holdup_mv": 4000},
        {"cabin_cc": -1900},
        {"cabin_cc": None},
        {"supply_mv": 7000},
    ):
        assert states(PiSupply(LIMITS, (-1800, -2000), False), (0, change), (1, {})) == [OFF, ON]


def test_a_pi_is_asked_to_shut_down_and_then_cut_off() -> None:
    supply = PiSupply(LIMITS, (-1800, -2000), True)
    left = {"is_ignition_on": 0}
    assert states(supply, (0, {}), (10, left), (120_009, left), (120_010, left)) == [ON, ON, ON, HALTING]
    assert supply.cause == "ignition_off"
    assert states(supply, (121_000, {}), (122_000, {"is_down": 1}), (122_001, {})) == [HALTING, OFF, ON]
    low = {"supply_mv": 7_000}
    assert states(supply, (200_000, low), (200_999, low), (201_000, low)) == [ON, ON, HALTING]
    assert states(supply, (230_999, low), (231_000, low)) == [HALTING, OFF]
    assert supply.cause == "halt_timeout"


def test_a_sensor_that_fails_does_not_stop_a_pi_that_runs_and_cold_does() -> None:
    supply = PiSupply(LIMITS, (-1800, -2000), True)
    assert states(supply, (0, {"cabin_cc": None}), (1, {"cabin_cc": -1900}), (2, {"cabin_cc": -2001})) == [
        ON,
        ON,
        HALTING,
    ]
    assert supply.cause == "too_cold"


class Vehicle:
    """A port with the pins of a vehicle and an SHT4x in the cabin."""

    def __init__(self, levels: dict[str, int]) -> None:
        self.levels = levels
        self.ms = 0

    def now_ms(self) -> int:
        return self.ms

    def level(self, signal: str) -> int:
        return self.levels[signal]

    def millivolts(self, signal: str) -> int:
        return {"SUPPLY": 12_500, "HOLDUP": 5_200}[signal]

    def pin_in(self, signal: str) -> Any:
        return self.pin_out(signal, self.levels[signal])

    def pin_out(self, signal: str, value: int = 0) -> Any:
        self.levels[signal] = value
        levels = self.levels

        class Pin:
            def value(self, level: int | None = None) -> int:
                levels[signal] = levels[signal] if level is None else int(level)
                return levels[signal]

        return Pin()

    def i2c(self, bus: str) -> Any:
        assert bus in board.BUSES
        word = b"\x66\x66"
        answer = (word + bytes((sht4x.crc8(word),))) * 2

        class Bus:
            def writeto(self, *_: object) -> None: ...
            def readfrom(self, *_: object) -> bytes:
                return answer

        return Bus()


def test_the_switch_is_driven_as_decided_and_found_as_it_was() -> None:
    levels = {"IGNITION": 0, "PI_OFF": 0, "PI_POWER": 1, "PI_HALT": 0}
    port = Vehicle(levels)
    given = {"type": "pi_power", "name": "pi-power", "computer": "cm4", "bus": "climate", "address": 0x45}
    driver = driver_of(port, given)
    assert asyncio.run(driver.read()) == []
    assert (levels["PI_POWER"], levels["PI_HALT"]) == (1, 0), (
        "a node that starts again does not cut its Pi off"
    )
    port.ms = board.LIMITS["linger_ms"] + 1000
    assert asyncio.run(driver.read()) == [("fault", {"part": "pi-power", "code": "ignition_off", "state": 0})]
    assert (levels["PI_POWER"], levels["PI_HALT"]) == (1, 1)
    levels["PI_OFF"] = 1
    port.ms += 1000
    assert asyncio.run(driver.read()) == []
    assert (levels["PI_POWER"], levels["PI_HALT"]) == (0, 0)


class Parked(Vehicle):
    """The same, with a flash, and a deep sleep that ends the test's patience."""

    def __init__(self, levels: dict[str, int], folder: Path) -> None:
        super().__init__(levels)
        self.folder = folder

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def boot(self) -> str:
        return "1" * 16

    def random(self, size: int) -> bytes:
        return bytes(size)

    def log(self, text: str) -> None: ...

    def now_ms(self) -> int:
        self.ms += 50
        return self.ms

    def sleep(self, ms: int) -> None:
        raise Asleep(ms)


class Asleep(Exception):
    pass


def test_a_wired_node_sleeps_as_long_as_its_pi_is_off(tmp_path: Path) -> None:
    port: Any = Parked({"IGNITION": 0, "PI_OFF": 0, "PI_POWER": 0, "PI_HALT": 0}, tmp_path)
    intake = Intake(port)
    given = {"type": "pi_power", "name": "pi-power", "computer": "cm4", "bus": "climate", "address": 0x45}
    senses = Senses(port, intake, [given])

    async def minute() -> None:
        driver = senses.driver(given)
        assert driver is not None
        await senses.look("pi-power", driver)
        async with asyncio.timeout(30):
            await park(port, intake, senses, {"duty": {}})

    with pytest.raises(Asleep) as asleep:
        asyncio.run(minute())
    assert 55_000 < asleep.value.args[0] < 60_000
    assert senses.is_parked
    port.levels["IGNITION"] = 1
    assert not senses.is_parked
