"""Summaries: an hour of a series in a few numbers, kept when its rows are gone.

Per hour and numeric field these are how many values there are, the least, the greatest and the sum, all exact
integers on the wire's scale, so that hours add up to days, and in any order to the same. An hour is always
computed from all of its stored rows: late records mark their hours, and those are computed again.

What would keep a place or says nothing as a mean is left out: positions, which retention is there to let go,
courses (the mean of 359 and 1 is not 180), and words. Events are not summarised; they are few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from firmware import wire
from ingest.history.chunk import CLOCK_NONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HOUR_MS = 3_600_000
LEFT_OUT = frozenset({"lat_e7", "lon_e7", "course_ddeg"})


class Hour(NamedTuple):
    """An hour of a series, by its first millisecond."""

    begin_ms: int
    kind: str
    unit: str
    source: str


class Stat(NamedTuple):
    """So many values of one field, at least one: the least, the greatest and the sum, on the wire's scale."""

    values: int
    least: int
    most: int
    total: int

    @property
    def mean(self) -> float:
        return self.total / self.values


class Summary(NamedTuple):
    """What stays of an hour: how many rows it had, and a Stat for each field that had a value."""

    hour: Hour
    rows: int
    stats: dict[str, Stat]


def _names(kind: wire.Kind) -> tuple[str, ...]:
    if kind.lane == "event":
        return ()
    fields = (field for field in kind.fields if field.coding != wire.TEXT and not field.words)
    return tuple(field.name for field in fields if field.name not in LEFT_OUT)


NAMES = {name: _names(kind) for name, kind in wire.KINDS.items()}  # the fields that are summarised


def begin_of(time_ms: int) -> int:
    """The first millisecond of the hour of a time."""
    return time_ms - time_ms % HOUR_MS


def stat_of(values: Iterable[int | None]) -> Stat | None:
    """The values that are there in a few numbers; None when there is none."""
    known = [value for value in values if value is not None]
    return Stat(len(known), min(known), max(known), sum(known)) if known else None


def together(stats: Iterable[Stat]) -> Stat:
    """One Stat for all of these (at least one); the order does not matter."""
    values, least, most, totals = zip(*stats, strict=True)
    return Stat(sum(values), min(least), max(most), sum(totals))


def summarised(hour: Hour, columns: Mapping[str, list[Any]]) -> Summary | None:
    """The summary of an hour's rows; None without rows whose time is known."""
    timed = [row for row, clock in enumerate(columns["clock"]) if clock != CLOCK_NONE]
    if not timed:
        return None
    stats = {name: stat_of(columns[name][row] for row in timed) for name in NAMES[hour.kind]}
    return Summary(hour, len(timed), {name: stat for name, stat in stats.items() if stat is not None})
