"""Shelves: where each copy is as of now, read from the folded states.

A place is a site, or a unit that is no site yet. Units tell a copy by unit and source; where that source is a
site of its own (a book house on the tour), the copy is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.ledger import sites

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class OnShelf:
    """A copy as it stands now; `name`, `author` and `language` are its title's, where there is one."""

    copy: str
    title: str | None
    name: str | None
    author: str | None
    language: str | None
    place: str | None
    shelf: str | None
    state: str
    since_ms: int
    reader: str | None
    loan_unit: str | None
    loan_ms: int | None
    due_day: int | None
    renewals: int


@dataclass(frozen=True, slots=True)
class PlaceCount:
    """How many copies of a language are at a place in a state."""

    place: str
    state: str
    language: str | None
    copies: int


_SHOWN = (
    "s.copy, c.title, t.name, t.author, s.language, s.unit, s.source, s.site, s.shelf, s.state, s.since_ms,"
    " s.reader, s.loan_unit, s.loan_ms, s.due_day, s.renewals"
    " FROM copy_state s LEFT JOIN copy c ON c.copy = s.copy LEFT JOIN title t ON t.title = c.title"
)


class Places:
    """Which site a unit's source is, looked up once each."""

    def __init__(self, ledger: sqlite3.Connection) -> None:
        self._ledger = ledger
        self._known: dict[tuple[str, str], str] = {}

    def of(self, unit: str | None, source: str, site: str | None) -> str | None:
        """The place of a copy, None when nobody knows it."""
        if site is not None or unit is None:
            return site
        key = (unit, source)
        if key not in self._known:
            self._known[key] = sites.of_source(self._ledger, unit, source) or unit
        return self._known[key]


def place_of(ledger: sqlite3.Connection, copy: str) -> str | None:
    """Where a copy lies; None when it is lent, missing or was never seen."""
    row = ledger.execute(
        "SELECT unit, source, site FROM copy_state WHERE copy = ? AND state = 'on_shelf'", (copy,)
    ).fetchone()
    return None if row is None else Places(ledger).of(*row)


def counts(ledger: sqlite3.Connection) -> list[PlaceCount]:
    """Copies by place, state and language."""
    places = Places(ledger)
    summed: dict[tuple[str, str, str | None], int] = {}
    for unit, source, site, state, language, copies in ledger.execute(
        "SELECT unit, source, site, state, language, COUNT(*) FROM copy_state"
        " GROUP BY unit, source, site, state, language"
    ):
        place = places.of(unit, source, site)
        if place is not None:
            key = (place, state, language)
            summed[key] = summed.get(key, 0) + copies
    order = sorted(summed.items(), key=lambda one: (one[0][0], one[0][1], one[0][2] or ""))
    return [PlaceCount(*key, copies) for key, copies in order]


def at_place(
    ledger: sqlite3.Connection,
    place: str,
    after: str,
    limit: int,
    state: str | None = None,
    language: str | None = None,
) -> list[OnShelf]:
    """Copies at a place by barcode, those after `after`."""
    where, values = _at(ledger, place)
    more = " AND (? IS NULL OR s.state = ?) AND (? IS NULL OR s.language = ?)"
    rows = ledger.execute(
        f"SELECT {_SHOWN} WHERE ({where}) AND s.copy > ?{more} ORDER BY s.copy LIMIT ?",
        (*values, after, state, state, language, language, limit),
    )
    return _shown(ledger, rows)


def _at(ledger: sqlite3.Connection, place: str) -> tuple[str, tuple[str, ...]]:
    """The condition for copies at a place, and its values."""
    found = sites.find(ledger, place)
    if found is None:
        return "s.unit = ? AND s.site IS NULL", (place,)
    if found.unit is None:
        return "s.site = ?", (place,)
    if found.source:
        return "s.site = ? OR s.site IS NULL AND s.unit = ? AND s.source = ?", (
            place,
            found.unit,
            found.source,
        )
    own = "SELECT source FROM site WHERE unit = s.unit AND source <> ''"
    return f"s.site = ? OR s.site IS NULL AND s.unit = ? AND s.source NOT IN ({own})", (place, found.unit)


def loans(
    ledger: sqlite3.Connection, overdue_on: int | None, after: tuple[int, str], limit: int
) -> list[OnShelf]:
    """Loans in force by due day and barcode, from after that pair; only those overdue on a day."""
    rows = ledger.execute(
        f"SELECT {_SHOWN} WHERE s.loan IS NOT NULL AND COALESCE(s.due_day, 65536) < COALESCE(?1, 65537)"
        " AND (COALESCE(s.due_day, 65536), s.copy) > (?2, ?3)"
        " ORDER BY COALESCE(s.due_day, 65536), s.copy LIMIT ?4",
        (overdue_on, *after, limit),
    )
    return _shown(ledger, rows)


def missing(ledger: sqlite3.Connection, after: str, limit: int) -> list[OnShelf]:
    """Copies that a shelf check did not find, by barcode."""
    rows = ledger.execute(
        f"SELECT {_SHOWN} WHERE s.state = 'missing' AND s.copy > ? ORDER BY s.copy LIMIT ?",
        (after, limit),
    )
    return _shown(ledger, rows)


def find(ledger: sqlite3.Connection, copy: str) -> OnShelf | None:
    """One copy that something was ever told of."""
    found = _shown(ledger, ledger.execute(f"SELECT {_SHOWN} WHERE s.copy = ?", (copy,)))
    return found[0] if found else None


def lying(ledger: sqlite3.Connection, titles: list[str]) -> list[OnShelf]:
    """Copies of these titles that lie on a shelf."""
    found = []
    for title in titles:
        rows = ledger.execute(f"SELECT {_SHOWN} WHERE c.title = ? AND s.state = 'on_shelf'", (title,))
        found += _shown(ledger, rows)
    return found


def overdue(ledger: sqlite3.Connection, today: int) -> int:
    """How many loans are over their day."""
    row = ledger.execute("SELECT COUNT(*) FROM copy_state WHERE due_day < ?", (today,)).fetchone()
    return int(row[0])


def _shown(ledger: sqlite3.Connection, rows: Any) -> list[OnShelf]:
    places = Places(ledger)
    found = [(*row[:5], places.of(row[5], row[6], row[7]), *row[8:]) for row in rows.fetchall()]
    return [OnShelf(*one) for one in found]
