"""Cold chain per lot: minutes outside, mean kinetic temperature, vaccine vial monitor life, and a verdict.

Each sample stands for the time until the next one. A gap longer than two logging intervals is unknown,
neither hot nor fine: the sample before it stands for one interval. An exposure is sums alone, so those of
store, vehicle and cabinet join into that of the lot's whole way, in any order.

    mean kinetic temperature   T = (dH/R) / -ln(sum w exp(-dH/(R T)) / sum w)      USP <1079>, from memory
    vial monitor, used %       sum 100 k(T) days                   Goldwood & Diesburg 2018; 100 is discard

Some devices use 83.0 kJ/mol instead of 83.144: the figure is kept with the result. The vial monitor's is an
estimate, a person's reading of the vial wins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np

from ingest.stock.figure import Figure, Value, unknown
from ingest.stock.profiles import CUMULATIVE, SINGLE, Limit, Profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

ZERO_C_K = 273.15
GAS_J_MOL_K = 8.3144
DELTA_H_J_MOL = 83_144
DAY_MS = 86_400_000
MINUTE_MS = 60_000
GAP_INTERVALS = 2
USUAL_INTERVAL_MS, LONGEST_INTERVAL_MS = 60_000, 600_000
# Rate per day = factor * exp(-kelvin / T), by type of monitor.
VVM = {
    "vvm2": (1.4422e17, 12429.0),
    "vvm7": (2.1532e18, 13652.0),
    "vvm14": (1.0766e18, 13652.0),
    "vvm30": (5.1131e17, 13657.0),
}
DISCARD_PCT = 100
FREEZING_CC = -50  # WHO: freeze-sensitive vaccine is harmed at or below -0.5 degrees C


@dataclass(frozen=True, slots=True)
class Samples:
    """Temperatures of one probe in order of time, one each `interval_ms`."""

    times_ms: Numbers
    temperatures_cc: Numbers
    interval_ms: int

    @property
    def weights_ms(self) -> Numbers:
        """How long each sample stands for."""
        steps = np.diff(self.times_ms, append=self.times_ms[-1:] + self.interval_ms)
        return np.where(steps <= GAP_INTERVALS * self.interval_ms, steps, self.interval_ms)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a lot went through, as sums: known and unknown time, and per limit of the profile the time beyond.

    `single_ms` is the longest run beyond each limit, `beyond_ms` the sum. `reaction_ms` is the Arrhenius sum.
    """

    known_ms: int = 0
    unknown_ms: int = 0
    low_ms: int = 0
    high_ms: int = 0
    lowest_cc: int | None = None
    highest_cc: int | None = None
    beyond_ms: tuple[int, ...] = ()
    single_ms: tuple[int, ...] = ()
    reaction_ms: float = 0.0
    delta_h_j_mol: int = DELTA_H_J_MOL
    vvm_pct: dict[str, float] = field(default_factory=dict)


def interval_of(times_ms: Numbers) -> int:
    """The logging interval: the usual step, but never longer than a logger of vaccines may wait."""
    if len(times_ms) < 2:
        return USUAL_INTERVAL_MS
    return max(1, min(int(np.median(np.diff(times_ms))), LONGEST_INTERVAL_MS))


