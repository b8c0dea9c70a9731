"""Copies of books: what stands at a place, is lent, is missing; and the journey of one."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.book_shapes import (
    BookCopies,
    BookJourney,
    CopyStateWord,
)
from ingest.api.errors import ApiError, responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.instants import iso, iso_or_none
from ingest.ledger import (
    journeys,
    readers,
    shelves,
)
from ingest.stock.days import date_or_none, day_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from ingest.ledger.journeys import Leg
    from ingest.ledger.shelves import OnShelf

MAX_ROWS = 500
MAX_FACTS = 1000
MAX_CSV = 100_000
CSV_COLUMNS = (
    *(
        "copy",
        "title",
        "name",
        "author",
        "language",
        "place",
        "shelf",
        "state",
        "since_at",
        "card",
        "lent_at",
    ),
    *("lent_by", "due_on", "is_overdue", "renewals"),
)

router = APIRouter(tags=["books"])
CopyIn = Annotated[str, Path(min_length=1, max_length=256)]
AfterIn = Annotated[str, Query(max_length=300)]
LimitIn = Annotated[int, Query(ge=1, le=MAX_ROWS)]
FormatIn = Annotated[Literal["json", "csv"], Query()]
CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}


@router.get(
    "/api/v1/books/shelf",
    operation_id="read_book_shelf",
    response_class=Response,
    responses={200: {"model": BookCopies, "content": CSV}, **responses(422, 503)},
)
def read_book_shelf(
    given: Given,
    place: Annotated[str, Query(min_length=1, max_length=64, description="a site, or a unit")],
    state: Annotated[CopyStateWord | None, Query()] = None,
    language: Annotated[str | None, Query(max_length=8)] = None,
    after: AfterIn = "",
    limit: LimitIn = 100,
    format: FormatIn = "json",
) -> Response:
    """The copies at a place as of now, by barcode. As CSV all of them."""
    most = MAX_CSV if format == "csv" else limit

    def look(ledger: sqlite3.Connection) -> list[dict[str, Any]]:
        found = shelves.at_place(ledger, place, after, most, state, language)
        return [_copy(ledger, one, given.now_ms()) for one in found]

    return _copies(given.reader.look(look), format, limit, given.now_ms(), _by_barcode)


@router.get(
    "/api/v1/books/loans",
    operation_id="list_book_loans",
    response_class=Response,
    responses={200: {"model": BookCopies, "content": CSV}, **responses(422, 503)},
)
def list_book_loans(
    given: Given,
    is_overdue: Annotated[bool, Query(description="only those whose day is over")] = False,
    after: AfterIn = "",
    limit: LimitIn = 100,
    format: FormatIn = "json",
) -> Response:
    """Loans in force by the day they are due. As CSV all of them."""
    today = day_of(given.now_ms())
    day, _, copy = after.partition(":")
    if after and not (day.isdigit() and len(day) <= 6):
        raise ApiError(422, "invalid", "query.after", "take it from the page before")
    most = MAX_CSV if format == "csv" else limit

    def look(ledger: sqlite3.Connection) -> list[dict[str, Any]]:
        since = (int(day), copy) if after else (-1, "")
        found = shelves.loans(ledger, today if is_overdue else None, since, most)
        return [_copy(ledger, one, given.now_ms()) | {"due_day": one.due_day} for one in found]

    return _copies(given.reader.look(look), format, limit, given.now_ms(), _by_due)


@router.get(
    "/api/v1/books/missing",
    operation_id="list_missing_books",
    response_class=Response,
    responses={200: {"model": BookCopies, "content": CSV}, **responses(422, 503)},
)
def list_missing_books(
    given: Given, after: AfterIn = "", limit: LimitIn = 100, format: FormatIn = "json"
) -> Response:
    """Copies that a shelf check did not find, by barcode. As CSV all of them."""
    most = MAX_CSV if format == "csv" else limit

    def look(ledger: sqlite3.Connection) -> list[dict[str, Any]]:
        return [_copy(ledger, one, given.now_ms()) for one in shelves.missing(ledger, after, most)]

    return _copies(given.reader.look(look), format, limit, given.now_ms(), _by_barcode)


def _by_barcode(one: dict[str, Any]) -> str:
    return str(one["copy"])


def _by_due(one: dict[str, Any]) -> str:
    return f"{65536 if one['due_day'] is None else one['due_day']}:{one['copy']}"


def _copies(found: list[dict[str, Any]], format: str, limit: int, now_ms: int, key: Any) -> Response:
    last = key(found[-1]) if len(found) == limit else None
    for one in found:
        one.pop("due_day", None)
    if format == "csv":
        return _csv(found)
    return as_json({"now": iso(now_ms), "copies": found, "after": last})


def _csv(found: Iterable[dict[str, Any]]) -> Response:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for one in found:
        writer.writerow([_inert(one[column]) for column in CSV_COLUMNS])
    headers = {"Content-Disposition": 'attachment; filename="books.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _inert(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula, as text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@"} else value


def _copy(ledger: sqlite3.Connection, one: OnShelf, now_ms: int) -> dict[str, Any]:
    return {
        "copy": one.copy,
        "title": one.title,
        "name": one.name,
        "author": one.author,
        "language": one.language,
        "place": one.place,
        "shelf": one.shelf,
        "state": one.state,
        "since_at": iso(one.since_ms),
        "reader": one.reader,
        "card": readers.card_of(ledger, one.reader),
        "lent_at": iso_or_none(one.loan_ms),
        "lent_by": one.loan_unit,
        "due_on": date_or_none(one.due_day),
        "is_overdue": one.due_day is not None and one.due_day < day_of(now_ms),
        "renewals": one.renewals,
    }


@router.get(
    "/api/v1/books/copies/{copy}",
    operation_id="read_book_journey",
    response_class=Response,
    responses={200: {"model": BookJourney}, **responses(404, 422, 503)},
)
def read_book_journey(
    given: Given, copy: CopyIn, limit: Annotated[int, Query(ge=1, le=MAX_FACTS)] = 100
) -> Response:
    """One copy, and what was told of it, the newest first."""
    now_ms = given.now_ms()

    def look(ledger: sqlite3.Connection) -> dict[str, Any]:
        found = shelves.find(ledger, copy)
        if found is None:
            raise ApiError(404, "unknown_copy", "path.copy", f"nothing was ever told of copy {copy[:64]!r}")
        facts = journeys.of_copy(ledger, copy, limit)
        return {
            "now": iso(now_ms),
            "now_is": _copy(ledger, found, now_ms),
            "facts": [_fact(one) for one in facts],
        }

    return as_json(given.reader.look(look))


def _fact(one: Leg) -> dict[str, Any]:
    return {
        "id": one.number,
        "identity": one.identity,
        "event": one.event,
        "unit": one.unit,
        "source": one.source,
        "happened_at": iso(max(0, one.time_ms)),
        "clock": one.clock,
        "learned_at": iso(one.learned_ms),
        "reader": one.reader,
        "due_on": date_or_none(one.due_day),
        "shelf": one.shelf,
        "site": one.site,
        "verdict": one.verdict,
        "cause": one.cause,
        "told_at": iso_or_none(one.told_ms),
        "values": one.values,
    }
