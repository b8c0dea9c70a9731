"""Conflicts of loans: what two sides say of a copy, what was found, what a person decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.book_shapes import (
    BookConflicts,
)
from ingest.api.errors import responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.instants import iso
from ingest.ledger import (
    catalogue,
    conflicts,
    readers,
)
from ingest.stock.days import date_or_none

if TYPE_CHECKING:
    import sqlite3

    from ingest.ledger.conflicts import Conflict, Fact

MAX_ROWS = 500

router = APIRouter(tags=["books"])


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
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 100,
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
        "card": readers.card_of(ledger, fact.reader),
        "due_on": date_or_none(fact.due_day),
    }
