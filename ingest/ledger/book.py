"""The stock book: append-only entries. Stock on hand is their sum, never a number of its own.

An entry's identity is that of the record or request behind it, so whatever comes again counts once. Its
time is when it happened; when a unit later learns that its clock was wrong, the time is moved with it, and
what the unit said stays beside.
"""

from __future__ import annotations

from dataclasses import astuple, fields, replace
from typing import TYPE_CHECKING, Any

from ingest.ledger import clocks
from ingest.stock.days import DAY_MS, ZONE_MS
from ingest.stock.entries import Entry
from ingest.stock.way import Step

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

_NAMES = tuple(field.name for field in fields(Entry))
_COLUMNS = ", ".join(_NAMES)
_PLACES = ", ".join("?" * len(_NAMES))


def add(ledger: sqlite3.Connection, entries: Iterable[Entry]) -> int:
    """Append entries; one that is there already does not count again. Returns how many are new."""
    added = 0
    for entry in entries:
        added += ledger.execute(
            f"INSERT OR IGNORE INTO book ({_COLUMNS}) VALUES ({_PLACES})",  # noqa: S608
            astuple(_timed(ledger, entry)),
        ).rowcount
    return added


def find(ledger: sqlite3.Connection, identity: str) -> Entry | None:
    """The entry of an identity, None when there is none."""
    row = ledger.execute(f"SELECT {_COLUMNS} FROM book WHERE identity = ?", (identity,)).fetchone()  # noqa: S608
    return None if row is None else Entry(*row)


def balances(ledger: sqlite3.Connection, site: str) -> list[tuple[str, str, int]]:
    """Item, lot and stock on hand of a site, also where that is 0 or less."""
    rows = ledger.execute(
        "SELECT item, lot, SUM(quantity) FROM book WHERE site = ? GROUP BY item, lot ORDER BY item, lot",
        (site,),
    )
    return list(rows)


def on_hand(ledger: sqlite3.Connection, site: str, item: str, lot: str | None = None) -> int:
    """The sum of a site's item, of one lot or over all."""
    row = ledger.execute(
        "SELECT TOTAL(quantity) FROM book WHERE site = ?1 AND item = ?2 AND (?3 IS NULL OR lot = ?3)",
        (site, item, lot),
    ).fetchone()
    return int(row[0])


def history(
    ledger: sqlite3.Connection,
    site: str,
    item: str | None,
    limit: int,
    before: tuple[int, int] | None = None,
) -> list[tuple[int, Entry]]:
    """Entries of a site with their ids, newest first; `before` is the time and id to go on from."""
    rows = ledger.execute(
        f"SELECT id, {_COLUMNS} FROM book WHERE site = ?1 AND (?2 IS NULL OR item = ?2)"  # noqa: S608
        " AND (?3 IS NULL OR (time_ms, id) < (?3, ?4)) ORDER BY time_ms DESC, id DESC LIMIT ?5",
        (site, item, *(before or (None, None)), limit),
    )
    return [(row[0], Entry(*row[1:])) for row in rows]


def counts(ledger: sqlite3.Connection, site: str, item: str, limit: int) -> list[tuple[int, Entry]]:
    """The newest observations of a site's item with their ids, newest first."""
    rows = ledger.execute(
        f"SELECT id, {_COLUMNS} FROM book WHERE site = ? AND item = ? AND kind = 'count'"  # noqa: S608
        " ORDER BY time_ms DESC, id DESC LIMIT ?",
        (site, item, limit),
    )
    return [(row[0], Entry(*row[1:])) for row in rows]


_LINES = "SELECT site, item, time_ms, lot, kind, quantity FROM book"


def lines(
    ledger: sqlite3.Connection, site: str | None = None, item: str | None = None
) -> Iterator[tuple[Any, ...]]:
    """Site, item, time, lot, kind and quantity of entries, by site, item and time; of all or of one pair."""
    order = "ORDER BY site, item, time_ms, lot, kind, quantity"
    if site is None:
        return ledger.execute(f"{_LINES} {order}")
    return ledger.execute(f"{_LINES} WHERE site = ? AND item = ? {order}", (site, item))


def steps(ledger: sqlite3.Connection, site: str, item: str, lot: str) -> list[Step]:
    """One lot's entries at a site in order of time; another site where it came from there, or went there."""
    rows = ledger.execute(
        "SELECT time_ms, quantity, CASE WHEN kind IN ('receive', 'transfer') THEN other_site END FROM book"
        " WHERE site = ? AND item = ? AND lot = ? AND quantity <> 0 ORDER BY time_ms",
        (site, item, lot),
    )
    return [Step(*row) for row in rows]


