"""Sheets: items, sites, levels and lots as CSV, taken whole or not at all, each bad line named.

The first line names the columns, in any order. Whoever imports a sheet of a thousand lines wants to hear of
all that is wrong at once, so reading goes on past a bad line; what is there already is checked against the
ledger by whoever writes it (`ingest.ledger.stock_import`).
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from firmware import wire
from ingest.stock.coldchain import VVM
from ingest.stock.days import parse_day
from ingest.stock.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_LINES = 200_000
MAX_PROBLEMS = 200
MAX_NAME_BYTES = 64
MAX_COUNT = 2_147_483_647
LANGUAGES = ("zh", "en", "mn")
LEVELS = ("county", "township", "vehicle", "cabinet")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line; the first line of the file is 1."""

    line: int
    column: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """The lines of a sheet with their numbers, as values; none of them counts if there are problems."""

    rows: tuple[tuple[int, dict[str, Any]], ...]
    problems: tuple[Problem, ...]


# --- one cell


def name(text: str) -> str:
    """The name of a site, item or lot; raises ValueError with a sentence for whoever wrote it."""
    if not text:
        raise ValueError("is empty")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise ValueError(f"has more than {MAX_NAME_BYTES} bytes")
    if any(ord(char) < 32 or ord(char) == 127 or char == "/" for char in text) or not text.isprintable():
        raise ValueError("has a slash or a character that cannot be seen")
    return text


