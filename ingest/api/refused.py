"""Payloads that could not be accepted: listed with the reason, and given out as they came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from firmware import wire
from ingest.api.answers import as_json
from ingest.api.errors import ApiError, responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.shapes import Refused
from ingest.instants import iso

if TYPE_CHECKING:
    from ingest.ledger import quarantine

MAX_LISTED = 200

router = APIRouter(tags=["refused"])
IdIn = Annotated[int, Path(ge=1, le=wire.MAX_SEQ)]


@router.get(
    "/api/v1/refused",
    operation_id="list_refused",
    response_class=Response,
    responses={200: {"model": Refused}, **responses(422, 503)},
)
def list_refused(
    given: Given,
    before: Annotated[int | None, Query(ge=1, le=wire.MAX_SEQ, description="only ids below this")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 50,
) -> Response:
    """What was set aside, newest first."""
    found = given.reader.refused(limit, before)
    next_before = found[-1].id if len(found) == limit else None
    body = {"refused": [_described(refused) for refused in found], "before": next_before}
    return as_json(body)


def _described(refused: quarantine.Refused) -> dict[str, Any]:
    return {
        "id": refused.id,
        "unit": refused.unit,
        "topic": refused.topic,
        "cause": refused.cause,
        "where": refused.place,
        "detail": refused.detail,
        "received_at": iso(refused.received_ms),
        "latest_at": iso(refused.latest_ms),
        "times": refused.times,
        "size_bytes": refused.size_bytes,
    }


@router.get(
    "/api/v1/refused/{refused_id}/payload",
    operation_id="read_refused_payload",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        **responses(404, 422, 503),
    },
)
def read_refused_payload(given: Given, refused_id: IdIn) -> Response:
    """The bytes as they came, for a tool and never for a browser to show."""
    payload = given.reader.refused_payload(refused_id)
    if payload is None:
        detail = f"nothing is set aside under {refused_id}; the oldest are dropped when there are too many"
        raise ApiError(404, "unknown_payload", "path.refused_id", detail)
    headers = {"Content-Disposition": f'attachment; filename="refused-{refused_id}.bin"'}
    return Response(payload, media_type="application/octet-stream", headers=headers)
