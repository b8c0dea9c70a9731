"""How far the rows of each kind have expired: what began before is gone, and is not summarised again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def all_horizons(ledger: sqlite3.Connection) -> dict[str, int]:
    """The time (ms since 1970) before which rows are gone, by kind."""
    return dict(ledger.execute("SELECT kind, before_ms FROM horizon"))


def move(ledger: sqlite3.Connection, kind: str, before_ms: int) -> None:
    """Rows of a kind from before this time are going; a horizon never moves back."""
    ledger.execute(
        "INSERT INTO horizon VALUES (?, ?) ON CONFLICT DO UPDATE"
        " SET before_ms = MAX(before_ms, excluded.before_ms)",
        (kind, before_ms),
    )