def _count(text: str) -> int | None:
    if not text:
        return None
    try:
        count = int(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a whole number") from None
    if count < 0:
        raise ValueError(f"{count} is negative")
    if count > MAX_COUNT:
        raise ValueError(f"more than {MAX_COUNT:,}")
    return count


def _pack(text: str) -> int:
    count = _count(text)
    if count == 0:
        raise ValueError("a pack holds at least one")
    return 1 if count is None else count


def _flag(text: str) -> bool:
    if text.lower() not in {"", "yes", "no"}:
        raise ValueError(f"{text[:40]!r} is neither yes nor no")
    return text.lower() == "yes"


def _maybe(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: read(text) if text else None


def _one_of(words: Mapping[str, object] | tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text[:40]!r} is not one of {', '.join(words)}")
        return text

    return read


def _unit(text: str) -> str:
    if not wire.is_unit(text):
        raise ValueError(f"{text[:40]!r} is not a name of a-z, 0-9 and - that begins with a letter or digit")
    return text


def _list(read: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    return lambda text: tuple(sorted({read(part) for part in text.split()}))


def _text(text: str) -> str | None:
    return name(text) if text else None


# --- sheets: column -> how its text is read; those in NEEDED may not be empty

COLUMNS: dict[str, dict[str, Callable[[str], Any]]] = {
    "items": {
        "item": name,
        "base_unit": lambda text: name(text or "piece"),
        "pack_size": _pack,
        "profile": _maybe(_one_of(PROFILES)),
        "is_freeze_sensitive": _flag,
        "vvm": _maybe(_one_of(VVM)),
        **{f"name_{language}": _text for language in LANGUAGES},
        "codes": _list(name),
    },
    "sites": {
        "site": name,
        "parent": _text,
        "level": _one_of(LEVELS),
        "name": _text,
        "unit": _maybe(_unit),
        "source": lambda text: _unit(text) if text else "",
        "probes": _list(_unit),
        "people": _count,
        "next_visit_on": _maybe(parse_day),
        "lead_days": _count,
    },
    "levels": {"site": name, "item": name, "min": _count, "reorder": _count, "max": _count},
    "lots": {"item": name, "lot": name, "expires_on": _maybe(parse_day)},
}
KEYS = {"items": ("item",), "sites": ("site",), "levels": ("site", "item"), "lots": ("item", "lot")}
NEEDED = {"items": ("item",), "sites": ("site", "level"), "levels": ("site", "item"), "lots": ("item", "lot")}


class Form(NamedTuple):
    """The columns of a sheet with how each is read, those that make a line one of its kind, those needed."""

    what: str
    columns: Mapping[str, Callable[[str], Any]]
    key: tuple[str, ...]
    needed: tuple[str, ...]


def read(what: str, body: bytes) -> Sheet:
    """The sheet `what` ("items", "sites", "levels" or "lots") in a CSV file's bytes."""
    return read_form(Form(what, COLUMNS[what], KEYS[what], NEEDED[what]), body)


def read_form(form: Form, body: bytes) -> Sheet:
    """The lines of a CSV file's bytes by any form."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        detail = "the file is not UTF-8: save it as 'CSV UTF-8'"
        return Sheet((), (Problem(1, "", "encoding", detail),))
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = [cell.strip() for cell in next(lines, [])]
        problems = _head_problems(form, head)
        return Sheet((), tuple(problems)) if problems else _rows(form, head, lines)
    except csv.Error as error:
        return Sheet((), (Problem(lines.line_num, "", "csv", str(error)),))


def _head_problems(form: Form, head: list[str]) -> list[Problem]:
    known, expected = form.columns, ", ".join(form.columns)
    found = [
        Problem(1, column[:40], "column", f"no such column; a sheet of {form.what} has {expected}")
        for column in head
        if column not in known
    ]
    found += [
        Problem(1, column, "column", "this column is needed") for column in form.needed if column not in head
    ]
    found += [Problem(1, column, "column", "stands twice") for column in known if head.count(column) > 1]
    return found


def _rows(form: Form, head: list[str], lines: Any) -> Sheet:
    rows: list[tuple[int, dict[str, Any]]] = []
    problems: list[Problem] = []
    seen: dict[tuple[Any, ...], tuple[int, dict[str, Any]]] = {}
    for cells in lines:
        number = lines.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if number > MAX_LINES:
            problems.append(Problem(number, "", "too_long", f"more than {MAX_LINES:,} lines"))
            break
        values, found = _line(form, head, cells, number)
        if not found:
            found = _repeated(form, values, number, seen)
        problems += found
        rows.append((number, values))
        if len(problems) >= MAX_PROBLEMS:
            break
    return Sheet(() if problems else tuple(rows), tuple(problems))


def _line(form: Form, head: list[str], cells: list[str], number: int) -> tuple[dict[str, Any], list[Problem]]:
    if len(cells) != len(head):
        detail = f"{len(cells)} cells, but {len(head)} columns"
        return {}, [Problem(number, "", "cells", detail)]
    values: dict[str, Any] = {}
    problems = []
    texts = dict(zip(head, cells, strict=True))
    for column, read_cell in form.columns.items():
        try:
            values[column] = read_cell(texts.get(column, "").strip())
        except ValueError as error:
            problems.append(Problem(number, column, "value", str(error)))
    problems += _level_problems(values, number) if form.what == "levels" and not problems else []
    return values, problems


def _level_problems(values: Mapping[str, Any], number: int) -> list[Problem]:
    detail = levels_in_disorder(values["min"], values["reorder"], values["max"])
    return [] if detail is None else [Problem(number, "max", "order", detail)]


def levels_in_disorder(low: int | None, reorder: int | None, high: int | None) -> str | None:
    """What is wrong with the order of the levels; one that is not set, or 0, takes no part."""
    named = [(word, level) for word, level in (("min", low), ("reorder", reorder), ("max", high)) if level]
    for (word, level), (next_word, next_level) in pairwise(named):
        if level > next_level:
            return f"{word} {level} is more than {next_word} {next_level}"
    return None


def _repeated(
    form: Form,
    values: dict[str, Any],
    number: int,
    seen: dict[tuple[Any, ...], tuple[int, dict[str, Any]]],
) -> list[Problem]:
    key = tuple(values[column] for column in form.key)
    before = seen.setdefault(key, (number, values))
    if before[0] == number:
        return []
    if form.what == "lots" and before[1]["expires_on"] != values["expires_on"]:
        detail = f"line {before[0]} gives the same lot another expiry"
        return [Problem(number, "expires_on", "lot_expiry", detail)]
    return [Problem(number, form.key[-1], "repeated", f"stands in line {before[0]}, too")]
