"""What is to move: aboard for readers on the way, from site to site, and to the library's own system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.book_shapes import (
    BookMoves,
    BooksToCarry,
    DeadLetters,
)
from ingest.api.errors import ApiError, responses, unknown_unit
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.stock import MAX_OFFSET
from ingest.books.card import name_of
from ingest.books.lists import TooLong, written
from ingest.books.rotation import STAY, WAIT
from ingest.instants import iso
from ingest.ledger import (
    catalogue,
    rotas,
    tellings,
    unit_lists,
)
from ingest.stock.days import day_of

if TYPE_CHECKING:
    import sqlite3

    from ingest.ledger.rotas import Due


MAX_ROWS = 500
MAX_MOVES = 1000
STAYS = (STAY, WAIT)

router = APIRouter(tags=["books"])


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
    given: Given,
    site: Annotated[str | None, Query(max_length=64, description="from or to this site")] = None,
    is_moving: Annotated[bool, Query(description="only what does not stay where it is")] = False,
    after: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_MOVES)] = MAX_MOVES,
) -> Response:
    """What the rotas ask of each copy in them today, by where it goes."""

    def look(ledger: sqlite3.Connection) -> dict[str, Any]:
        due = [
            one
            for one in rotas.due(ledger, day_of(given.now_ms()))
            if (site is None or site in {one.place, one.step.site})
            and not (is_moving and one.step.action in STAYS)
        ]
        due.sort(key=lambda one: (one.step.site is None, one.step.site or "", one.place or "", one.copy))
        return {
            "now": iso(given.now_ms()),
            "count": len(due),
            "moves": [_move(ledger, one) for one in due[after : after + limit]],
            "after": after + limit if after + limit < len(due) else None,
        }

    return as_json(given.reader.look(look))


def _move(ledger: sqlite3.Connection, one: Due) -> dict[str, Any]:
    return {
        "copy": one.copy,
        "name": catalogue.name_of_copy(ledger, one.copy),
        "rota": one.rota,
        "place": one.place,
        "action": one.step.action,
        "site": one.step.site,
    }


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
