"""Records of any kind as text: JSON, JSON lines and CSV, page by page.

A record whose time is not known has no `sampled_at`; it is found by the time since its unit's boot.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import to_json

from firmware import wire
from ingest.api.fields import FIELDS
from ingest.instants import iso, iso_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.reader import Columns

BASE = ("source", "sampled_at", "clock", "seq")
_NONE = wire.CLOCKS.index("none")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Wanted(NamedTuple):
    """Which records: from the first instant to before the second."""

    unit: str
    kind: str
    from_ms: int
    to_ms: int


def names(kind: str) -> tuple[str, ...]:
    """The columns of a kind, in their order."""
    return (*BASE, *(outside.name for outside in FIELDS[kind]))


def shown(kind: str, columns: Columns) -> list[list[Any]]:
    """A page's columns in the order of `names`, in the units of the API."""
    clocks = columns["clock"]
    times: list[str | None] = [*iso_column(columns["time_ms"])]
    if _NONE in clocks:
        times = [None if clock == _NONE else text for clock, text in zip(clocks, times, strict=True)]
    base = [columns["source"], times, [wire.CLOCKS[clock] for clock in clocks], columns["seq"]]
    return base + [outside.column(columns[outside.field.name]) for outside in FIELDS[kind]]


def _objects(wanted: Wanted, columns: Columns, more: dict[str, str]) -> Iterator[bytes]:
    own = names(wanted.kind)
    for row in zip(*shown(wanted.kind, columns), strict=True):
        yield to_json(more | dict(zip(own, row, strict=True)))


def json_text(wanted: Wanted, pages: Iterable[Columns]) -> Iterator[bytes]:
    """One object with a list of records."""
    head = {"unit": wanted.unit, "kind": wanted.kind, "from": iso(wanted.from_ms), "to": iso(wanted.to_ms)}
    yield to_json(head)[:-1] + b',"records":['
    comma = b""
    for page in pages:
        if page["seq"]:
            yield comma + b",\n".join(_objects(wanted, page, {}))
            comma = b",\n"
    yield b"]}"


def jsonl_text(wanted: Wanted, pages: Iterable[Columns]) -> Iterator[bytes]:
    """An object a line, each with its unit and kind, so that files may be joined."""
    more = {"unit": wanted.unit, "kind": wanted.kind}
    for page in pages:
        yield b"".join(line + b"\n" for line in _objects(wanted, page, more))


def csv_text(wanted: Wanted, pages: Iterable[Columns]) -> Iterator[bytes]:
    """A header line and a line for each record, as RFC 4180.

    A text that a spreadsheet would take for a formula gets an apostrophe before it; the JSON forms keep it.
    """
    yield ",".join(names(wanted.kind)).encode() + b"\r\n"
    for page in pages:
        lines = io.StringIO(newline="")
        writer = csv.writer(lines)
        for row in zip(*shown(wanted.kind, page), strict=True):
            writer.writerow(["'" + cell if _is_formula(cell) else cell for cell in row])
        yield lines.getvalue().encode("utf-8", "replace")


def _is_formula(cell: object) -> bool:
    return isinstance(cell, str) and cell.startswith(_FORMULA)


Writer = Callable[["Wanted", "Iterable[Columns]"], "Iterator[bytes]"]

# Registering a format is one line: its name, media type, and writer.
FORMATS: dict[str, tuple[str, Writer]] = {
    "json": ("application/json", json_text),
    "jsonl": ("application/jsonl", jsonl_text),
    "csv": ("text/csv; charset=utf-8; header=present", csv_text),
}
