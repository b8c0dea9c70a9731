"""What steps of a slot add up to: one observation for one visit to the cabinet. Pure; the Pi's and a node's.

A hand takes a box out, looks at it and puts it back. So steps are summed while the door is open, and told
when it has been closed for a moment; without a door, when the slot has been left alone for a while. A sum of
nothing is no observation. What a scale saw behind a closed door is a doubtful one; after a drive it is
nothing at all, but a new zero. A sum that lies far from any whole number of packs is told without a number:
something came or went, and nobody knows what.
"""

from firmware import wire
from firmware.cabinet.scale import packs_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.cabinet.scale import Step

CLOSED_MS = 6_000  # a scale needs some seconds of quiet behind the closed door
ALONE_MS = 15_000
_DIVIDES_PCT = 50  # at least so sure, or a quarter of a pack is missing or too much


class Change:
    """What came to or went from a slot, between `began_ms` and `at_ms`; `packs` None: it does not divide."""

    def __init__(self, began_ms: int, at_ms: int, change_mg: int, packs: "int | None", sure_pct: int) -> None:
        self.began_ms = began_ms
        self.at_ms = at_ms
        self.change_mg = change_mg
        self.packs = packs
        self.sure_pct = sure_pct

    def values(self, slot: str, item: str, pack_pieces: int, now_ms: int) -> "dict[str, Any]":
        """The count record of it, made at `now_ms`."""
        return {
            "method": wire.KINDS["count"].by_name["method"].words.index("weight"),
            "slot": slot,
            "item": item,
            "change_pieces": None if self.packs is None else self.packs * pack_pieces,
            "change_mg": self.change_mg,
            "sure_pct": self.sure_pct,
            "began_ago_ms": max(now_ms - self.began_ms, 0),
        }


class Tally:
    """Sums the steps of one slot whose packs weigh `pack_mg`."""

    def __init__(self, pack_mg: int) -> None:
        self._pack_mg = pack_mg
        self.sum: "list[Any] | None" = None  # of a visit: began_ms, last_ms, change_mg, is it doubtful

    def take(self, step: "Step", *, is_behind_door: bool) -> None:
        """A step; `is_behind_door` when a door is known and has not been open since the step began."""
        if step.is_doubtful and is_behind_door:
            return
        is_doubtful = step.is_doubtful or is_behind_door
        if self.sum is None:
            self.sum = [step.began_ms, step.at_ms, step.change_mg, is_doubtful]
            return
        began_ms, _, change_mg, was_doubtful = self.sum
        self.sum = [began_ms, step.at_ms, change_mg + step.change_mg, was_doubtful or is_doubtful]

    def due(self, now_ms: int, *, is_open: "bool | None", closed_ms: "int | None") -> "Change | None":
        """What the visit changed, once it is over. `is_open` None: there is no door."""
        if self.sum is None or is_open or not self._is_over(now_ms, closed_ms):
            return None
        began_ms, last_ms, change_mg, is_doubtful = self.sum
        self.sum = None
        packs, sure_pct = packs_of(change_mg, self._pack_mg)
        if not packs:
            return None
        is_whole = sure_pct >= _DIVIDES_PCT
        sure_pct = sure_pct // 2 if is_doubtful else sure_pct
        return Change(began_ms, last_ms, change_mg, packs if is_whole else None, sure_pct)

    def _is_over(self, now_ms: int, closed_ms: "int | None") -> bool:
        last_ms = 0 if self.sum is None else int(self.sum[1])
        if closed_ms is None:
            return now_ms - last_ms >= ALONE_MS
        return now_ms - max(closed_ms, last_ms) >= CLOSED_MS
