"""Records of kind `book` as they come to the ledger, and a ledger to take them."""

from __future__ import annotations

import functools
import sqlite3
from contextlib import closing
from typing import Any

from ingest.ledger import circulation
from ingest.ledger.schema import LEDGER_STEPS, advance
from ingest.stock.entries import Said

NOW_MS = 1_795_248_000_000  # 2026-11-21 08:00 UTC
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
TODAY = 20_778  # the local day of NOW_MS


@functools.cache
def _empty() -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as ledger:
        advance(ledger, "ledger", LEDGER_STEPS)
        return ledger.serialize()


def new_ledger() -> sqlite3.Connection:
    ledger = sqlite3.connect(":memory:", isolation_level=None)
    ledger.deserialize(_empty())
    return ledger


def said(
    unit: str, seq: int, event: str, copy: str | None, at_ms: int, reader: str | None = None, **more: Any
) -> Said:
    """One record; `loan`, `due_on`, `shelf` and so on as on the wire, `clock` and `source` beside them."""
    clock, source = more.pop("clock", "gnss"), more.pop("source", "books")
    values = {"event": event, "item": copy, "reader": reader, **more}
    told = {name: value for name, value in values.items() if value is not None}
    return Said(unit, source, "0" * 16, "b" * 16, seq, "book", at_ms, at_ms - HOUR_MS, clock, NOW_MS, told)


def take(ledger: sqlite3.Connection, *records: Said) -> None:
    """As one transaction of the pipeline does."""
    copies = [circulation.add(ledger, one) for one in records]
    circulation.fold_again(ledger, [copy for copy in copies if copy is not None])


def verdicts(ledger: sqlite3.Connection) -> dict[str, tuple[str, str, str | None]]:
    """Verdict, cause and the other side of each event."""
    rows = ledger.execute("SELECT identity, verdict, cause, other FROM verdict")
    return {identity: tuple(rest) for identity, *rest in rows}


def states(ledger: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Where each copy is and who has it."""
    return ledger.execute("SELECT * FROM copy_state ORDER BY copy").fetchall()
