"""What is to be judged, and when at the latest: rows, so that nothing is forgotten by a kill.

shelf    site, item     the book of one pair
probe    unit, source   the excursions of one probe
subject  number, ""     what was seen of a door, a fault, a supply
exposed  unit, source   the lots that lay where the probe is
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.ledger import book

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

SHELF, PROBE, SUBJECT, EXPOSED = "shelf", "probe", "subject", "exposed"
NOW = 0


class Look(NamedTuple):
    """Something to be judged."""

    kind: str
    one: str
    other: str = ""


def ask(ledger: sqlite3.Connection, looks: Iterable[Look], due_ms: int = NOW) -> None:
    """Have these judged by then."""
    ledger.executemany(
        "INSERT INTO alert_look VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " due_ms = MIN(due_ms, excluded.due_ms)",
        [(*look, due_ms) for look in looks],
    )


def due(ledger: sqlite3.Connection, now_ms: int, most: int) -> list[Look]:
    """What is to be judged by now, the longest due first."""
    rows = ledger.execute(
        "SELECT kind, one, other FROM alert_look WHERE due_ms <= ? ORDER BY due_ms LIMIT ?", (now_ms, most)
    )
    return [Look(*row) for row in rows]


def settle(ledger: sqlite3.Connection, look: Look, due_ms: int | None) -> None:
    """It was judged; again then, or when something new is said of it."""
    if due_ms is None:
        ledger.execute("DELETE FROM alert_look WHERE kind = ? AND one = ? AND other = ?", look)
    else:
        ledger.execute(
            "UPDATE alert_look SET due_ms = ? WHERE kind = ? AND one = ? AND other = ?", (due_ms, *look)
        )


# --- how far the book has been looked at


class Cursor(NamedTuple):
    """Up to which entry, under which revision of what surrounds it, and where the round over all stands."""

    revision: int
    entry: int
    site: str | None
    item: str | None


def cursor(ledger: sqlite3.Connection) -> Cursor:
    """Where the looking stands."""
    return Cursor(*ledger.execute("SELECT revision, entry, site, item FROM alert_cursor").fetchone())


def move_cursor(ledger: sqlite3.Connection, to: Cursor) -> None:
    """The looking stands there now."""
    ledger.execute("UPDATE alert_cursor SET revision = ?, entry = ?, site = ?, item = ?", to)


def follow_book(ledger: sqlite3.Connection, most: int) -> bool:
    """Ask for looks at what is new in the book, and a piece of the round over all; whether there is more."""
    at, (revision, entry) = cursor(ledger), book.state(ledger)
    to = at._replace(entry=entry)
    if entry != at.entry:
        ask(ledger, (Look(SHELF, *pair) for pair in book.pairs_since(ledger, at.entry)))
    if at.site is None and revision != at.revision:  # a round that goes on is finished first
        to = Cursor(revision, entry, "", "")
    if to.site is not None and to.item is not None:
        pairs = _pairs_after(ledger, to.site, to.item, most)
        ask(ledger, (Look(SHELF, *pair) for pair in pairs))
        site, item = pairs[-1] if len(pairs) == most else (None, None)
        to = to._replace(site=site, item=item)
    if to != at:
        move_cursor(ledger, to)
    return to.site is not None or to.revision != revision


def _pairs_after(ledger: sqlite3.Connection, site: str, item: str, most: int) -> list[tuple[str, str]]:
    rows = ledger.execute(
        "SELECT site, item FROM (SELECT DISTINCT site, item FROM book WHERE (site, item) > (?1, ?2)"
        " ORDER BY site, item LIMIT ?3) ORDER BY site, item",
        (site, item, most),
    )
    return rows.fetchall()
