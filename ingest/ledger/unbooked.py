"""Records that cannot be booked yet: kept whole with the reason, and booked when somebody knows better."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ingest.stock.entries import Said, Unbookable

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class Unbooked:
    """A record that waits, and for what."""

    said: Said
    code: str
    detail: str


def put(ledger: sqlite3.Connection, said: Said, reason: Unbookable) -> None:
    """Keep a record with its newest reason."""
    ledger.execute(
        "INSERT OR REPLACE INTO unbooked VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            said.identity,
            said.unit,
            said.source,
            said.kind,
            said.time_ms,
            said.learned_ms,
            reason.code,
            str(reason),
            json.dumps(asdict(said), ensure_ascii=False),
        ),
    )


def remove(ledger: sqlite3.Connection, said: Said) -> None:
    """It is booked now."""
    ledger.execute("DELETE FROM unbooked WHERE identity = ?", (said.identity,))


def waiting(ledger: sqlite3.Connection, limit: int = -1) -> list[Unbooked]:
    """What waits, the oldest first."""
    rows = ledger.execute(
        "SELECT body, code, detail FROM unbooked ORDER BY learned_ms, identity LIMIT ?", (limit,)
    )
    return [Unbooked(Said(**json.loads(body)), code, detail) for body, code, detail in rows]


def count(ledger: sqlite3.Connection) -> int:
    """How many wait."""
    return int(ledger.execute("SELECT COUNT(*) FROM unbooked").fetchone()[0])
