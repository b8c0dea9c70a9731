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
    """The newest record of a series; it ends the chunk whose bytes are `body`."""

    unit: str
    kind: str
    source: str
    time_ms: int
    seq: int
    clock: str
    received_ms: int
    prev: int
    body: bytes

    @property
    def values(self) -> dict[str, Any]:
        """The kind's fields, on the wire's scale; decoded anew each time."""
        columns = group_from_chunk(self.kind, self.body, self.prev).columns
        return {field.name: columns[field.name][-1] for field in wire.KINDS[self.kind].fields}


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
    return [
        LastValue(unit, kind, source, time_ms, seq, wire.CLOCKS[clock], received_ms, prev, body)
        for _, kind, source, time_ms, seq, clock, received_ms, prev, body in rows
    ]
