"""Episodes: when a condition held long enough to count, folded out of samples in order of time. Pure.

    inactive ──true──▶ pending ──for_s──▶ firing ──false for keep_s──▶ resolved
        ▲                 │ false, unknown    ▲ │ false
        └─────────────────┘                   └─┘ true again within keep_s: it never stopped

A condition stays as it was told until another sample comes: units report changes, and a reading that is
missing is told as unknown. Unknown ends a wait (nobody saw it last) but no alert (nobody saw it end). An
episode began when its condition began, not when the wait was over, and ended when the condition ended.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from operator import itemgetter
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
    if not state.is_firing and now_ms >= fired_ms(holds, state):
        state = state._replace(is_firing=True)
    if state.clear_ms is not None and now_ms - state.clear_ms >= holds.keep_s * 1000:
        return None, Episode(state.since_ms, fired_ms(holds, state), state.clear_ms, state.numbers)
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


def fired_ms(holds: Holds, state: State) -> int:
    """When it counts, or will."""
    return state.since_ms + holds.for_s * 1000


class Found(NamedTuple):
    """What came of a subject's samples: what is over, and the state at the end of them."""

    over: list[Episode]
    state: State | None

    @property
    def is_clearing(self) -> bool:
        """It fires still, and only waits to be over."""
        return self.state is not None and self.state.is_firing and self.state.clear_ms is not None

    def all(self, holds: Holds) -> list[Episode]:
        """Every episode, with the one that lasts."""
        if self.state is None or not self.state.is_firing:
            return self.over
        lasting = Episode(self.state.since_ms, fired_ms(holds, self.state), None, self.state.numbers)
        return [*self.over, lasting]

    def due_ms(self, holds: Holds) -> int | None:
        """When the mere passing of time changes something."""
        if self.state is None:
            return None
        if not self.state.is_firing:
            return fired_ms(holds, self.state)
        return None if self.state.clear_ms is None else self.state.clear_ms + holds.keep_s * 1000


def found(holds: Holds, samples: Iterable[Sample], now_ms: int, closed_ms: Iterable[int] = ()) -> Found:
    """Fold samples, in order of time, up to `now_ms`. At `closed_ms` a person said that it is over.

    What was closed begins anew when its condition was seen to be gone and came back.
    """
    over: list[Episode] = []
    state: State | None = None
    is_latched = False
    closings = ((at_ms, None) for at_ms in closed_ms)
    moments = ((sample.at_ms, sample) for sample in samples)
    for at_ms, sample in heapq.merge(closings, moments, key=itemgetter(0)):
        if sample is None:
            state, ended = advance(holds, state, at_ms)
            over += [ended] if ended else _closed(holds, state, at_ms)
            is_latched = is_latched or state is not None
            state = None
            continue
        is_latched = is_latched and sample.is_true is not False
        if not is_latched:
            state, ended = step(holds, state, sample)
            over += [ended] if ended else []
    state, ended = advance(holds, state, now_ms)
    over += [ended] if ended else []
    return Found(over, state)


def _closed(holds: Holds, state: State | None, at_ms: int) -> list[Episode]:
    if state is None or not state.is_firing:
        return []
    over_ms = at_ms if state.clear_ms is None else state.clear_ms
    return [Episode(state.since_ms, fired_ms(holds, state), over_ms, state.numbers)]


def episodes(holds: Holds, samples: Iterable[Sample], now_ms: int) -> list[Episode]:
    """All that counted up to `now_ms`; the last may still last. Samples come in order of time."""
    return found(holds, samples, now_ms).all(holds)