def exposed(
    samples: Samples,
    profile: Profile | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
    delta_h_j_mol: int = DELTA_H_J_MOL,
) -> Exposure:
    """What samples amount to between two times, by default the first sample's and the end of the last one.

    What a sample stands for is cut at both times, so that stretches add up to the whole.
    """
    times_ms, cells, weights = samples.times_ms, samples.temperatures_cc, samples.weights_ms
    begin_ms = int(times_ms[0]) if from_ms is None else from_ms
    end_ms = int(times_ms[-1] + weights[-1]) if to_ms is None else to_ms
    weights = np.minimum(times_ms + weights, end_ms) - np.maximum(times_ms, begin_ms)
    within = weights > 0
    times_ms, cells, weights = times_ms[within], cells[within], weights[within]
    known_ms = int(weights.sum())
    limits = () if profile is None else profile.limits
    levels, each_ms = _by_temperature(cells, weights)
    return Exposure(
        known_ms=known_ms,
        unknown_ms=max(0, end_ms - begin_ms - known_ms),
        low_ms=_outside_ms(levels, each_ms, limits, "low"),
        high_ms=_outside_ms(levels, each_ms, limits, "high"),
        lowest_cc=min(levels, default=None),
        highest_cc=max(levels, default=None),
        beyond_ms=tuple(_outside_ms(levels, each_ms, [limit], limit.direction) for limit in limits),
        single_ms=tuple(
            longest_run_ms(Samples(times_ms, cells, samples.interval_ms), limit) for limit in limits
        ),
        reaction_ms=reaction(levels, each_ms, delta_h_j_mol),
        delta_h_j_mol=delta_h_j_mol,
        vvm_pct={name: vvm_used_pct(name, levels, each_ms) for name in VVM},
    )


def _by_temperature(cells: Numbers, weights: Numbers) -> tuple[list[int], list[int]]:
    """How long each temperature was measured: some hundreds, where there are a hundred thousand samples."""
    levels, which = np.unique(cells, return_inverse=True)
    each_ms = np.bincount(which, weights, len(levels)).astype(np.int64)
    return levels.tolist(), each_ms.tolist()


def _outside_ms(cells: Sequence[int], weights: Sequence[int], limits: Iterable[Limit], direction: str) -> int:
    """Time beyond the nearest limit of a direction."""
    those = [limit for limit in limits if limit.direction == direction]
    return sum(
        ms for cc, ms in zip(cells, weights, strict=True) if any(limit.is_beyond(cc) for limit in those)
    )


def longest_run_ms(samples: Samples, limit: Limit) -> int:
    """The longest continuous run beyond a limit, from its first to its last sample; a gap ends a run."""
    levels, which = np.unique(samples.temperatures_cc, return_inverse=True)
    is_beyond = np.array([limit.is_beyond(cc) for cc in levels.tolist()], bool)[which]
    at = np.flatnonzero(is_beyond)
    if not at.size:
        return 0
    times_ms = samples.times_ms[at]
    is_parted = (np.diff(at) > 1) | (np.diff(times_ms) > GAP_INTERVALS * samples.interval_ms)
    firsts = np.flatnonzero(np.concatenate(([True], is_parted)))
    lasts = np.flatnonzero(np.concatenate((is_parted, [True])))
    return int((times_ms[lasts] - times_ms[firsts]).max())


def reaction(cells: Iterable[int], weights: Iterable[int], delta_h_j_mol: int) -> float:
    """The Arrhenius sum whose mean gives the mean kinetic temperature."""
    ratio = delta_h_j_mol / GAS_J_MOL_K
    return sum(ms * exp(-ratio / kelvin(cc)) for cc, ms in zip(cells, weights, strict=True))


def kelvin(temperature_cc: float) -> float:
    """Degrees above absolute zero of a temperature in 0.01 degrees C."""
    return temperature_cc / 100 + ZERO_C_K


def mean_kinetic(exposure: Exposure) -> Figure:
    """The mean kinetic temperature in degrees C; None where nothing is known."""
    formula = "(dH/R) / -ln(sum(w exp(-dH/(R T))) / sum(w))"
    inputs: dict[str, Value] = {
        "delta_h_j_mol": exposure.delta_h_j_mol,
        "r_j_mol_k": GAS_J_MOL_K,
        "known_minutes": exposure.known_ms // MINUTE_MS,
        "unknown_minutes": exposure.unknown_ms // MINUTE_MS,
    }
    if exposure.known_ms <= 0 or exposure.reaction_ms <= 0:
        return unknown("no_readings", formula, inputs)
    ratio = exposure.delta_h_j_mol / GAS_J_MOL_K
    return Figure(ratio / -log(exposure.reaction_ms / exposure.known_ms) - ZERO_C_K, formula, inputs)


