"""Book events: what units and people say happened to one copy, as facts in event time.

Facts come from several units, late, in any order. Whatever is concluded from them depends on the set of them
alone: they are put in order by when they happened, and by their identity where that is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.stock.entries import AHEAD, BEHIND, NO_CLOCK, booked_time

if TYPE_CHECKING:
    from ingest.stock.entries import Said

LENT, RETURNED, RENEWED = "lent", "returned", "renewed"
SEEN, GONE, PLACED = "seen", "gone", "placed"
LOAN_EVENTS = frozenset({LENT, RETURNED, RENEWED})
DOUBTFUL_CLOCKS = frozenset({NO_CLOCK, AHEAD, BEHIND})
MANUAL = "manual"  # the clock of a fact that a person enters

STANDS, VOID = "stands", "void"  # what a person decides of a conflict


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about a copy. `loan` is the unit's own name for the loan; `ruling` is a person's decision."""

    identity: str
    event: str
    copy: str
    time_ms: int
    clock: str
    unit: str | None = None
    source: str = ""
    reader: str | None = None
    loan: str | None = None
    due_day: int | None = None
    shelf: str | None = None
    site: str | None = None  # where a person placed it
    ruling: str | None = None

    @property
    def order(self) -> tuple[int, str]:
        return self.time_ms, self.identity

    @property
    def is_doubtful(self) -> bool:
        return self.clock in DOUBTFUL_CLOCKS


def event_of(said: Said) -> Event | None:
    """The fact in a record of kind `book`; None for a tag that names no copy."""
    values: dict[str, Any] = dict(said.values)
    copy = values.get("item")
    if not copy:
        return None
    time_ms, clock = booked_time(said.time_ms, said.clock, said.learned_ms)
    return Event(
        said.identity,
        values["event"],
        copy,
        time_ms,
        clock,
        said.unit,
        said.source,
        values.get("reader"),
        values.get("loan"),
        values.get("due_on"),
        values.get("shelf"),
    )
