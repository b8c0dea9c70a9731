"""The stock board of a county: 1,000 sites with 100 items each, 12 lines of the book and three lots a pair.

The reference is SQLite alone summing the same book by site, item and lot: what "stock on hand is a sum" costs
at least.
"""

import random
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ingest.ledger import book, items, lots, par_levels, sites, stock_board
from ingest.ledger.files import open_store
from ingest.ledger.items import Item
from ingest.ledger.par_levels import ParLevel
from ingest.ledger.sites import Site
from ingest.ledger.stock_board import StockBoard
from ingest.stock.days import DAY_MS, day_of
from ingest.stock.entries import Entry
from tests.bench.report import Report
from tests.bench.stopwatch import taken_ms
from tests.ingest.made import NOW_MS

SITES, ITEMS, LINES = 1000, 100, 12
SHOWN = 100
TODAY = day_of(NOW_MS)
RUNS = 3


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_store(Path(folder) / "store.sqlite3")
        ledger.execute("PRAGMA synchronous = OFF")
        fill(ledger)
        sums_ms = taken_ms(lambda: sums(ledger), RUNS)
        board = StockBoard()
        whole_ms = taken_ms(lambda: StockBoard().rows(ledger, TODAY), 1)
        pairs = f"{SITES * ITEMS:,} pairs"
        report.row(f"the whole board, {pairs}", whole_ms, "ms", "sums by SQLite", sums_ms, "<= 10000")
        board.rows(ledger, TODAY)
        again_ms = taken_ms(lambda: after_an_entry(ledger, board), RUNS)
        report.row("after one more entry", again_ms, "ms", "sums by SQLite", sums_ms, "<= 200")
        shown_ms = taken_ms(lambda: shown(ledger, board), RUNS)
        report.row(f"{SHOWN} rows with all figures", shown_ms, "ms", "sums by SQLite", sums_ms, "<= 200")
        ledger.close()


def fill(ledger: sqlite3.Connection) -> None:
    ledger.execute("BEGIN")
    for item in range(ITEMS):
        items.put(ledger, Item(f"item-{item}", pack_size=10))
        for lot, expires_day in enumerate((TODAY - 30, TODAY + 100, None)):
            lots.note(ledger, f"item-{item}", f"L{lot}", expires_day)
    for site in range(SITES):
        sites.put(ledger, Site(f"site-{site}", lead_days=2))
        for item in range(ITEMS):
            par_levels.put(ledger, ParLevel(f"site-{site}", f"item-{item}", 5, 10, 60))
    book.add(ledger, entries())
    ledger.execute("COMMIT")


def entries() -> Iterator[Entry]:
    dice = random.Random(7)
    for number in range(SITES * ITEMS):
        site, item = f"site-{number // ITEMS}", f"item-{number % ITEMS}"
        for line in range(LINES):
            kind, quantity = ("receive", 20) if line % 4 == 0 else ("dispense", -dice.randrange(1, 9))
            at_ms = NOW_MS - dice.randrange(120) * DAY_MS
            yield entry(f"{number}/{line}", site, item, kind, quantity, at_ms, f"L{line % 3}")


def entry(identity: str, site: str, item: str, kind: str, quantity: int, at_ms: int, lot: str) -> Entry:
    return Entry(identity, site, item, lot, kind, quantity, at_ms, "gnss", NOW_MS, at_ms)


def sums(ledger: sqlite3.Connection) -> int:
    rows = ledger.execute("SELECT site, item, lot, SUM(quantity) FROM book GROUP BY site, item, lot")
    return len(rows.fetchall())


def after_an_entry(ledger: sqlite3.Connection, board: StockBoard) -> None:
    newest = book.state(ledger)[1]
    book.add(ledger, [entry(f"more/{newest}", "site-1", "item-1", "dispense", -1, NOW_MS, "L1")])
    board.rows(ledger, TODAY)


def shown(ledger: sqlite3.Connection, board: StockBoard) -> None:
    rows, around = board.rows(ledger, TODAY)
    stock_board.explained(ledger, around, [row[:2] for row in rows[:SHOWN]], TODAY)
