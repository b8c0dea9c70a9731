"""Payloads that could not be accepted, as they came, with the reason: kept within bounds, never in silence.

The same payload on the same topic is one row with a count, so that a unit that sends it again and again does
not push the others out. Nor does one noisy unit: it may hold a tenth of the places.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class Refused:
    """A payload set aside; `place` is where in it, `times` how often it came between the two times."""

    id: int
    unit: str | None
    topic: str
    cause: str
    place: str
    detail: str
    received_ms: int
    latest_ms: int
    times: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Bounds:
    max_rows: int = 1000
    max_bytes: int = 16 * 1024 * 1024


def put(
    ledger: sqlite3.Connection,
    unit: str | None,
    topic: str,
    cause: str,
    place: str,
    detail: str,
    payload: bytes,
    now_ms: int,
) -> int:
    """Set a payload aside; returns how often this one came by now."""
    row = ledger.execute(
        "INSERT INTO quarantine (unit, topic, cause, place, detail, received_ms, latest_ms, digest, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET times = times + 1,"
        " latest_ms = excluded.latest_ms RETURNING times",
        (unit, topic, cause, place, detail, now_ms, now_ms, hashlib.sha256(payload).digest(), payload),
    ).fetchone()
    return int(row[0])


def trim(ledger: sqlite3.Connection, unit: str | None, bounds: Bounds) -> int:
    """Drop the oldest beyond the bounds, first of this unit, then of all; returns how many."""
    dropped = ledger.execute(
        "DELETE FROM quarantine WHERE unit IS ?1 AND id <= (SELECT id FROM quarantine WHERE unit IS ?1"
        " ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        (unit, max(1, bounds.max_rows // 10)),
    ).rowcount
    dropped += ledger.execute(
        "DELETE FROM quarantine WHERE id <= (SELECT id FROM quarantine ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (bounds.max_rows,),
    ).rowcount
    dropped += ledger.execute(
        "DELETE FROM quarantine WHERE id IN (SELECT id FROM (SELECT id, SUM(LENGTH(payload))"
        " OVER (ORDER BY id DESC) AS total FROM quarantine) WHERE total > ?)",
        (bounds.max_bytes,),
    ).rowcount
    return dropped


_COLUMNS = "id, unit, topic, cause, place, detail, received_ms, latest_ms, times, LENGTH(payload)"


def newest(ledger: sqlite3.Connection, limit: int, before_id: int | None = None) -> list[Refused]:
    """What was set aside, newest first; `before_id` pages on."""
    rows = ledger.execute(
        f"SELECT {_COLUMNS} FROM quarantine WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2",  # noqa: S608
        (before_id, limit),
    )
    return [Refused(*row) for row in rows]


def find(ledger: sqlite3.Connection, refused_id: int) -> Refused | None:
    """One of them, None when it is not (or no longer) there."""
    row = ledger.execute(f"SELECT {_COLUMNS} FROM quarantine WHERE id = ?", (refused_id,)).fetchone()  # noqa: S608
    return None if row is None else Refused(*row)


def payload(ledger: sqlite3.Connection, refused_id: int) -> bytes | None:
    """The bytes as they came."""
    row = ledger.execute("SELECT payload FROM quarantine WHERE id = ?", (refused_id,)).fetchone()
    return None if row is None else bytes(row[0])
