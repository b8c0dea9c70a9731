"""Maintenance: units, and sites with all below, whose alerts are kept and shown, and told to nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.ledger import sites

if TYPE_CHECKING:
    import sqlite3

MAINTENANCE, DECOMMISSIONED = "maintenance", "decommissioned"


@dataclass(frozen=True, slots=True)
class Rest:
    """`what` is unit or site; `until_ms` is None until somebody takes it back."""

    what: str
    name: str
    state: str
    until_ms: int | None
    reason: str
    who: str
    set_ms: int


def put(ledger: sqlite3.Connection, rest: Rest) -> None:
    """Begin it, or change it."""
    ledger.execute(
        "INSERT OR REPLACE INTO maintenance VALUES (?, ?, ?, ?, ?, ?, ?)",
        (rest.what, rest.name, rest.state, rest.until_ms, rest.reason, rest.who, rest.set_ms),
    )


def end(ledger: sqlite3.Connection, what: str, name: str) -> bool:
    """Take it back, and look anew who is to be told; False when there was none."""
    ledger.execute("UPDATE alert SET tell_ms = 0 WHERE suppressed_by IS NOT NULL AND tell_ms IS NOT NULL")
    gone = ledger.execute("DELETE FROM maintenance WHERE what = ? AND name = ?", (what, name)).rowcount
    return gone > 0


def all_rests(ledger: sqlite3.Connection, now_ms: int) -> list[Rest]:
    """Every one that is not over."""
    rows = ledger.execute(
        "SELECT what, name, state, until_ms, reason, who, set_ms FROM maintenance"
        " WHERE until_ms IS NULL OR until_ms > ? ORDER BY what, name",
        (now_ms,),
    )
    return [Rest(*row) for row in rows]


def found(ledger: sqlite3.Connection, unit: str | None, site: str | None, now_ms: int) -> Rest | None:
    """The one that holds for a unit's or a site's alerts: its unit's, or the nearest one up the tree."""
    held = {(rest.what, rest.name): rest for rest in all_rests(ledger, now_ms)}
    if not held:
        return None
    places = [("unit", unit or "")]
    places += [("site", place) for place in (sites.ways_up(ledger, site) if site is not None else [])]
    return next((held[place] for place in places if place in held), None)