def vvm_rate_per_day(name: str, temperature_cc: float) -> float:
    """Which part of its life a vial monitor loses in a day."""
    factor, over_k = VVM[name]
    return factor * exp(-over_k / kelvin(temperature_cc))


def vvm_used_pct(name: str, cells: Iterable[int], weights: Iterable[int]) -> float:
    """How much of a vial monitor's life is used."""
    return sum(100 * vvm_rate_per_day(name, cc) * ms / DAY_MS for cc, ms in zip(cells, weights, strict=True))


def vvm_used(name: str | None, exposure: Exposure) -> Figure:
    """The used part of an item's vial monitor in %; None for an item without one."""
    formula = "sum(100 * k(T) * days)"
    inputs: dict[str, Value] = {"vvm": name, "known_minutes": exposure.known_ms // MINUTE_MS}
    if name is None:
        return unknown("no_vial_monitor", formula, inputs)
    if exposure.known_ms <= 0:
        return unknown("no_readings", formula, inputs)
    return Figure(exposure.vvm_pct.get(name, 0.0), formula, inputs)


def joined(one: Exposure, other: Exposure) -> Exposure:
    """Two stretches of one lot's way, judged by the same profile; runs do not continue across a move."""
    if one.known_ms and other.known_ms and one.delta_h_j_mol != other.delta_h_j_mol:
        raise ValueError("exposures of different activation energies cannot be joined")
    names = one.vvm_pct.keys() | other.vvm_pct.keys()
    return Exposure(
        known_ms=one.known_ms + other.known_ms,
        unknown_ms=one.unknown_ms + other.unknown_ms,
        low_ms=one.low_ms + other.low_ms,
        high_ms=one.high_ms + other.high_ms,
        lowest_cc=min((cc for cc in (one.lowest_cc, other.lowest_cc) if cc is not None), default=None),
        highest_cc=max((cc for cc in (one.highest_cc, other.highest_cc) if cc is not None), default=None),
        beyond_ms=tuple(a + b for a, b in zip_longest(one.beyond_ms, other.beyond_ms, fillvalue=0)),
        single_ms=tuple(max(a, b) for a, b in zip_longest(one.single_ms, other.single_ms, fillvalue=0)),
        reaction_ms=one.reaction_ms + other.reaction_ms,
        delta_h_j_mol=one.delta_h_j_mol if one.known_ms else other.delta_h_j_mol,
        vvm_pct={name: one.vvm_pct.get(name, 0.0) + other.vvm_pct.get(name, 0.0) for name in names},
    )


@dataclass(frozen=True, slots=True)
class Reason:
    """Why quarantine is proposed: a word, what was measured and what was allowed."""

    code: str
    measured: float
    allowed: float
    unit: str


def quarantine_reasons(
    exposure: Exposure, profile: Profile | None, vvm: str | None, *, is_freeze_sensitive: bool
) -> list[Reason]:
    """Why a lot should be held until a person has looked, freezing first; none: nothing speaks against it."""
    reasons = []
    if is_freeze_sensitive and exposure.lowest_cc is not None and exposure.lowest_cc <= FREEZING_CC:
        reasons.append(Reason("frozen", exposure.lowest_cc / 100, FREEZING_CC / 100, "deg C"))
    judged = zip(
        () if profile is None else profile.limits, exposure.single_ms, exposure.beyond_ms, strict=False
    )
    for limit, single_ms, beyond_ms in sorted(judged, key=lambda found: found[0].direction != "low"):
        spent_ms = {SINGLE: single_ms, CUMULATIVE: beyond_ms}[limit.judgement]
        if spent_ms >= limit.minutes * MINUTE_MS:
            code = f"too_{'cold' if limit.direction == 'low' else 'warm'}_{limit.judgement}"
            reasons.append(Reason(code, spent_ms // MINUTE_MS, limit.minutes, "min"))
    used = exposure.vvm_pct.get(vvm, 0.0) if vvm is not None else 0.0
    if used >= DISCARD_PCT:
        reasons.append(Reason("vial_monitor", round(used, 1), DISCARD_PCT, "%"))
    return reasons
