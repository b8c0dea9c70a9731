"""A unit's records of one kind between two times, as they are stored."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from firmware import wire
from ingest.api.answers import in_pieces
from ingest.api.asked import FromIn, ToIn, asked_range
from ingest.api.errors import ApiError, responses, unknown_unit
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.rows import FORMATS, Wanted
from ingest.api.shapes import Records
from ingest.instants import iso

MAX_DAYS = 366

router = APIRouter(tags=["records"])
KindIn = Annotated[str, Query(max_length=32, description="one of the contract, see wire.proto")]
SourceIn = Annotated[str | None, Query(max_length=32)]


@router.get(
    "/api/v1/units/{unit}/records",
    operation_id="read_records",
    response_class=Response,
    responses={
        200: {
            "description": "The records, the oldest first; what is long comes as a stream.",
            "model": Records,
            "content": {
                "application/jsonl": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            },
        },
        **responses(404, 422, 503),
    },
)
def read_records(
    given: Given,
    unit: str,
    kind: KindIn,
    from_: FromIn = None,
    to: ToIn = None,
    source: SourceIn = None,
    format: Annotated[Literal["json", "jsonl", "csv"], Query()] = "json",
) -> Response:
    """Every record of a kind, by default of the current day in UTC; at most 366 days at once.

    Numbers are in the unit that ends their name. Records whose time is not known lie after 1970-01-01, by
    the time since the unit's boot, and say no `sampled_at`.
    """
    check_series(kind, source)
    from_ms, to_ms = asked_range(from_, to, given.now_ms(), MAX_DAYS)
    if given.reader.unit(unit) is None:
        raise unknown_unit(unit)
    media_type, write = FORMATS[format]
    headers = {}
    if format != "json":
        name = f"{unit}-{kind}-{iso(from_ms)[:10]}.{format}"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    pages = given.reader.pages(unit, kind, source, from_ms, to_ms)
    return in_pieces(write(Wanted(unit, kind, from_ms, to_ms), pages), media_type, headers)


def check_series(kind: str, source: str | None) -> None:
    """Refuse a kind or source that cannot be; raises ApiError."""
    if kind not in wire.KINDS:
        known = ", ".join(wire.KINDS)
        raise ApiError(422, "unknown_kind", "query.kind", f"no kind {kind!r}; there are {known}")
    if source is not None and not wire.is_source(source):
        raise ApiError(422, "invalid", "query.source", f"{source!r} is not a source's name")
