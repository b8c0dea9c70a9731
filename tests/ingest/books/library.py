"""A small library in the ledger: a van, a book house, copies, readers, holds, and some days of lending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.books import card
from ingest.books.sheets import read_sheet
from ingest.ledger import library_import, sites, units
from ingest.ledger.library_import import Terms
from ingest.ledger.sites import Site
from tests.ingest.books.said import DAY_MS, HOUR_MS, said, take

if TYPE_CHECKING:
    import sqlite3

SHEETS = {
    "books": (
        "copy,title,name,language,isbn,home,shelf,is_withdrawn\n"
        "B1,t1,草原,chi,978-7-04-050694-5,van,I247/12,\nB2,t1,草原,chi,,van,a1,\nB3,t2,ᠮᠣᠩᠭᠣᠯ,mon,,depot,,\n"
        "B4,t3,=1+1,,,van,,yes\n"
    ),
    "readers": "card,why,since_on,until_on\n1001,,,\n1002,blocked,2026-11-01,\n1003,expired,,2026-11-02\n",
    "holds": (
        "hold,title,copy,card,stop,since_on\nh1,t2,,1001,ger-7,2026-11-02\nh2,t2,,1002,ger-7,2026-11-03\n"
    ),
}


def open_library(ledger: sqlite3.Connection, key: bytes, now_ms: int) -> None:
    """library-01 is the van, whose book house ger-7 is a source of its own; library-02 is no site."""
    units.see(ledger, ["library-01", "library-02"], now_ms)
    sites.put(ledger, Site("depot", level="county"))
    sites.put(ledger, Site("van", "depot", "vehicle", "Library van", unit="library-01"))
    sites.put(ledger, Site("ger-7", "van", "cabinet", unit="library-01", source="house-7"))
    for what, text in SHEETS.items():
        library_import.take(ledger, what, read_sheet(what, text.encode()), Terms(key, now_ms))
    one, other = card.hashed(key, "1001"), card.hashed(key, "1003")
    take(
        ledger,
        said("library-01", 1, "seen", "B1", now_ms - 3 * DAY_MS, shelf="a1"),
        said("library-01", 2, "seen", "B2", now_ms - 3 * DAY_MS, source="house-7"),
        said("library-01", 3, "lent", "B1", now_ms - 2 * DAY_MS, one, due_on=20_770, loan="x"),
        said("library-02", 1, "lent", "B1", now_ms - DAY_MS, other, loan="y"),
        said("library-02", 2, "seen", "B3", now_ms - DAY_MS),
        said("library-02", 3, "seen", "B4", now_ms - DAY_MS),
        said("library-02", 4, "gone", "B4", now_ms - HOUR_MS),
    )
