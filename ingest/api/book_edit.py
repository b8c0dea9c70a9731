"""What people do about books: decide conflicts, put copies somewhere, bring in what the library knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.book_copies import CopyIn  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.book_shapes import BookDecision, BookDone, BookPlaced, BookSheetWord, BooksImported
from ingest.api.errors import ApiError, responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.books.catalogue import read_marc
from ingest.books.event import MANUAL, PLACED, Event
from ingest.books.sheets import read_sheet
from ingest.ledger import circulation, conflicts, library_import, rotas, sites, tellings
from ingest.ledger.conflicts import Decision, DecisionError
from ingest.ledger.library_import import Terms
from ingest.ledger.stock_import import SheetRefused
from ingest.stock.days import day_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from ingest.stock.sheet import Problem

MARC = "marc"
IMPORT_S = 60.0  # a county's catalogue is 20,000 copies a second

router = APIRouter(tags=["books"])


def _holder(request: Request) -> str:
    holder: str = request.scope["state"]["holder"]
    return holder


@router.post(
    "/api/v1/books/conflicts/{number}/decision",
    operation_id="decide_book_conflict",
    response_class=Response,
    responses={200: {"model": BookDone}, **responses(409, 422, 503)},
)
def decide_book_conflict(
    request: Request, given: Given, number: Annotated[int, Path(ge=1, le=2**53)], said: BookDecision
) -> Response:
    """Decide a conflict, once and with a comment; the library is told what follows."""
    made = Decision(said.ruling, said.comment, _holder(request), given.now_ms())

    def work(ledger: sqlite3.Connection) -> None:
        try:
            conflicts.decide(ledger, number, made)
        except DecisionError as error:
            raise ApiError(409, "nothing_to_decide", "path.number", str(error)) from None

    given.change(work)
    return as_json({"changed": 1})


@router.post(
    "/api/v1/books/copies/{copy}/place",
    operation_id="place_book",
    response_class=Response,
    responses={200: {"model": BookDone}, **responses(404, 422, 503)},
)
def place_book(request: Request, given: Given, copy: CopyIn, said: BookPlaced) -> Response:
    """A copy was put into a site by hand, such as a book house without a reader of its own."""
    now_ms = given.now_ms()
    event = Event(
        f"by-hand/{said.id}", PLACED, copy, now_ms, MANUAL, None, "", shelf=said.shelf, site=said.site
    )
    values = {"actor": _holder(request), "site": said.site, "shelf": said.shelf}

    def work(ledger: sqlite3.Connection) -> int:
        if sites.find(ledger, said.site) is None:
            raise ApiError(404, "unknown_site", "body.site", f"no site is called {said.site!r}")
        is_new = circulation.add_by_hand(ledger, event, now_ms, values)
        circulation.fold_again(ledger, [copy])
        return int(is_new)

    return as_json({"changed": given.change(work)})


@router.post(
    "/api/v1/books/rotation/follow",
    operation_id="follow_rotas",
    response_class=Response,
    responses={200: {"model": BookDone}, **responses(503)},
)
def follow_rotas(given: Given) -> Response:
    """Send what is to move on its way, and note what has arrived."""
    return as_json({"changed": given.change(lambda ledger: rotas.follow(ledger, day_of(given.now_ms())))})


@router.post(
    "/api/v1/books/undelivered/retry",
    operation_id="retry_undelivered_books",
    response_class=Response,
    responses={200: {"model": BookDone}, **responses(503)},
)
def retry_undelivered_books(given: Given) -> Response:
    """Tell the library once more what it never took."""
    return as_json({"changed": given.change(lambda ledger: tellings.revive(ledger, given.now_ms()))})


# --- files


@router.post(
    "/api/v1/books/import",
    operation_id="import_books",
    response_class=Response,
    responses={200: {"model": BooksImported}, **responses(422, 503)},
)
def import_books(
    given: Given,
    what: Annotated[BookSheetWord, Query()],
    body: Annotated[bytes, Body(media_type="application/octet-stream")],
    home: Annotated[
        str | None, Query(max_length=64, description="marc: of copies that name no place")
    ] = None,
) -> Response:
    """Take a CSV sheet whole, or nothing of it; or MARC records (ISO 2709), the good ones."""
    now_ms = given.now_ms()
    if what == MARC:
        found = read_marc(body, home, now_ms)
        lines = given.change(lambda ledger: library_import.take_catalogue(ledger, found), IMPORT_S)
        return as_json({"is_taken": True, "lines": lines, "problems": _problems(found.problems)})
    read, terms = read_sheet(what, body), Terms(given.library.card_key, now_ms)
    try:
        lines = given.change(lambda ledger: library_import.take(ledger, what, read, terms), IMPORT_S)
    except SheetRefused as refused:
        return as_json({"is_taken": False, "lines": 0, "problems": _problems(refused.problems)})
    return as_json({"is_taken": True, "lines": lines, "problems": []})


def _problems(found: Iterable[Problem]) -> list[dict[str, Any]]:
    return [{"line": one.line, "column": one.column, "code": one.code, "detail": one.detail} for one in found]
