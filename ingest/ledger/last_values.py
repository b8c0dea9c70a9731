"""The newest value of each series: a row that is kept up, never a scan of the history.

The row holds the bytes of the chunk that the record ends, because one comes with every batch and is seldom
looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firmware import wire
from ingest.decode import group_from_chunk

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

# unit, kind, source, time ms, seq, clock, received ms, the `prev` and the bytes of the chunk it ends
LastRow = tuple[str, str, str, int, int, int, int, int, bytes]


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
        "INSERT INTO last_value VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " time_ms = excluded.time_ms, seq = excluded.seq, clock = excluded.clock,"
        " received_ms = excluded.received_ms, prev = excluded.prev, body = excluded.body"
        " WHERE (excluded.clock > 0, excluded.time_ms, excluded.seq) >= (clock > 0, time_ms, seq)",
        rows,
    )


def of_unit(ledger: sqlite3.Connection, unit: str) -> list[LastValue]:
    """The newest value of each series of a unit."""
    rows = ledger.execute("SELECT * FROM last_value WHERE unit = ? ORDER BY kind, source", (unit,))
    return [_value(*row) for row in rows]


def _value(
    unit: str,
    kind: str,
    source: str,
    time_ms: int,
    seq: int,
    clock: int,
    received_ms: int,
    prev: int,
    body: bytes,
) -> LastValue:
    columns = group_from_chunk(kind, body, prev).columns
    values = {field.name: columns[field.name][-1] for field in wire.KINDS[kind].fields}
    return LastValue(unit, kind, source, time_ms, seq, wire.CLOCKS[clock], received_ms, values)
