"""What happened on a unit: its event records, newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from firmware import wire
from ingest.api.answers import as_json
from ingest.api.errors import ApiError, responses, unknown_unit
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.shapes import Events
from ingest.instants import MAX_MS, iso, parse_instant

MAX_EVENTS = 1000
_BASE = {"kind", "source", *(field.name for field in wire.BASE)}

router = APIRouter(tags=["units"])


@router.get(
    "/api/v1/units/{unit}/events",
    operation_id="list_events",
    response_class=Response,
    responses={200: {"model": Events}, **responses(404, 422, 503)},
)
def list_events(
    given: Given,
    unit: str,
    before: Annotated[str | None, Query(max_length=40, description="only what happened before this")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 100,
) -> Response:
    """Faults, losses, corrections of the clock and answers to commands.

    Records of one moment are never parted, so there may be some more than `limit`. Those from a boot that
    never knew the time come last, without one.
    """
    before_ms = MAX_MS if before is None else _instant(before)
    if given.reader.unit(unit) is None:
        raise unknown_unit(unit)
    rows = given.reader.events(unit, 0, before_ms, limit)
    next_before = iso(rows[-1]["time_ms"]) if len(rows) >= limit else None
    body = {"unit": unit, "events": [_event(row) for row in rows], "before": next_before}
    return as_json(body)


def _instant(text: str) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ApiError(422, "invalid", "query.before", str(error)) from None


def _event(row: dict[str, Any]) -> dict[str, Any]:
    kind, clock = row["kind"], wire.CLOCKS[row["clock"]]
    fields = wire.KINDS[kind].by_name
    values = {
        name: wire.word(kind, name, value) if fields[name].words else value
        for name, value in row.items()
        if name not in _BASE
    }
    return {
        "kind": kind,
        "source": row["source"],
        "sampled_at": None if clock == "none" else iso(row["time_ms"]),
        "clock": clock,
        "seq": row["seq"],
        "values": values,
    }
