"""Books of the whole fleet: by place, state and language, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.book_shapes import (
    BooksShape,
)
from ingest.api.errors import responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.books.fold import MISSING, ON_LOAN, ON_SHELF
from ingest.instants import iso, iso_or_none
from ingest.ledger import (
    circulation,
    conflicts,
    readers,
    shelves,
    sites,
    tellings,
)
from ingest.stock.days import day_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from ingest.ledger.shelves import PlaceCount

NOBODY_SAID = "und"  # ISO 639-2 for a language that is not known

router = APIRouter(tags=["books"])


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
                "readers_as_of": iso_or_none(readers.as_of_ms(ledger, readers.READERS)),
                "holds_as_of": iso_or_none(readers.as_of_ms(ledger, readers.HOLDS)),
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
