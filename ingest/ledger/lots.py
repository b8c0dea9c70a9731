"""Lots: an item's batches with their expiry, and what a person has decided of a lot at a site.

Units and papers may say different expiries of one lot. Until a person settles it the earliest counts, which
is the same whatever came first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class Lot:
    """A batch of an item; `is_confirmed` when a person said its expiry."""

    item: str
    lot: str
    expires_day: int | None
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class LotState:
    """What a person decided of a lot at a site: held back or not, and how its vial monitor reads."""

    site: str
    item: str
    lot: str
    is_held: bool
    vvm_stage: int | None
    reason: str
    actor: str
    changed_ms: int


def note(ledger: sqlite3.Connection, item: str, lot: str, expires_day: int | None) -> None:
    """Know a lot from now on; of several expiries the earliest counts until a person says which."""
    if not lot:
        return
    ledger.execute(
        "INSERT INTO lot VALUES (?, ?, ?, 0) ON CONFLICT DO UPDATE SET"
        " expires_day = MIN(COALESCE(expires_day, excluded.expires_day),"
        " COALESCE(excluded.expires_day, expires_day)) WHERE is_confirmed = 0",
        (item, lot, expires_day),
    )


def confirm(ledger: sqlite3.Connection, item: str, lot: str, expires_day: int | None) -> None:
    """A person says when a lot expires."""
    ledger.execute("INSERT OR REPLACE INTO lot VALUES (?, ?, ?, 1)", (item, lot, expires_day))


def find(ledger: sqlite3.Connection, item: str, lot: str) -> Lot | None:
    """One lot, None when nobody has named it."""
    row = ledger.execute("SELECT * FROM lot WHERE item = ? AND lot = ?", (item, lot)).fetchone()
    return None if row is None else Lot(row[0], row[1], row[2], bool(row[3]))


def all_lots(ledger: sqlite3.Connection) -> list[Lot]:
    """Every lot by item and number."""
    rows = ledger.execute("SELECT item, lot, expires_day, is_confirmed FROM lot ORDER BY item, lot")
    return [Lot(item, lot, day, bool(is_confirmed)) for item, lot, day, is_confirmed in rows]


def decide(ledger: sqlite3.Connection, state: LotState) -> None:
    """Keep what a person decided of a lot at a site, in place of what was decided before."""
    ledger.execute(
        "INSERT OR REPLACE INTO lot_state VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            state.site,
            state.item,
            state.lot,
            state.is_held,
            state.vvm_stage,
            state.reason,
            state.actor,
            state.changed_ms,
        ),
    )


_STATE = "site, item, lot, is_held, vvm_stage, reason, actor, changed_ms"


def states(ledger: sqlite3.Connection, site: str | None = None) -> list[LotState]:
    """What was decided, at one site or at all."""
    rows = ledger.execute(
        f"SELECT {_STATE} FROM lot_state WHERE ?1 IS NULL OR site = ?1",  # noqa: S608
        (site,),
    )
    return [_state(row) for row in rows]


def of_item(ledger: sqlite3.Connection, item: str) -> list[LotState]:
    """What was decided of an item's lots, wherever they lie."""
    rows = ledger.execute(f"SELECT {_STATE} FROM lot_state WHERE item = ?", (item,))  # noqa: S608
    return [_state(row) for row in rows]


def of_lot(ledger: sqlite3.Connection, item: str, lot: str) -> list[LotState]:
    """What was decided of one lot, wherever it lies."""
    return [state for state in of_item(ledger, item) if state.lot == lot]


def _state(row: tuple[Any, ...]) -> LotState:
    site, item, lot, is_held, *rest = row
    return LotState(site, item, lot, bool(is_held), *rest)


def disputed(ledger: sqlite3.Connection) -> list[tuple[str, str, int]]:
    """Lots of which more than one expiry was said and no person has settled it: item, lot, how many."""
    rows = ledger.execute(
        "SELECT book.item, book.lot, COUNT(DISTINCT book.expires_day) AS said FROM book"
        " JOIN lot ON lot.item = book.item AND lot.lot = book.lot"
        " WHERE lot.is_confirmed = 0 AND book.expires_day IS NOT NULL"
        " GROUP BY book.item, book.lot HAVING said > 1",
    )
    return list(rows)
