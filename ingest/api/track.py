"""A unit's track between two times, simplified as asked, in the format asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from firmware import wire
from ingest.api.answers import in_pieces
from ingest.api.asked import AskedTrack, FromIn, ToIn, asked_range
from ingest.api.errors import ApiError, responses, unknown_unit
from ingest.api.formats import FORMATS
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.segments import segments
from ingest.api.shapes import Track
from ingest.instants import iso
from ingest.simplify import rows_kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.api.segments import Segment
    from ingest.reader import Reader

MAX_DAYS = 31
MAX_TOLERANCE_M = 100_000

router = APIRouter(tags=["track"])


@router.get(
    "/api/v1/units/{unit}/track",
    operation_id="read_track",
    response_class=Response,
    responses={
        200: {
            "description": "The track; what is long comes as a stream.",
            "model": Track,
            "content": {
                "application/geo+json": {"schema": {"$ref": "#/components/schemas/TrackCollection"}},
                "application/gpx+xml": {"schema": {"type": "string"}},
                "text/csv": {"schema": {"type": "string"}},
            },
        },
        **responses(404, 422, 503),
    },
)
def read_track(
    given: Given,
    unit: str,
    from_: FromIn = None,
    to: ToIn = None,
    tolerance_m: Annotated[float, Query(ge=0, le=MAX_TOLERANCE_M, allow_inf_nan=False)] = 0,
    source: Annotated[str | None, Query(max_length=32)] = None,
    format: Annotated[Literal["json", "geojson", "gpx", "csv"], Query()] = "json",
) -> Response:
    """Where a unit was, by default during the current day in UTC; at most 31 days at once.

    `tolerance_m` leaves out fixes as long as no one that was read is farther than that from where the rest,
    joined by straight lines, puts the unit at its moment.
    """
    from_ms, to_ms = asked_range(from_, to, given.now_ms(), MAX_DAYS)
    if source is not None and not wire.is_source(source):
        raise ApiError(422, "invalid", "query.source", f"{source!r} is not a source's name")
    if given.reader.unit(unit) is None:
        raise unknown_unit(unit)
    asked = AskedTrack(unit, from_ms, to_ms, tolerance_m, source)
    media_type, ending, write = FORMATS[format]
    headers = {}
    if format in {"gpx", "csv"}:
        headers["Content-Disposition"] = f'attachment; filename="{unit}-{iso(from_ms)[:10]}.{ending}"'
    return in_pieces(write(asked, read_fixes(given.reader, asked)), media_type, headers)


def read_fixes(reader: Reader, asked: AskedTrack) -> Iterator[Segment]:
    """The segments of a track, simplified as asked."""
    sources = [asked.source] if asked.source is not None else reader.fix_sources(asked.unit)
    for source in sources:
        windows = reader.fixes(asked.unit, source, asked.from_ms, asked.to_ms)
        for segment in segments(source, windows):
            yield _simplified(segment, asked.tolerance_m)


def _simplified(segment: Segment, tolerance_m: float) -> Segment:
    if tolerance_m <= 0:
        return segment
    columns = segment.columns
    rows = rows_kept(columns["time_ms"], columns["lat_e7"], columns["lon_e7"], tolerance_m)
    return segment.picked(rows)
