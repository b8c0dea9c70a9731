"""Books: where they are, who has them, what the library makes of it, and what a crew is given."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.book_shapes import (
    BookConflicts,
    BookCopies,
    BookJourney,
    BookMoves,
    BooksShape,
    BooksToCarry,
    CopyStateWord,
    DeadLetters,
)
from ingest.api.errors import ApiError, responses, unknown_unit
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.instants import iso
from ingest.books.card import name_of
from ingest.books.fold import MISSING, ON_LOAN, ON_SHELF
from ingest.books.lists import TooLong, written
from ingest.ledger import (
    catalogue,
    circulation,
    conflicts,
    journeys,
    readers,
    rotas,
    shelves,
    sites,
    tellings,
    unit_lists,
)
from ingest.stock.days import date_text, day_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from ingest.ledger.conflicts import Conflict, Fact
    from ingest.ledger.shelves import OnShelf, PlaceCount

MAX_ROWS = 500
MAX_FACTS = 1000
MAX_CSV = 100_000
NOBODY_SAID = "und"  # ISO 639-2 for a language that is not known
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


def _date(day: int | None) -> str | None:
    return None if day is None else date_text(day)


def _instant(time_ms: int | None) -> str | None:
    return None if time_ms is None else iso(time_ms)


@router.get(
    "/api/v1/books",
    operation_id="read_books",
    response_class=Response,
    responses={200: {"model": BooksShape}, **responses(503)},
)
def read_books(given: Given) -> Response:
    """Books of the whole fleet: by place, state and language, and what waits."""
    now_ms = given.now_ms()

    def look(ledger: sqlite3.Connection) -> dict[str, Any]:
        counts, told = shelves.counts(ledger), tellings.counts(ledger)
        return {
            "now": iso(now_ms),
            "places": _places(ledger, counts),
            "loans": sum(one.copies for one in counts if one.state == ON_LOAN),
            "overdue": shelves.overdue(ledger, day_of(now_ms)),
            "missing": sum(one.copies for one in counts if one.state == MISSING),
            "conflicts": conflicts.count_open(ledger),
            "library": {
                "kind": given.library.kind,
                "waiting": told.get(circulation.WAITING, 0) + told.get(circulation.CLAIMED, 0),
                "dead": told.get(circulation.DEAD, 0),
                "error": given.library.error(),
                "readers_as_of": _instant(readers.as_of_ms(ledger, readers.READERS)),
                "holds_as_of": _instant(readers.as_of_ms(ledger, readers.HOLDS)),
            },
        }

    return as_json(given.reader.look(look))


def _places(ledger: sqlite3.Connection, counts: Iterable[PlaceCount]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for one in counts:
        place = found.setdefault(
            one.place, {"place": one.place, "name": None, "copies": 0, "states": {}, "languages": {}}
        )
        place["copies"] += one.copies
        place["states"][one.state] = place["states"].get(one.state, 0) + one.copies
        if one.state == ON_SHELF:
            language = one.language or NOBODY_SAID
            place["languages"][language] = place["languages"].get(language, 0) + one.copies
    for name, place in found.items():
        site = sites.find(ledger, name)
        place["name"] = None if site is None else site.name
    return list(found.values())


# --- copies


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
        "card": _card(ledger, one.reader),
        "lent_at": _instant(one.loan_ms),
        "lent_by": one.loan_unit,
        "due_on": _date(one.due_day),
        "is_overdue": one.due_day is not None and one.due_day < day_of(now_ms),
        "renewals": one.renewals,
    }


def _card(ledger: sqlite3.Connection, reader: str | None) -> str | None:
    found = None if reader is None else readers.by_hash(ledger, reader)
    return None if found is None else found.card


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


def _fact(one: journeys.Leg) -> dict[str, Any]:
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
        "due_on": _date(one.due_day),
        "shelf": one.shelf,
        "site": one.site,
        "verdict": one.verdict,
        "cause": one.cause,
        "told_at": _instant(one.told_ms),
        "values": one.values,
    }


# --- conflicts


@router.get(
    "/api/v1/books/conflicts",
    operation_id="list_book_conflicts",
    response_class=Response,
    responses={200: {"model": BookConflicts}, **responses(422, 503)},
)
def list_book_conflicts(
    given: Given,
    is_open: Annotated[bool, Query(description="false: those that were decided")] = True,
    cause: Annotated[str | None, Query(max_length=64, description="only this class")] = None,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: LimitIn = 100,
) -> Response:
    """Loans, renewals and returns that wait for a person, with both sides' facts, the oldest first."""

    def look(ledger: sqlite3.Connection) -> dict[str, Any]:
        found = conflicts.listed(ledger, is_open, after, limit, cause)
        return {
            "now": iso(given.now_ms()),
            "counts": conflicts.count_open(ledger),
            "conflicts": [_conflict(ledger, one) for one in found],
            "after": found[-1].number if len(found) == limit else None,
        }

    return as_json(given.reader.look(look))


