"""A fridge for medicines: pure physics by steps of seconds.

    dT/dt = (ambient - T) / tau  - cooling, while the compressor runs  + heating, where it would freeze

Closed it warms by a degree in ten minutes of a heated cabin, open within one. It fails now and then: left
ajar, without power, its thermostat stuck, or its probe's cable loose. Which and when follows from the seed.
"""

import functools
from dataclasses import dataclass

from edge.simulate.dice import dice

CLOSED_TAU_S = 9_000.0
AJAR_TAU_S = 1_500.0
OPEN_TAU_S = 900.0
COOLING_C_S = 0.35 / 60
HEATING_C_S = 0.15 / 60
EVAPORATOR_C = -2.5
ON_C, OFF_C, HEAT_C = 5.2, 3.4, 2.6
LONGEST_STEP_S = 10
WATCH_MS = 8 * 3_600_000  # in each such stretch it fails at most once
FAILURES = {  # share of the stretches, and how long at least and at most, in minutes
    "ajar": (0.04, 25, 70),
    "off": (0.04, 130, 260),
    "stuck": (0.02, 75, 150),
    "probe": (0.02, 10, 30),
}


@dataclass(frozen=True, slots=True)
class Air:
    """The air in a fridge."""

    temperature_c: float = 4.3
    is_cooling: bool = False


def failure(seed: str, utc_ms: int) -> str:
    """How a fridge fails at a moment: ajar, off, stuck, probe, or "" for not at all."""
    word, from_ms, to_ms = _failure(seed, utc_ms // WATCH_MS)
    return word if from_ms <= utc_ms < to_ms else ""


@functools.lru_cache(maxsize=16)
def _failure(seed: str, watch: int) -> tuple[str, float, float]:
    """What goes wrong in a stretch of time, from when to when."""
    chance = dice(seed, "failure", watch)
    share = chance.random()
    for word, (part, least_min, most_min) in FAILURES.items():
        if share < part:
            lasts_ms = 60_000 * chance.uniform(least_min, most_min)
            from_ms = watch * WATCH_MS + chance.uniform(0, WATCH_MS - lasts_ms)
            return word, from_ms, from_ms + lasts_ms
        share -= part
    return "", 0.0, 0.0


def after(air: Air, seconds: float, ambient_c: float, how: str, *, is_open: bool) -> Air:
    """The air so many seconds later; `how` as `failure` says."""
    temperature_c, is_cooling = air.temperature_c, air.is_cooling
    tau_s = OPEN_TAU_S if is_open else AJAR_TAU_S if how == "ajar" else CLOSED_TAU_S
    while seconds > 0:
        step_s = min(seconds, LONGEST_STEP_S)
        seconds -= step_s
        is_cooling = _is_cooling(temperature_c, how, is_cooling=is_cooling)
        temperature_c += (ambient_c - temperature_c) * step_s / tau_s
        if is_cooling and temperature_c > EVAPORATOR_C:
            temperature_c -= COOLING_C_S * step_s
        if how != "off" and not is_cooling and temperature_c < HEAT_C:
            temperature_c += HEATING_C_S * step_s
    return Air(temperature_c, is_cooling)


def _is_cooling(temperature_c: float, how: str, *, is_cooling: bool) -> bool:
    if how in ("off", "stuck"):
        return how == "stuck"
    return temperature_c > OFF_C if is_cooling else temperature_c > ON_C
