"""What alerts cost at 10,000 cabinets: rules judged anew from all that is known, and records taken.

The reference is SQLite alone reading the rows of the book, which a judgement needs at least; for records,
putting the same ones as last values.
"""

import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ingest import alerting
from ingest.alerting import Terms
from ingest.alerts.shelf import STOCK_RULES
from ingest.history.chunk import Chunk
from ingest.ledger import alert_looks, book, items, last_values, par_levels, sites
from ingest.ledger.alert_looks import SHELF, Look
from ingest.ledger.files import open_store
from ingest.ledger.items import Item
from ingest.ledger.par_levels import ParLevel
from ingest.ledger.sites import Site
from ingest.stock.days import DAY_MS
from ingest.stock.entries import Entry
from ingest.watchman import Watchman
from tests.bench.report import Report
from tests.ingest.made import EPOCH, NOW_MS, A, group

CABINETS, ITEMS, LINES = 10_000, 3, 12
FEW_CABINETS = 500
POWER_ROWS = 60
RULES_OF_A_SHELF = len(STOCK_RULES) + 2 * 2  # and two for each of its two lots


def run(report: Report) -> None:
    cabinets = FEW_CABINETS if report.is_short else CABINETS
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_store(Path(folder) / "store.sqlite3")
        ledger.execute("PRAGMA synchronous = OFF")
        fill(ledger, cabinets)
        looks = [
            Look(SHELF, f"cabinet-{at // ITEMS}", f"item-{at % ITEMS}") for at in range(cabinets * ITEMS)
        ]
        judging_s = [taken_s(ledger, lambda: judge(ledger, looks)) for _ in range(2)]
        reading_s = [taken_s(ledger, lambda: read(ledger, looks)) for _ in range(2)]
        rules = len(looks) * RULES_OF_A_SHELF
        report.row(
            f"rules of stock judged, {cabinets:,} cabinets",
            [rules / spent_s for spent_s in judging_s],
            "rules/s",
            "rows read by SQLite alone",
            [rules / spent_s for spent_s in reading_s],
            ">= 10,000",
        )
        chunks = list(power(cabinets))
        noting_s = taken_s(ledger, lambda: alerting.take(ledger, chunks))
        keeping_s = taken_s(ledger, lambda: last_values.put(ledger, rows_of(chunks)))
        rows = len(chunks) * POWER_ROWS
        report.row(
            f"readings of supplies, {POWER_ROWS} a batch",
            rows / noting_s,
            "rows/s",
            "their last values put",
            rows / keeping_s,
            ">= 10,000",
        )
        idle_s = taken_s(ledger, lambda: idle(ledger))
        report.row("a look whether anything is due", idle_s / IDLE_LOOKS * 1e6, "us", goal="<= 2000")
        ledger.close()


def fill(ledger: sqlite3.Connection, cabinets: int) -> None:
    ledger.execute("BEGIN")
    for item in range(ITEMS):
        items.put(ledger, Item(f"item-{item}", pack_size=10))
        for lot in range(2):
            ledger.execute(
                "INSERT INTO lot VALUES (?, ?, ?, 1)", (f"item-{item}", f"L{lot}", NOW_MS // DAY_MS + 200)
            )
    for cabinet in range(cabinets):
        sites.put(ledger, Site(f"cabinet-{cabinet}", unit=f"cabinet-{cabinet}"))
        for item in range(ITEMS):
            par_levels.put(ledger, ParLevel(f"cabinet-{cabinet}", f"item-{item}", 5, 10, 60))
    book.add(ledger, entries(cabinets))
    ledger.execute("COMMIT")


def entries(cabinets: int) -> Iterator[Entry]:
    dice = random.Random(7)
    for number in range(cabinets * ITEMS):
        site, item = f"cabinet-{number // ITEMS}", f"item-{number % ITEMS}"
        for line in range(LINES):
            kind, quantity = ("receive", 40) if line % 4 == 0 else ("dispense", -dice.randrange(1, 9))
            at_ms = NOW_MS - dice.randrange(120) * DAY_MS
            yield Entry(
                f"{number}/{line}", site, item, f"L{line % 2}", kind, quantity, at_ms, "gnss", NOW_MS, at_ms
            )


def judge(ledger: sqlite3.Connection, looks: list[Look]) -> None:
    terms = Terms()
    for look in looks:
        alerting.judged(ledger, look, NOW_MS, terms)


def read(ledger: sqlite3.Connection, looks: list[Look]) -> int:
    return sum(len(list(book.lines(ledger, look.one, look.other))) for look in looks)


def power(cabinets: int) -> Iterator[Chunk]:
    for cabinet in range(cabinets):
        cells = {"supply_mv": 13_000 if cabinet % 7 else 11_000}
        made = group("power", range(1, POWER_ROWS + 1), **cells)
        yield Chunk(f"cabinet-{cabinet}", EPOCH, "sense", A, 0, made, b"", NOW_MS)


def rows_of(chunks: list[Chunk]) -> Iterator[last_values.LastRow]:
    for chunk in chunks:
        columns = chunk.group.columns
        for time_ms, seq, clock in zip(columns["time_ms"], columns["seq"], columns["clock"], strict=True):
            yield (chunk.unit, "power", "unit", time_ms, seq, clock, NOW_MS, 0, b"")


IDLE_LOOKS = 1000


def idle(ledger: sqlite3.Connection) -> None:
    ledger.execute("DELETE FROM alert_look")
    alert_looks.move_cursor(ledger, alert_looks.Cursor(*book.state(ledger), None, None))
    watchman = Watchman()
    for _ in range(IDLE_LOOKS):
        watchman.is_due(ledger, NOW_MS)


def taken_s(ledger: sqlite3.Connection, work: Callable[[], object]) -> float:
    """Time on the processor, in one transaction: the machine may have more to do."""
    ledger.execute("BEGIN")
    began_s = time.process_time()
    work()
    spent_s = time.process_time() - began_s
    ledger.execute("COMMIT")
    return spent_s
