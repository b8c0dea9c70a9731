"""Sheets of stock from the terminal: `ortoo-ingest stock import`, while no service holds the file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.commands import CommandFailed
from ingest.ledger import stock_import
from ingest.ledger.files import StoreInUse, lock_store, open_store
from ingest.ledger.schema import SchemaError
from ingest.stock import sheet

if TYPE_CHECKING:
    from ingest.config import Settings


def what_of(path: Path) -> str:
    """Which sheet a file is, by its name; raises CommandFailed."""
    if path.stem not in sheet.COLUMNS:
        names = ", ".join(f"{what}.csv" for what in sheet.COLUMNS)
        raise CommandFailed(f"{path.name}: name the file by what it holds: {names}")
    return path.stem


def imported(settings: Settings, path: Path) -> int:
    """Take the lines of a CSV file, all or none; returns how many.

    Raises CommandFailed, and SheetRefused with what is wrong line by line.
    """
    what = what_of(path)
    try:
        found = sheet.read(what, path.read_bytes())
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror}") from None
    store = Path(settings.store.path)
    try:
        with lock_store(store), closing(open_store(store)) as ledger:
            return _written(ledger, what, found)
    except StoreInUse:
        raise CommandFailed(
            f"a service holds {store}: ask it, as curl -H 'Authorization: Bearer KEY' --data-binary"
            f" @{path.name} 'URL/api/v1/stock/import?what={what}', or stop it first"
        ) from None
    except (SchemaError, sqlite3.Error) as error:
        raise CommandFailed(f"store {store}: {error}") from None


def _written(ledger: sqlite3.Connection, what: str, found: sheet.Sheet) -> int:
    ledger.execute("BEGIN IMMEDIATE")
    try:
        lines = stock_import.take(ledger, what, found)
    except BaseException:
        ledger.execute("ROLLBACK")
        raise
    ledger.execute("COMMIT")
    return lines
