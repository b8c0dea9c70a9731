"""What was counted since the store was made, by name and cause: a restart does not hide a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

CounterKey = tuple[str, str]  # name and cause


def add(ledger: sqlite3.Connection, counts: Mapping[CounterKey, int]) -> None:
    """Count these more."""
    ledger.executemany(
        "INSERT INTO counter VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
        [(name, cause, count) for (name, cause), count in counts.items()],
    )


def all_counts(ledger: sqlite3.Connection) -> dict[CounterKey, int]:
    """Everything counted so far."""
    rows = ledger.execute("SELECT name, cause, count FROM counter")
    return {(name, cause): count for name, cause, count in rows}