def _conflict(ledger: sqlite3.Connection, one: Conflict) -> dict[str, Any]:
    copy = catalogue.find_copy(ledger, one.copy)
    title = None if copy is None else catalogue.find_title(ledger, copy.title)
    decision = one.decision
    return {
        "conflict": one.name,
        "number": one.number,
        "copy": one.copy,
        "name": None if title is None else title.name,
        "cause": one.cause,
        "ours": _side(ledger, one.ours),
        "other": None if one.other is None else _side(ledger, one.other),
        "library": one.library,
        "findings": [
            {
                "finding": found.finding,
                "note": found.note,
                "actor": found.actor,
                "unit": found.unit,
                "found_at": iso(max(0, found.time_ms)),
            }
            for found in one.findings
        ],
        "decision": None
        if decision is None
        else {
            "ruling": decision.ruling,
            "comment": decision.comment,
            "actor": decision.actor,
            "decided_at": iso(decision.decided_ms),
        },
    }


def _side(ledger: sqlite3.Connection, fact: Fact) -> dict[str, Any]:
    return {
        "event": fact.event,
        "unit": fact.unit,
        "happened_at": iso(max(0, fact.time_ms)),
        "clock": fact.clock,
        "reader": fact.reader,
        "card": _card(ledger, fact.reader),
        "due_on": _date(fact.due_day),
    }


# --- what a crew is given


@router.get(
    "/api/v1/units/{unit}/books/carry",
    operation_id="list_books_to_carry",
    response_class=Response,
    responses={200: {"model": BooksToCarry}, **responses(404, 422, 503)},
)
def list_books_to_carry(given: Given, unit: str) -> Response:
    """Before a trip: what readers along a unit's way wait for, and which copy goes aboard for each."""
    if given.reader.unit(unit) is None:
        raise unknown_unit(unit)

    def look(ledger: sqlite3.Connection) -> dict[str, Any]:
        found = unit_lists.carried(ledger, unit)
        return {
            "now": iso(given.now_ms()),
            "unit": unit,
            "holds": [
                {
                    "hold": one.hold.hold,
                    "title": one.hold.title,
                    "name": getattr(catalogue.find_title(ledger, one.hold.title), "name", None),
                    "reader": one.hold.reader,
                    "stop": one.hold.stop,
                    "since_at": iso(one.hold.since_ms),
                    "copy": None if one.candidate is None else one.candidate.copy,
                    "place": None if one.candidate is None else one.candidate.place,
                    "is_on_board": one.candidate is not None and one.candidate.is_on_board,
                }
                for one in found
            ],
        }

    return as_json(given.reader.look(look))


@router.get(
    "/api/v1/units/{unit}/books/lists",
    operation_id="read_unit_book_lists",
    response_class=Response,
    responses={
        200: {"content": {"application/x-ndjson": {}}},
        304: {"description": "Not Modified"},
        **responses(404, 422, 503),
    },
)
def read_unit_book_lists(
    given: Given, unit: str, if_none_match: Annotated[str, Header(max_length=100)] = ""
) -> Response:
    """What a unit lends by: its shelf, blocked readers, holds and conflicts, as the file that it takes."""
    library = given.library
    key = "" if library.card_key is None else name_of(library.card_key)
    terms = unit_lists.Terms(key, library.loan_days, library.renewals)
    found = given.reader.look(lambda ledger: unit_lists.for_unit(ledger, unit, terms, given.now_ms()))
    if found is None:
        raise unknown_unit(unit)
    tag = f'"{found.head["revision"]}"'
    if if_none_match == tag:
        return Response(status_code=304, headers={"ETag": tag})
    try:
        return Response(written(found), media_type="application/x-ndjson", headers={"ETag": tag})
    except TooLong as error:
        raise ApiError(422, "too_long", "path.unit", str(error)) from None


@router.get(
    "/api/v1/books/rotation",
    operation_id="list_book_moves",
    response_class=Response,
    responses={200: {"model": BookMoves}, **responses(422, 503)},
)
def list_book_moves(
    given: Given, site: Annotated[str | None, Query(max_length=64, description="from or to this site")] = None
) -> Response:
    """What the rotas ask of each copy in them today."""
    due = given.reader.look(lambda ledger: rotas.due(ledger, day_of(given.now_ms())))
    moves = [
        {
            "copy": one.copy,
            "rota": one.rota,
            "place": one.place,
            "action": one.step.action,
            "site": one.step.site,
        }
        for one in due
        if site is None or site in {one.place, one.step.site}
    ]
    return as_json({"now": iso(given.now_ms()), "moves": moves})


@router.get(
    "/api/v1/books/undelivered",
    operation_id="list_undelivered_books",
    response_class=Response,
    responses={200: {"model": DeadLetters}, **responses(503)},
)
def list_undelivered_books(given: Given) -> Response:
    """Events that the library never took, and what it said."""
    found = given.reader.look(lambda ledger: tellings.dead(ledger, MAX_ROWS))
    names = ("id", "copy", "identity", "attempts", "error")
    return as_json({"letters": [dict(zip(names, one, strict=True)) for one in found]})
