"""Hours whose rows changed since they were summarised; written with the rows, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.history.summary import Hour

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


def add(ledger: sqlite3.Connection, hours: Iterable[Hour]) -> None:
    """These have to be computed again."""
    ledger.executemany("INSERT OR IGNORE INTO dirty_hour VALUES (?, ?, ?, ?)", hours)


def oldest(ledger: sqlite3.Connection, before_ms: int, most: int) -> list[Hour]:
    """The first of those that began before a time."""
    rows = ledger.execute(
        "SELECT * FROM dirty_hour WHERE begin_ms < ? ORDER BY begin_ms LIMIT ?", (before_ms, most)
    )
    return [Hour(*row) for row in rows]


def remove(ledger: sqlite3.Connection, hours: Iterable[Hour]) -> None:
    """They are computed."""
    ledger.executemany(
        "DELETE FROM dirty_hour WHERE begin_ms = ? AND kind = ? AND unit = ? AND source = ?", hours
    )


def first_ms(ledger: sqlite3.Connection, kind: str, from_ms: int, before_ms: int) -> int | None:
    """When the first of a kind between two times begins, None when none does."""
    row = ledger.execute(
        "SELECT begin_ms FROM dirty_hour WHERE begin_ms >= ? AND begin_ms < ? AND kind = ?"
        " ORDER BY begin_ms LIMIT 1",
        (from_ms, before_ms, kind),
    ).fetchone()
    return None if row is None else int(row[0])


def of_series(
    ledger: sqlite3.Connection, unit: str, kind: str, source: str, from_ms: int, to_ms: int
) -> list[int]:
    """When those of a series begin that do so between two times."""
    rows = ledger.execute(
        "SELECT begin_ms FROM dirty_hour"
        " WHERE begin_ms BETWEEN ? AND ? AND kind = ? AND unit = ? AND source = ?",
        (from_ms, to_ms, kind, unit, source),
    )
    return [begin_ms for (begin_ms,) in rows]


def count(ledger: sqlite3.Connection) -> int:
    """How many wait."""
    return int(ledger.execute("SELECT COUNT(*) FROM dirty_hour").fetchone()[0])
