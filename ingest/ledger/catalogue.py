"""Titles and copies, as the library's catalogue was last imported."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class Title:
    """A record of the catalogue; `language` is its MARC code (ISO 639-2/B)."""

    title: str
    name: str
    author: str | None = None
    language: str | None = None
    isbn: str | None = None
    publisher: str | None = None
    year: str | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """One book: keyed by barcode or tag, never by ISBN. `home` is the site whose shelf list it is on."""

    copy: str
    title: str
    owner: str | None = None
    home: str | None = None
    shelf: str | None = None
    withdrawn_ms: int | None = None


_TITLE = ", ".join(field.name for field in fields(Title))
_COPY = ", ".join(field.name for field in fields(Copy))


def put_title(ledger: sqlite3.Connection, title: Title) -> None:
    """Make or change a title; the language of its copies follows."""
    held = find_title(ledger, title.title)
    ledger.execute(f"INSERT OR REPLACE INTO title ({_TITLE}) VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(title))  # noqa: S608
    if held is not None and held.language != title.language:
        ledger.execute(
            "UPDATE copy_state SET language = ? WHERE copy IN (SELECT copy FROM copy WHERE title = ?)",
            (title.language, title.title),
        )


def put_copy(ledger: sqlite3.Connection, copy: Copy) -> None:
    """Make or change a copy; what it said before is replaced."""
    ledger.execute(f"INSERT OR REPLACE INTO copy ({_COPY}) VALUES (?, ?, ?, ?, ?, ?)", astuple(copy))  # noqa: S608


def find_title(ledger: sqlite3.Connection, title: str) -> Title | None:
    """A title by its number."""
    row = ledger.execute(f"SELECT {_TITLE} FROM title WHERE title = ?", (title,)).fetchone()  # noqa: S608
    return None if row is None else Title(*row)


def find_copy(ledger: sqlite3.Connection, copy: str) -> Copy | None:
    """A copy by its barcode."""
    row = ledger.execute(f"SELECT {_COPY} FROM copy WHERE copy = ?", (copy,)).fetchone()  # noqa: S608
    return None if row is None else Copy(*row)


def name_of_copy(ledger: sqlite3.Connection, copy: str) -> str | None:
    """What the title of a copy is called, None where nobody knows."""
    row = ledger.execute(
        "SELECT title.name FROM copy JOIN title USING (title) WHERE copy = ?", (copy,)
    ).fetchone()
    return None if row is None else str(row[0])


def has_copies(ledger: sqlite3.Connection) -> bool:
    """Whether a catalogue was ever imported: without one every copy is taken as known."""
    return ledger.execute("SELECT 1 FROM copy LIMIT 1").fetchone() is not None


def shelf_list(ledger: sqlite3.Connection, home: str) -> list[tuple[Copy, Title | None]]:
    """The copies that belong to a site, with their titles."""
    copy = ", ".join(f"copy.{field.name}" for field in fields(Copy))
    title = ", ".join(f"title.{field.name}" for field in fields(Title))
    rows = ledger.execute(
        f"SELECT {copy}, {title} FROM copy LEFT JOIN title USING (title) WHERE home = ? ORDER BY copy.copy",  # noqa: S608
        (home,),
    )
    return [(Copy(*row[:6]), None if row[6] is None else Title(*row[6:])) for row in rows]
