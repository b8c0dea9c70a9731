"""Marks, runs and gaps: what is stored of each lane of each outbox, and in which boot it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

MAX_GAPS = 1000  # of a lane; the count in `gone` stays whole

LaneKey = tuple[str, str, str]  # unit, epoch and lane


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane of one outbox: all rows up to `mark` are stored, except `gone` ones that the unit had lost."""

    unit: str
    epoch: str
    lane: str
    mark: int
    stored: int
    gone: int
    moved_ms: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows that a unit no longer had when their turn came: `count` of them within first..last."""

    unit: str
    epoch: str
    lane: str
    first_seq: int
    last_seq: int
    count: int
    noticed_ms: int


def mark_and_runs(ledger: sqlite3.Connection, key: LaneKey) -> tuple[int, list[tuple[int, str]]]:
    """The mark (0 for a lane never heard of) and every run as (first seq, boot), in order."""
    row = ledger.execute("SELECT mark FROM lane WHERE unit = ? AND epoch = ? AND lane = ?", key).fetchone()
    runs = ledger.execute(
        "SELECT first_seq, boot FROM run WHERE unit = ? AND epoch = ? AND lane = ? ORDER BY first_seq", key
    ).fetchall()
    return (0 if row is None else row[0]), runs


def move(ledger: sqlite3.Connection, moves: Iterable[tuple[str, str, str, int, int, int, int]]) -> None:
    """Move marks: (unit, epoch, lane, mark, stored more, gone more, now ms)."""
    ledger.executemany(
        "INSERT INTO lane VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET mark = excluded.mark,"
        " stored = stored + excluded.stored, gone = gone + excluded.gone, moved_ms = excluded.moved_ms",
        moves,
    )


def add_runs(ledger: sqlite3.Connection, runs: Iterable[tuple[str, str, str, int, str]]) -> None:
    """Begin runs: (unit, epoch, lane, first seq, boot)."""
    ledger.executemany("INSERT INTO run VALUES (?, ?, ?, ?, ?)", runs)


def add_gap(ledger: sqlite3.Connection, gap: Gap) -> None:
    """Book rows as gone; only the newest MAX_GAPS ranges of a lane are kept, their count for ever."""
    ledger.execute(
        "INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?, ?, ?, ?)",
        (gap.unit, gap.epoch, gap.lane, gap.first_seq, gap.last_seq, gap.count, gap.noticed_ms),
    )
    key = (gap.unit, gap.epoch, gap.lane)
    ledger.execute(
        "DELETE FROM gap WHERE unit = ? AND epoch = ? AND lane = ? AND first_seq <="
        " (SELECT first_seq FROM gap WHERE unit = ? AND epoch = ? AND lane = ?"
        " ORDER BY first_seq DESC LIMIT 1 OFFSET ?)",
        (*key, *key, MAX_GAPS),
    )


def lanes(ledger: sqlite3.Connection, unit: str) -> list[Lane]:
    """Every lane of every outbox that the unit ever had, the newest moved first."""
    rows = ledger.execute("SELECT * FROM lane WHERE unit = ? ORDER BY moved_ms DESC, lane", (unit,))
    return [Lane(*row) for row in rows]


def gaps(ledger: sqlite3.Connection, unit: str) -> list[Gap]:
    """What the unit had lost, newest first."""
    rows = ledger.execute(
        "SELECT * FROM gap WHERE unit = ? ORDER BY noticed_ms DESC, first_seq DESC", (unit,)
    )
    return [Gap(*row) for row in rows]