def lots_on_hand(
    ledger: sqlite3.Connection, site: str | None, item: str | None, lot: str | None
) -> list[tuple[str, str, str]]:
    """Site, item and lot of what lies anywhere, by name; of one site, item or lot where these are given."""
    rows = ledger.execute(
        "SELECT book.site, item, lot FROM site CROSS JOIN book ON book.site = site.site"
        " WHERE (?1 IS NULL OR site.site = ?1) AND (?2 IS NULL OR item = ?2) AND (?3 IS NULL OR lot = ?3)"
        " GROUP BY 1, 2, 3 HAVING SUM(quantity) > 0 ORDER BY 1, 2, 3",
        (site, item, lot),
    )
    return list(rows)


def lots_ever_at(ledger: sqlite3.Connection, site: str) -> list[tuple[str, str]]:
    """Item and lot of whatever a site's book names."""
    rows = ledger.execute("SELECT DISTINCT item, lot FROM book WHERE site = ? ORDER BY item, lot", (site,))
    return list(rows)


def supply_days(ledger: sqlite3.Connection, site: str) -> list[int]:
    """The local days on which something was brought to a site."""
    rows = ledger.execute(
        "SELECT DISTINCT (time_ms + ?) / ? FROM book WHERE site = ? AND quantity > 0"
        " AND kind IN ('receive', 'transfer') ORDER BY 1",
        (ZONE_MS, DAY_MS, site),
    )
    return [day for (day,) in rows]


def on_the_way(ledger: sqlite3.Connection, site: str) -> dict[str, int]:
    """Per item, what was sent to a site by transfer and has not been booked in there."""
    rows = ledger.execute(
        "SELECT item, SUM(pieces) FROM ("
        " SELECT item, -quantity AS pieces FROM book WHERE other_site = ?1 AND kind = 'transfer'"
        " AND quantity < 0 UNION ALL"
        " SELECT item, -quantity FROM book WHERE site = ?1 AND kind IN ('transfer', 'receive')"
        " AND quantity > 0 AND other_site IS NOT NULL) GROUP BY item HAVING SUM(pieces) > 0",
        (site,),
    )
    return dict(rows)


# --- clocks


def _timed(ledger: sqlite3.Connection, entry: Entry) -> Entry:
    """The entry at the time its boot has meanwhile earned."""
    won = None if entry.unit is None else clocks.find(ledger, entry.unit, entry.boot)
    if won is None:
        return entry
    time_ms, clock = clocks.time_of(won, entry.said_ms, entry.said_clock, entry.boot_at_ms, entry.learned_ms)
    return replace(entry, time_ms=time_ms, clock=clock)


def correct(ledger: sqlite3.Connection, unit: str, boot: str) -> int:
    """Move what a boot had booked by a lesser clock than it has won; returns how many entries."""
    won = clocks.find(ledger, unit, boot)
    if won is None:
        return 0
    rows = ledger.execute(
        "SELECT id, said_ms, said_clock, boot_at_ms, learned_ms FROM book"
        " WHERE unit = ? AND boot = ? AND said_clock < ?",
        (unit, boot, won.clock),
    ).fetchall()
    moved = [(*clocks.time_of(won, *said), id_) for id_, *said in rows]
    ledger.executemany("UPDATE book SET time_ms = ?, clock = ? WHERE id = ?", moved)
    if moved:
        touch(ledger)
    return len(moved)


# --- what a cache has to know


def touch(ledger: sqlite3.Connection) -> None:
    """Something besides new entries changed: sites, items, levels, lots or times."""
    ledger.execute("UPDATE stock_revision SET revision = revision + 1")


def state(ledger: sqlite3.Connection) -> tuple[int, int]:
    """The revision of what surrounds the book, and its newest entry."""
    row = ledger.execute(
        "SELECT (SELECT revision FROM stock_revision), (SELECT COALESCE(MAX(id), 0) FROM book)"
    ).fetchone()
    return int(row[0]), int(row[1])


def counted_pairs(ledger: sqlite3.Connection) -> set[tuple[str, str]]:
    """Sites and items of which anything was ever counted."""
    return set(ledger.execute("SELECT DISTINCT site, item FROM book WHERE kind = 'count'"))


def pairs_since(ledger: sqlite3.Connection, book_id: int) -> set[tuple[str, str]]:
    """Sites and items with entries newer than that one."""
    return set(ledger.execute("SELECT DISTINCT site, item FROM book WHERE id > ?", (book_id,)))
