"""What steps of a slot add up to: one observation for one visit to the cabinet. Pure.

A hand takes a box out, looks at it and puts it back. So steps are summed while the door is open, and told
when it has been closed for a moment; without a door, when the slot has been left alone for a while. A sum of
nothing is no observation. What a scale saw behind a closed door is a doubtful one; after a drive it is
nothing at all, but a new zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.cabinet.scale import Step, packs_of

CLOSED_MS = 6_000  # a scale needs some seconds of quiet behind the closed door
ALONE_MS = 15_000


@dataclass(slots=True)
class Sum:
    """The steps of one visit."""

    began_ms: int
    last_ms: int
    change_mg: int
    is_doubtful: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What came to or went from a slot, between `began_ms` and `at_ms`."""

    began_ms: int
    at_ms: int
    change_mg: int
    packs: int
    sure_pct: int


class Tally:
    """Sums the steps of one slot whose packs weigh `pack_mg`."""

    def __init__(self, pack_mg: int) -> None:
        self._pack_mg = pack_mg
        self._sum: Sum | None = None

    def take(self, step: Step, *, is_behind_door: bool) -> None:
        """A step; `is_behind_door` when a door is known and has not been open since the step began."""
        if step.is_doubtful and is_behind_door:
            return
        is_doubtful = step.is_doubtful or is_behind_door
        if self._sum is None:
            self._sum = Sum(step.began_ms, step.at_ms, step.change_mg, is_doubtful)
            return
        self._sum.last_ms = step.at_ms
        self._sum.change_mg += step.change_mg
        self._sum.is_doubtful |= is_doubtful

    def due(self, now_ms: int, *, is_open: bool | None, closed_ms: int | None) -> Change | None:
        """What the visit changed, once it is over. `is_open` None: there is no door."""
        if self._sum is None or is_open or not self._is_over(self._sum, now_ms, closed_ms):
            return None
        done, self._sum = self._sum, None
        packs, sure_pct = packs_of(done.change_mg, self._pack_mg)
        if not packs:
            return None
        sure_pct = sure_pct // 2 if done.is_doubtful else sure_pct
        return Change(done.began_ms, done.last_ms, done.change_mg, packs, sure_pct)

    @staticmethod
    def _is_over(done: Sum, now_ms: int, closed_ms: int | None) -> bool:
        if closed_ms is None:
            return now_ms - done.last_ms >= ALONE_MS
        return now_ms - max(closed_ms, done.last_ms) >= CLOSED_MS
