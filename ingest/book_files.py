"""A library's files from the terminal: `ortoo-ingest books import`, while no service holds the store.

MARC files are known by their ending (.mrc, .marc, .iso), sheets by their name (books.csv, readers.csv …).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.books.card import load_key
from ingest.books.catalogue import read_marc
from ingest.books.sheets import FORMS, read_sheet
from ingest.config import ConfigError
from ingest.idle_store import CURL, CommandFailed, idle_store
from ingest.ledger import library_import
from ingest.ledger.files import transaction
from ingest.ledger.library_import import Terms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from ingest.config import Settings
    from ingest.stock.sheet import Problem

MARC = "marc"
MARC_ENDINGS = frozenset({".mrc", ".marc", ".iso"})


class Taken(NamedTuple):
    """How many copies or lines, and what is wrong with records that were left out."""

    lines: int
    problems: tuple[Problem, ...]


def what_of(path: Path) -> str:
    """What a file holds, by its name; raises CommandFailed."""
    if path.suffix.lower() in MARC_ENDINGS:
        return MARC
    if path.stem in FORMS and path.suffix == ".csv":
        return path.stem
    names = ", ".join(f"{what}.csv" for what in FORMS)
    raise CommandFailed(f"{path.name}: name the file by what it holds: {names}, or catalogue.mrc for MARC")


def imported(settings: Settings, path: Path, home: str | None, now_ms: int) -> Taken:
    """Take a file; copies in MARC that name no place belong to `home`.

    Raises CommandFailed, and SheetRefused with what is wrong line by line.
    """
    what = what_of(path)
    try:
        data = path.read_bytes()
        terms = Terms(load_key(settings.library.card_key_file), now_ms)
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror}") from None
    except ConfigError as error:
        raise CommandFailed(str(error)) from None
    if what != MARC:
        sheet = read_sheet(what, data)
        lines = _written(settings, path, lambda ledger: library_import.take(ledger, what, sheet, terms))
        return Taken(lines, ())
    found = read_marc(data, home, now_ms)
    lines = _written(settings, path, lambda ledger: library_import.take_catalogue(ledger, found))
    return Taken(lines, tuple(found.problems))


def _written(settings: Settings, path: Path, write: Callable[[sqlite3.Connection], int]) -> int:
    instead = f"{CURL} --data-binary @{path.name} 'URL/api/v1/books/import?what={what_of(path)}'"
    with idle_store(settings, instead) as ledger, transaction(ledger):
        return write(ledger)
