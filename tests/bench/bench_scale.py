"""A unit's step detector over a day of a scale at 10 Hz, with drift, noise and forty-eight hands.

The reference only walks through the same readings and adds them up: what no detector can do without.
"""

import random
import time
from collections.abc import Callable

from firmware.cabinet.scale import Steps, packs_of
from tests.bench.report import Report

HERTZ = 10
DAY_S = 86_400
PACK_MG = 25_000
RUNS = 5
DRIFT_MG_S = 2000 / 720  # RobTillaart/HX711 #21: 2 g in twelve minutes


def run(report: Report) -> None:
    readings = day()
    hands = 48
    found = steps(readings)
    plain_s = taken_s(lambda: walk(readings))
    report.row(
        f"{len(readings):,} readings of one scale", taken_s(lambda: steps(readings)), "s", "a walk", plain_s
    )
    report.row("hands seen as what they were", float(found), "of 48", "", float(hands), ">= 1")


def day() -> list[tuple[int, int]]:
    """A hand each half hour: a pack out, and at the next one back in."""
    dice = random.Random(1)
    out = []
    for number in range(DAY_S * HERTZ):
        at_s = number / HERTZ
        is_out = (int(at_s) + 900) // 1800 % 2
        mass_mg = 500_000 - is_out * PACK_MG + DRIFT_MG_S * at_s + dice.gauss(0, 600)
        out.append((round(1000 * at_s), round(mass_mg)))
    return out


def steps(readings: list[tuple[int, int]]) -> int:
    """How many steps of one pack are found."""
    scale = Steps(PACK_MG, 6_000, 5_000_000)
    found = [step for at_ms, mass_mg in readings if (step := scale.take(at_ms, mass_mg)) is not None]
    return sum(abs(packs_of(step.change_mg, PACK_MG)[0]) == 1 for step in found)


def walk(readings: list[tuple[int, int]]) -> int:
    total = 0
    for _, mass_mg in readings:
        total += mass_mg
    return total


def taken_s(work: Callable[[], object]) -> list[float]:
    """Time on the processor: the machine may have more to do."""
    out = []
    for _ in range(RUNS):
        began_s = time.process_time()
        work()
        out.append(time.process_time() - began_s)
    return out
