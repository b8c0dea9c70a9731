"""A copy's journey: all that was told of it, each with what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class Leg:
    """A fact of the journey; without a verdict it is no loan event."""

    number: int
    identity: str
    event: str
    unit: str | None
    source: str
    time_ms: int
    clock: str
    learned_ms: int
    reader: str | None
    due_day: int | None
    shelf: str | None
    site: str | None
    verdict: str | None
    cause: str | None
    told_ms: int | None
    values: dict[str, Any]


def of_copy(ledger: sqlite3.Connection, copy: str, limit: int) -> list[Leg]:
    """The journey of a copy, the newest first."""
    rows = ledger.execute(
        "SELECT e.id, e.identity, e.event, e.unit, e.source, e.time_ms, e.clock, e.learned_ms, e.reader,"
        " e.due_day, e.shelf, e.site, v.verdict, v.cause, t.told_ms, e.body FROM book_event e"
        " LEFT JOIN verdict v USING (identity) LEFT JOIN telling t USING (identity)"
        " WHERE e.copy = ? ORDER BY e.time_ms DESC, e.identity DESC LIMIT ?",
        (copy, limit),
    ).fetchall()
    return [Leg(*(*row[:15], json.loads(row[15]))) for row in rows]
