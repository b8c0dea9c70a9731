"""The shelf view of 200 units × 3,000 copies, and what one more fact about a copy costs.

The reference of a look is a bare count of the same rows by SQLite, of a fact its bare insertion as a row.
"""

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ingest.ledger import circulation, shelves
from ingest.ledger.files import open_store
from ingest.stock.entries import Said
from tests.bench.report import Report

NOW_MS = 1_795_248_000_000
HOUR_MS = 3_600_000
TODAY = 20_778
LANGUAGES = ("chi", "mon", "eng", None)


def run(report: Report) -> None:
    """Every figure of this file."""
    units, copies, rounds = (10, 300, 2) if report.is_short else (200, 3000, 5)
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_store(Path(folder) / "store.sqlite3")) as ledger,
    ):
        _fill(ledger, units, copies)
        _looks(report, ledger, copies, rounds)
        _facts(report, ledger, 50 if report.is_short else 500)


def _fill(ledger: sqlite3.Connection, units: int, copies: int) -> None:
    ledger.execute("BEGIN")
    for unit in range(units):
        numbers = range(unit * copies, (unit + 1) * copies)
        ledger.executemany(
            "INSERT INTO title (title, name, language) VALUES (?, ?, ?)",
            [(f"t{number}", f"书 {number}", LANGUAGES[number % 4]) for number in numbers],
        )
        ledger.executemany(
            "INSERT INTO copy (copy, title, home) VALUES (?, ?, ?)",
            [(f"B{number:07}", f"t{number}", f"library-{unit:03}") for number in numbers],
        )
        ledger.executemany(
            "INSERT INTO copy_state VALUES (?, ?, 'books', NULL, 'a1', ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            [_state(number, f"library-{unit:03}") for number in numbers],
        )
    ledger.execute("COMMIT")


def _state(number: int, unit: str) -> tuple[object, ...]:
    """Of ten copies two are lent and one of a hundred is missing."""
    copy, language = f"B{number:07}", LANGUAGES[number % 4]
    if number % 10 < 2:
        loan = (f"{unit}/e/event/{number}", "a" * 32, unit, NOW_MS, TODAY - 3 + number % 30, "x")
        return (copy, unit, "on_loan", NOW_MS, language, *loan)
    state = "missing" if number % 100 == 55 else "on_shelf"
    return (copy, unit, state, NOW_MS, language, None, None, None, None, None, None)


def _looks(report: Report, ledger: sqlite3.Connection, copies: int, rounds: int) -> None:
    count = "SELECT COUNT(*) FROM copy_state NOT INDEXED"
    bare = [_ms(lambda: ledger.execute(count).fetchone()) for _ in range(rounds)]
    looks: dict[str, tuple[Callable[[], object], str]] = {
        "all places by state and language": (lambda: shelves.counts(ledger), "<= 1000"),
        "a page of a shelf": (lambda: shelves.at_place(ledger, "library-007", "", 100), "<= 20"),
        "a whole shelf": (lambda: shelves.at_place(ledger, "library-007", "", copies), "<= 200"),
        "a page of what is overdue": (lambda: shelves.loans(ledger, TODAY, (-1, ""), 100), "<= 20"),
        "how many are overdue": (lambda: shelves.overdue(ledger, TODAY), "<= 100"),
    }
    for name, (look, goal) in looks.items():
        found = [_ms(look) for _ in range(rounds)]
        report.row(name, found, "ms", "bare count of all copies", bare, goal=goal)


def _facts(report: Report, ledger: sqlite3.Connection, copies: int) -> None:
    """Each copy is lent and taken back, one fact a transaction's statement, folded at once."""
    facts = [
        Said(
            f"library-{copy % 7:03}",
            "books",
            "0" * 16,
            "b" * 16,
            2 * copy + at,
            "book",
            when,
            0,
            "gnss",
            NOW_MS,
            said,
        )
        for copy in range(copies)
        for at, (when, said) in enumerate(
            [
                (
                    NOW_MS - 2 * HOUR_MS,
                    {"event": "lent", "item": f"B{copy:07}", "reader": "b" * 32, "loan": f"n{copy}"},
                ),
                (NOW_MS - HOUR_MS, {"event": "returned", "item": f"B{copy:07}", "loan": f"n{copy}"}),
            ]
        )
    ]
    ledger.execute("CREATE TEMP TABLE bare (identity TEXT PRIMARY KEY, body TEXT)")
    ledger.execute("BEGIN")
    begin = time.perf_counter()
    for one in facts:
        ledger.execute("INSERT INTO bare VALUES (?, ?)", (one.identity, str(one.values)))
    bare_us = (time.perf_counter() - begin) / len(facts) * 1e6
    begin = time.perf_counter()
    for one in facts:
        copy = circulation.add(ledger, one)
        assert copy is not None
        circulation.fold_again(ledger, [copy])
    found_us = (time.perf_counter() - begin) / len(facts) * 1e6
    ledger.execute("ROLLBACK")
    report.row("a fact kept, folded and judged", found_us, "us", "bare insertion", bare_us, goal="<= 1000")


def _ms(look: Callable[[], object]) -> float:
    begin = time.perf_counter()
    look()
    return (time.perf_counter() - begin) * 1e3
