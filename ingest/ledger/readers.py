"""Readers: cards with their keyed hashes and blocks, and what is held for them.

Cards stay here: units, their lists and logs know the hash alone; a card is shown to whoever decides about a
loan or has to ask for a book back. A block is as old as the list it came by.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from ingest.stock.days import day_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

BLOCKED = "blocked"
READERS, HOLDS = "readers", "holds"  # the lists whose age is known


@dataclass(frozen=True, slots=True)
class Reader:
    """A card; with `blocked_ms` its holder may not borrow since then, up to and with `until_day`."""

    card: str
    reader: str
    blocked_ms: int | None = None
    why: str | None = None
    until_day: int | None = None

    def is_blocked(self, time_ms: int) -> bool:
        """Whether the holder was not to borrow at that time."""
        if self.blocked_ms is None or time_ms < self.blocked_ms:
            return False
        return self.until_day is None or day_of(time_ms) <= self.until_day


@dataclass(frozen=True, slots=True)
class Hold:
    """A title, or one copy of it, that a reader waits for; `stop` is the site where the reader comes."""

    hold: str
    title: str
    copy: str | None
    reader: str
    stop: str | None
    since_ms: int


_HOLD = ", ".join(field.name for field in fields(Hold))


def replace_readers(ledger: sqlite3.Connection, readers: Iterable[Reader], as_of_ms: int) -> None:
    """Take a whole list of cards; the list before it is gone, but a block keeps its earliest time."""
    blocked = dict(ledger.execute("SELECT card, blocked_ms FROM reader WHERE blocked_ms IS NOT NULL"))
    ledger.execute("DELETE FROM reader")
    for one in readers:
        card, reader, blocked_ms, why, until_day = astuple(one)
        since_ms = None if blocked_ms is None else min(blocked_ms, blocked.get(card, blocked_ms))
        ledger.execute("INSERT INTO reader VALUES (?, ?, ?, ?, ?)", (card, reader, since_ms, why, until_day))
    note_list(ledger, READERS, as_of_ms)


def replace_holds(ledger: sqlite3.Connection, holds: Iterable[Hold], as_of_ms: int) -> None:
    """Take a whole list of holds."""
    ledger.execute("DELETE FROM hold")
    ledger.executemany("INSERT INTO hold VALUES (?, ?, ?, ?, ?, ?)", [astuple(one) for one in holds])
    note_list(ledger, HOLDS, as_of_ms)


def note_list(ledger: sqlite3.Connection, name: str, as_of_ms: int) -> None:
    """From when a list is."""
    ledger.execute("INSERT OR REPLACE INTO library_list VALUES (?, ?)", (name, as_of_ms))


def as_of_ms(ledger: sqlite3.Connection, name: str) -> int | None:
    """From when a list is, None for one that never came."""
    row = ledger.execute("SELECT as_of_ms FROM library_list WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


def has_readers(ledger: sqlite3.Connection) -> bool:
    """Whether cards were imported: without any every reader is taken as known."""
    return ledger.execute("SELECT 1 FROM reader LIMIT 1").fetchone() is not None


def by_hash(ledger: sqlite3.Connection, reader: str) -> Reader | None:
    """The card behind a hash."""
    row = ledger.execute("SELECT * FROM reader WHERE reader = ?", (reader,)).fetchone()
    return None if row is None else Reader(*row)


def card_of(ledger: sqlite3.Connection, reader: str | None) -> str | None:
    """The number on a reader's card, for people; None for nobody, or nobody who is known."""
    found = None if reader is None else by_hash(ledger, reader)
    return None if found is None else found.card


def blocked(ledger: sqlite3.Connection, today: int) -> list[Reader]:
    """Whoever may not borrow today."""
    rows = ledger.execute(
        "SELECT * FROM reader WHERE blocked_ms IS NOT NULL AND COALESCE(until_day, ?1) >= ?1 ORDER BY reader",
        (today,),
    )
    return [Reader(*row) for row in rows]


def all_readers(ledger: sqlite3.Connection) -> list[Reader]:
    """Every card."""
    return [Reader(*row) for row in ledger.execute("SELECT * FROM reader ORDER BY card")]


def holds(ledger: sqlite3.Connection) -> list[Hold]:
    """Everything that somebody waits for, the longest waiting first."""
    return [Hold(*row) for row in ledger.execute(f"SELECT {_HOLD} FROM hold ORDER BY since_ms, hold")]  # noqa: S608


def holds_of_copy(ledger: sqlite3.Connection, copy: str) -> list[Hold]:
    """Who waits for this very copy, the longest waiting first."""
    rows = ledger.execute(f"SELECT {_HOLD} FROM hold WHERE copy = ? ORDER BY since_ms, hold", (copy,))  # noqa: S608
    return [Hold(*row) for row in rows]
