"""The live state as it was last kept, so that a restarted service shows what it knew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


def put(ledger: sqlite3.Connection, states: Iterable[tuple[str, str]]) -> None:
    """Keep the state of these units, as (unit, JSON)."""
    ledger.executemany("INSERT OR REPLACE INTO live_state VALUES (?, ?)", states)


def all_states(ledger: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """The kept state of every unit."""
    return {unit: json.loads(body) for unit, body in ledger.execute("SELECT unit, body FROM live_state")}
