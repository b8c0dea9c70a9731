"""A library's lists into the ledger: catalogue, readers, holds, rotas; what contradicts itself is named.

What a list changes of verdicts is worked out anew, for the copies that it concerns alone: a night's list of
readers differs from the last one in a few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.books import card
from ingest.books.rotation import Stage
from ingest.ledger import catalogue, circulation, readers, rotas, shelves
from ingest.ledger.catalogue import Copy, Title
from ingest.ledger.readers import BLOCKED, Hold, Reader
from ingest.ledger.stock_import import SheetRefused
from ingest.stock.days import begin_ms
from ingest.stock.sheet import Problem

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from ingest.books.catalogue import Catalogue
    from ingest.stock.sheet import Sheet


class Terms(NamedTuple):
    """What an import needs besides its file: the key of cards, and when it is."""

    card_key: bytes | None
    now_ms: int


def take_catalogue(ledger: sqlite3.Connection, found: Catalogue) -> int:
    """Write what was read of MARC records; returns how many copies. Copies known before are changed."""
    is_first = not catalogue.has_copies(ledger)
    for title in found.titles:
        catalogue.put_title(ledger, title)
    changed = {copy.copy for copy in found.copies if _put_copy(ledger, copy)}
    circulation.fold_again(ledger, circulation.copies_with_verdicts(ledger) if is_first else changed)
    return len(found.copies)


def _put_copy(ledger: sqlite3.Connection, copy: Copy) -> bool:
    """A copy keeps since when it is withdrawn; whether something that was told of it is to be judged anew."""
    held = catalogue.find_copy(ledger, copy.copy)
    if held is not None and held.withdrawn_ms is not None and copy.withdrawn_ms is not None:
        copy = Copy(copy.copy, copy.title, copy.owner, copy.home, copy.shelf, held.withdrawn_ms)
    catalogue.put_copy(ledger, copy)
    is_changed = held is None or (held.title, held.withdrawn_ms) != (copy.title, copy.withdrawn_ms)
    return is_changed and shelves.find(ledger, copy.copy) is not None


def take(ledger: sqlite3.Connection, what: str, sheet: Sheet, terms: Terms) -> int:
    """Write a sheet, all lines or none; raises SheetRefused, and the caller undoes what was written."""
    if sheet.problems:
        raise SheetRefused(sheet.problems)
    problems = WRITERS[what](ledger, sheet, terms)
    if problems:
        raise SheetRefused(tuple(problems))
    return len(sheet.rows)


_OF_TITLE = ("name", "author", "language", "isbn", "publisher", "year")


def _books(ledger: sqlite3.Connection, sheet: Sheet, terms: Terms) -> list[Problem]:
    is_first, changed = not catalogue.has_copies(ledger), set()
    for _, values in sheet.rows:
        title = values["title"] or values["isbn"] or values["copy"]
        held = catalogue.find_title(ledger, title)  # what this line leaves open, another copy's may have said
        told: dict[str, Any] = {column: values[column] or getattr(held, column, None) for column in _OF_TITLE}
        catalogue.put_title(ledger, Title(title, **told))
        withdrawn_ms = terms.now_ms if values["is_withdrawn"] else None
        copy = Copy(values["copy"], title, values["owner"], values["home"], values["shelf"], withdrawn_ms)
        if _put_copy(ledger, copy):
            changed.add(copy.copy)
    circulation.fold_again(ledger, circulation.copies_with_verdicts(ledger) if is_first else changed)
    return []


def _readers(ledger: sqlite3.Connection, sheet: Sheet, terms: Terms) -> list[Problem]:
    if terms.card_key is None:
        return [Problem(1, "card", "no_key", "set library.card_key_file first: units know cards by that key")]
    found, problems = [], []
    for number, values in sheet.rows:
        try:
            reader = card.hashed(terms.card_key, values["card"])
        except ValueError as error:
            problems.append(Problem(number, "card", "value", str(error)))
            continue
        found.append(_reader(reader, values, terms.now_ms))
    if not problems:
        _replace_readers(ledger, found, terms.now_ms)
    return problems


def _replace_readers(ledger: sqlite3.Connection, found: list[Reader], now_ms: int) -> None:
    before = set(readers.all_readers(ledger))
    readers.replace_readers(ledger, found, now_ms)
    changed = {one.reader for one in before ^ set(readers.all_readers(ledger))}
    copies = circulation.copies_of_readers(ledger, changed) if before else None
    circulation.fold_again(ledger, circulation.copies_with_verdicts(ledger) if copies is None else copies)


def _reader(reader: str, values: dict[str, Any], now_ms: int) -> Reader:
    why, since = values["why"], values["since_on"]
    is_blocked = why is not None or since is not None or values["until_on"] is not None
    blocked_ms = (now_ms if since is None else begin_ms(since)) if is_blocked else None
    return Reader(
        values["card"], reader, blocked_ms, (why or BLOCKED) if is_blocked else None, values["until_on"]
    )


def _holds(ledger: sqlite3.Connection, sheet: Sheet, terms: Terms) -> list[Problem]:
    if terms.card_key is None:
        return [Problem(1, "card", "no_key", "set library.card_key_file first: units know cards by that key")]
    found, problems = [], []
    for number, values in sheet.rows:
        if catalogue.find_title(ledger, values["title"]) is None:
            problems.append(Problem(number, "title", "unknown_title", f"no title {values['title']!r}"))
            continue
        reader = card.hashed(terms.card_key, values["card"])
        since_ms = terms.now_ms if values["since_on"] is None else begin_ms(values["since_on"])
        found.append(Hold(values["hold"], values["title"], values["copy"], reader, values["stop"], since_ms))
    if not problems:
        before = set(readers.holds(ledger))
        readers.replace_holds(ledger, found, terms.now_ms)
        circulation.fold_again(ledger, {one.copy for one in before ^ set(found) if one.copy is not None})
    return problems


def _rotas(ledger: sqlite3.Connection, sheet: Sheet, _: Terms) -> list[Problem]:
    found: dict[str, tuple[bool, list[Stage]]] = {}
    for _number, values in sorted(sheet.rows, key=lambda row: (row[1]["rota"], row[1]["stage"])):
        is_cyclic, stages = found.get(values["rota"], (False, []))
        found[values["rota"]] = (
            is_cyclic or values["is_cyclic"],
            [*stages, Stage(values["site"], values["days"])],
        )
    rotas.replace(ledger, found)
    return []


def _rounds(ledger: sqlite3.Connection, sheet: Sheet, _: Terms) -> list[Problem]:
    known = rotas.names(ledger)
    problems = [
        Problem(number, "rota", "unknown_rota", f"no rota {values['rota']!r}")
        for number, values in sheet.rows
        if values["rota"] not in known
    ]
    if not problems:
        rotas.join(ledger, [(values["copy"], values["rota"]) for _, values in sheet.rows])
    return problems


WRITERS: dict[str, Callable[[sqlite3.Connection, Sheet, Terms], list[Problem]]] = {
    "books": _books,
    "readers": _readers,
    "holds": _holds,
    "rotas": _rotas,
    "rounds": _rounds,
}
