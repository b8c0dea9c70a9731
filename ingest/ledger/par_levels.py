"""Par levels: how much of an item a site should have. One that is not set is None and takes no part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class ParLevel:
    """Levels in base units."""

    site: str
    item: str
    min: int | None = None
    reorder: int | None = None
    max: int | None = None


def put(ledger: sqlite3.Connection, level: ParLevel) -> None:
    """Make or change the levels of a site's item."""
    ledger.execute(
        "INSERT OR REPLACE INTO par_level VALUES (?, ?, ?, ?, ?)",
        (level.site, level.item, level.min, level.reorder, level.max),
    )


def remove(ledger: sqlite3.Connection, site: str, item: str) -> bool:
    """Forget the levels; the site then stands on the board only where its book has the item."""
    gone = ledger.execute("DELETE FROM par_level WHERE site = ? AND item = ?", (site, item)).rowcount
    return gone > 0


def levels(ledger: sqlite3.Connection, site: str | None = None) -> list[ParLevel]:
    """The levels of one site or of all, by site and item."""
    rows = ledger.execute(
        "SELECT site, item, min, reorder, max FROM par_level WHERE ?1 IS NULL OR site = ?1"
        " ORDER BY site, item",
        (site,),
    )
    return [ParLevel(*row) for row in rows]
