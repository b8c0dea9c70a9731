"""Rejected differences: a person says that a count was wrong, and why. The book stays as it was.

A rejection is of one difference as it was seen, by its observations and its quantity. A later count, another
change that a scale saw in the same visit, or a record that comes late and moves the book under the count make
another difference, which asks again; what was rejected stays listed with who did it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3


class Rejection(NamedTuple):
    """Who said when and why that a count was wrong; `id` is the difference's, `time_ms` that of the count."""

    id: str
    site: str
    item: str
    lot: str
    quantity: int
    observed: int
    booked: int
    time_ms: int
    reason: str
    actor: str
    rejected_ms: int


def add(ledger: sqlite3.Connection, rejection: Rejection) -> bool:
    """Keep a rejection; False when that difference was rejected before: the first one stands."""
    places = ", ".join("?" * len(rejection))
    return (
        ledger.execute(f"INSERT OR IGNORE INTO count_rejection VALUES ({places})", rejection).rowcount > 0  # noqa: S608
    )


def is_rejected(ledger: sqlite3.Connection, id_: str) -> bool:
    """Whether somebody rejected that difference."""
    return ledger.execute("SELECT 1 FROM count_rejection WHERE id = ?", (id_,)).fetchone() is not None


def of_site(ledger: sqlite3.Connection, site: str, item: str | None, limit: int) -> list[Rejection]:
    """What was rejected at a site, of one item or of all, the newest first."""
    rows = ledger.execute(
        "SELECT * FROM count_rejection WHERE site = ?1 AND (?2 IS NULL OR item = ?2)"
        " ORDER BY rejected_ms DESC, id LIMIT ?3",
        (site, item, limit),
    )
    return [Rejection(*row) for row in rows]
