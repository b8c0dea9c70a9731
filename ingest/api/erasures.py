"""Erasing a unit's history, and the book of who did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.errors import ApiError, responses, unknown_unit
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.shapes import Erased, Erasures
from ingest.instants import iso

if TYPE_CHECKING:
    from ingest.ledger.erasures import Erasure

MAX_LISTED = 100

router = APIRouter(tags=["units"])


@router.delete(
    "/api/v1/units/{unit}/history",
    operation_id="erase_history",
    response_class=Response,
    responses={200: {"model": Erased}, **responses(404, 422, 503)},
)
def erase_history(
    request: Request,
    given: Given,
    unit: str,
    confirm: Annotated[str, Query(max_length=64, description="the unit's name once more")],
) -> Response:
    """Erase all records of a unit, their summaries, last values, live state and refused payloads, for good.

    What stays: the unit's name and registration, how far its lanes are stored (else it would send everything
    again), what was booked in stock, and this erasure. The unit is asked to erase what it holds; what it had
    not sent by now and happened before is let go some minutes after it comes.
    """
    if confirm != unit:
        detail = f"say confirm={unit[:40]} to erase this unit's history for good"
        raise ApiError(422, "not_confirmed", "query.confirm", detail)
    erasure = given.erase_unit(unit, request.scope["state"]["holder"])
    if erasure is None:
        raise unknown_unit(unit)
    return as_json(_described(erasure))


@router.get(
    "/api/v1/units/{unit}/erasures",
    operation_id="list_erasures",
    response_class=Response,
    responses={200: {"model": Erasures}, **responses(404, 422, 503)},
)
def list_erasures(given: Given, unit: str) -> Response:
    """Who erased this unit's history and when, newest first, and whether the unit has done the same."""
    if given.reader.unit(unit) is None:
        raise unknown_unit(unit)
    found = [_described(erasure) for erasure in given.reader.erasures(unit, MAX_LISTED)]
    return as_json({"erasures": found})


def _described(erasure: Erasure) -> dict[str, Any]:
    return {
        "unit": erasure.unit,
        "who": erasure.who,
        "erased_at": iso(erasure.erased_ms),
        "command_id": erasure.command_id,
        "told_at": None if erasure.told_ms is None else iso(erasure.told_ms),
        "answered_at": None if erasure.answered_ms is None else iso(erasure.answered_ms),
    }
