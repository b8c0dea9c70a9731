"""Episodes: when a condition held long enough to count, folded out of samples in order of time. Pure.

    inactive ──true──▶ pending ──for_s──▶ firing ──false for keep_s──▶ resolved
        ▲                 │ false, unknown    ▲ │ false
        └─────────────────┘                   └─┘ true again within keep_s: it never stopped

A condition stays as it was told until another sample comes: units report changes, and a reading that is
missing is told as unknown. Unknown ends a wait (nobody saw it last) but no alert (nobody saw it end). An
episode began when its condition began, not when the wait was over, and ended when the condition ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

Number = int | float | str | None
Numbers = Mapping[str, Number]


class Sample(NamedTuple):
    """What a rule saw at a moment; `is_true` is None when it could not tell. `numbers` say why."""

    at_ms: int
    is_true: bool | None
    numbers: Numbers = MappingProxyType({})


class Holds(NamedTuple):
    """How long a condition must hold before it counts, and stay away before it is over, in seconds."""

    for_s: int
    keep_s: int


class Episode(NamedTuple):
    """Once that a condition counted. `over_ms` is None while it lasts; `numbers` are the newest of it."""

    since_ms: int
    fired_ms: int
    over_ms: int | None
    numbers: Numbers


class State(NamedTuple):
    """Between two samples: pending until it is firing, on its way out since `clear_ms`."""

    since_ms: int
    is_firing: bool
    clear_ms: int | None
    numbers: Numbers


def step(holds: Holds, state: State | None, sample: Sample) -> tuple[State | None, Episode | None]:
    """The state after a sample, and the episode that was over by then. Samples come in order of time."""
    state, ended = advance(holds, state, sample.at_ms)
    return _taken(state, sample), ended


def advance(holds: Holds, state: State | None, now_ms: int) -> tuple[State | None, Episode | None]:
    """What the mere passing of time does up to `now_ms`."""
    if state is None:
        return None, None
    if not state.is_firing and now_ms >= _fired_ms(holds, state):
        state = state._replace(is_firing=True)
    if state.clear_ms is not None and now_ms - state.clear_ms >= holds.keep_s * 1000:
        return None, Episode(state.since_ms, _fired_ms(holds, state), state.clear_ms, state.numbers)
    return state, None


def _taken(state: State | None, sample: Sample) -> State | None:
    if sample.is_true is None:
        return state if state is not None and state.is_firing else None
    if state is None:
        return State(sample.at_ms, False, None, sample.numbers) if sample.is_true else None
    if sample.is_true:
        return state._replace(clear_ms=None, numbers=sample.numbers)
    if not state.is_firing:
        return None
    return state._replace(clear_ms=sample.at_ms if state.clear_ms is None else state.clear_ms)


def _fired_ms(holds: Holds, state: State) -> int:
    return state.since_ms + holds.for_s * 1000


def episodes(holds: Holds, samples: Iterable[Sample], now_ms: int) -> list[Episode]:
    """All that counted up to `now_ms`; the last may still last. Samples come in order of time."""
    found: list[Episode] = []
    state: State | None = None
    for sample in samples:
        state, ended = step(holds, state, sample)
        found += [ended] if ended else []
    state, ended = advance(holds, state, now_ms)
    found += [ended] if ended else []
    if state is not None and state.is_firing:
        found.append(Episode(state.since_ms, _fired_ms(holds, state), None, state.numbers))
    return found
