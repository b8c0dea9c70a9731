"""The newest value of each series: a row that is kept up, never a scan of the history."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

# (unit, kind, source, time ms, seq, clock, received ms, JSON of the kind's fields as on the wire)
LastRow = tuple[str, str, str, int, int, str, int, str]


@dataclass(frozen=True, slots=True)
class LastValue:
    """The newest record of a series; `values` are the kind's fields, on the wire's scale."""

    unit: str
    kind: str
    source: str
    time_ms: int
    seq: int
    clock: str
    received_ms: int
    values: dict[str, Any]


def put(ledger: sqlite3.Connection, rows: Iterable[LastRow]) -> None:
    """Keep the newer by event time; a record whose time is unknown never replaces one whose time is known."""
    ledger.executemany(
        "INSERT INTO last_value VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " time_ms = excluded.time_ms, seq = excluded.seq, clock = excluded.clock,"
        " received_ms = excluded.received_ms, body = excluded.body"
        " WHERE (excluded.clock <> 'none', excluded.time_ms, excluded.seq)"
        " >= (clock <> 'none', time_ms, seq)",
        rows,
    )


def of_unit(ledger: sqlite3.Connection, unit: str) -> list[LastValue]:
    """The newest value of each series of a unit."""
    rows = ledger.execute("SELECT * FROM last_value WHERE unit = ? ORDER BY kind, source", (unit,))
    return [LastValue(*(*row[:7], json.loads(row[7]))) for row in rows]
