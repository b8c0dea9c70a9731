"""Sheets of stock from the terminal: `ortoo-ingest stock import`, while no service holds the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.idle_store import CURL, CommandFailed, idle_store
from ingest.ledger import stock_import
from ingest.ledger.files import transaction
from ingest.stock import sheet

if TYPE_CHECKING:
    from pathlib import Path

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
    instead = f"{CURL} --data-binary @{path.name} 'URL/api/v1/stock/import?what={what}'"
    with idle_store(settings, instead) as ledger, transaction(ledger):
        return stock_import.take(ledger, what, found)
