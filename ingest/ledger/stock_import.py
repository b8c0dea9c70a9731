"""Sheets into the ledger: all lines or none, with what contradicts the ledger named line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.ledger import book, bookkeeping, items, lots, par_levels, sites
from ingest.ledger.items import Item, ItemError
from ingest.ledger.par_levels import ParLevel
from ingest.ledger.sites import Site, SiteError
from ingest.stock.days import date_text
from ingest.stock.sheet import LANGUAGES, MAX_PROBLEMS, Problem, Sheet

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable


class SheetRefused(ValueError):
    """A sheet with problems: nothing of it was taken."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{len(problems)} problems, nothing was taken; the first in line {problems[0].line}")
        self.problems = problems


def take(ledger: sqlite3.Connection, what: str, sheet: Sheet) -> int:
    """Write a sheet; returns how many lines. Raises SheetRefused, and the caller undoes what was written."""
    if sheet.problems:
        raise SheetRefused(sheet.problems)
    problems: list[Problem] = []
    for number, values in _parents_first(sheet) if what == "sites" else sheet.rows:
        problem = WRITERS[what](ledger, number, values)
        if problem is not None:
            problems.append(problem)
        if len(problems) >= MAX_PROBLEMS:
            break
    if problems:
        raise SheetRefused(tuple(sorted(problems, key=lambda problem: problem.line)))
    changed(ledger)
    return len(sheet.rows)


def changed(ledger: sqlite3.Connection) -> int:
    """After a site, item, level or lot changed: the board is made anew; returns how many records it freed."""
    book.touch(ledger)
    return bookkeeping.book_waiting(ledger)


def _parents_first(sheet: Sheet) -> list[tuple[int, dict[str, Any]]]:
    """Sites in an order in which every parent of the sheet comes before its children."""
    by_name = {values["site"]: (number, values) for number, values in sheet.rows}
    done: dict[str, tuple[int, dict[str, Any]]] = {}
    for site in by_name:
        way: list[str] = []
        at = site
        while at in by_name and at not in done and at not in way:
            way.append(at)
            at = by_name[at][1]["parent"] or ""
        done.update({found: by_name[found] for found in reversed(way)})
    return list(done.values())


def _site(ledger: sqlite3.Connection, number: int, values: dict[str, Any]) -> Problem | None:
    fields = {name: value for name, value in values.items() if name != "next_visit_on"}
    try:
        sites.put(ledger, Site(**fields, next_visit_day=values["next_visit_on"]))
    except SiteError as error:
        return Problem(number, "site", "site", str(error))
    return None


def _item(ledger: sqlite3.Connection, number: int, values: dict[str, Any]) -> Problem | None:
    names = {language: values[f"name_{language}"] for language in LANGUAGES if values[f"name_{language}"]}
    fields = {name: value for name, value in values.items() if not name.startswith("name_")}
    try:
        items.put(ledger, Item(**fields, names=names))
    except ItemError as error:
        return Problem(number, "codes", "code", str(error))
    return None


def _level(ledger: sqlite3.Connection, number: int, values: dict[str, Any]) -> Problem | None:
    if sites.find(ledger, values["site"]) is None:
        return Problem(number, "site", "unknown_site", f"no site {values['site']!r}")
    if items.find(ledger, values["item"]) is None:
        return Problem(number, "item", "unknown_item", f"no item {values['item']!r}")
    par_levels.put(ledger, ParLevel(**values))
    return None


def _lot(ledger: sqlite3.Connection, number: int, values: dict[str, Any]) -> Problem | None:
    item, lot, day = values["item"], values["lot"], values["expires_on"]
    if items.find(ledger, item) is None:
        return Problem(number, "item", "unknown_item", f"no item {item!r}")
    known = lots.find(ledger, item, lot)
    if known is not None and known.is_confirmed and known.expires_day != day:
        held = "no expiry" if known.expires_day is None else f"expiry {date_text(known.expires_day)}"
        return Problem(number, "expires_on", "lot_expiry", f"lot {lot!r} is known with {held}")
    lots.confirm(ledger, item, lot, day)
    return None


WRITERS: dict[str, Callable[[sqlite3.Connection, int, dict[str, Any]], Problem | None]] = {
    "items": _item,
    "sites": _site,
    "levels": _level,
    "lots": _lot,
}
