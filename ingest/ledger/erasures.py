"""Erasures of units' histories: who asked, and when. These rows stay.

A unit's marks stay as well, else it would send everything again. What it sends again below the marks of an
erasure is not taken, though the rows are missing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from ingest.ledger.marks import LaneKey


@dataclass(frozen=True, slots=True)
class Erasure:
    """A unit's history was erased, and the unit is asked to do the same under `command_id`.

    `told_ms`: when that command last went to the broker; `answered_ms`: when its answer was seen.
    """

    id: int
    unit: str
    who: str
    erased_ms: int
    command_id: str
    told_ms: int | None
    answered_ms: int | None


def add(ledger: sqlite3.Connection, unit: str, who: str, command_id: str, now_ms: int) -> Erasure:
    """Write down an erasure, and up to where each lane of the unit is erased."""
    row = ledger.execute(
        "INSERT INTO erasure (unit, who, erased_ms, command_id) VALUES (?, ?, ?, ?) RETURNING *",
        (unit, who, now_ms, command_id),
    ).fetchone()
    ledger.execute(
        "INSERT OR REPLACE INTO erased_lane SELECT unit, epoch, lane, mark FROM lane WHERE unit = ?", (unit,)
    )
    return Erasure(*row)


def note_told(ledger: sqlite3.Connection, erasure_id: int, now_ms: int) -> None:
    """The unit's command is with the broker."""
    ledger.execute("UPDATE erasure SET told_ms = ? WHERE id = ?", (now_ms, erasure_id))


def erased_up_to(ledger: sqlite3.Connection, key: LaneKey) -> int:
    """The last row of a lane that an erasure covers, 0 for none."""
    row = ledger.execute(
        "SELECT mark FROM erased_lane WHERE unit = ? AND epoch = ? AND lane = ?", key
    ).fetchone()
    return 0 if row is None else int(row[0])


def note_answered(ledger: sqlite3.Connection, erasure_id: int, now_ms: int) -> None:
    """The unit has done it."""
    ledger.execute("UPDATE erasure SET answered_ms = ? WHERE id = ?", (now_ms, erasure_id))


def unanswered(ledger: sqlite3.Connection, since_ms: int) -> list[Erasure]:
    """Those since a time of which the unit has said nothing."""
    rows = ledger.execute("SELECT * FROM erasure WHERE answered_ms IS NULL AND erased_ms >= ?", (since_ms,))
    return [Erasure(*row) for row in rows]


def latest(ledger: sqlite3.Connection, since_ms: int) -> list[tuple[str, int]]:
    """Each unit with the time of its last erasure since a time."""
    return ledger.execute(
        "SELECT unit, MAX(erased_ms) FROM erasure WHERE erased_ms >= ? GROUP BY unit", (since_ms,)
    ).fetchall()


def newest(ledger: sqlite3.Connection, limit: int, unit: str | None = None) -> list[Erasure]:
    """The last ones, of a unit or of all."""
    rows = ledger.execute(
        "SELECT * FROM erasure WHERE ?1 IS NULL OR unit = ?1 ORDER BY id DESC LIMIT ?2", (unit, limit)
    )
    return [Erasure(*row) for row in rows]
