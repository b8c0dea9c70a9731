"""A unit's track between two times, simplified as asked, in the format asked for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from firmware import wire
from ingest.api.errors import ApiError, responses, unknown_unit
from ingest.api.formats import FORMATS
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.instants import DAY_MS, iso, parse_instant
from ingest.api.segments import segments
from ingest.api.shapes import Track
from ingest.simplify import rows_kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.api.segments import Segment
    from ingest.reader import Reader

MAX_DAYS = 31
MAX_TOLERANCE_M = 100_000
AT_ONCE_BYTES = 1 << 20  # what is shorter than this is one plain answer

router = APIRouter(tags=["track"])


@dataclass(frozen=True, slots=True)
class Asked:
    """Which track: from the first instant to before the second."""

    unit: str
    from_ms: int
    to_ms: int
    tolerance_m: float
    source: str | None

    def described(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "from": iso(self.from_ms),
            "to": iso(self.to_ms),
            "tolerance_m": self.tolerance_m,
        }


_INSTANT = "ISO 8601 with a zone, a date, or milliseconds since 1970"
FromIn = Annotated[str | None, Query(alias="from", max_length=40, description=_INSTANT)]
ToIn = Annotated[str | None, Query(max_length=40, description=_INSTANT)]


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
    asked = Asked(unit, from_ms, to_ms, tolerance_m, source)
    media_type, ending, write = FORMATS[format]
    headers = {}
    if format in {"gpx", "csv"}:
        headers["Content-Disposition"] = f'attachment; filename="{unit}-{iso(from_ms)[:10]}.{ending}"'
    return answer(write(asked, read_fixes(given.reader, asked)), media_type, headers)


def asked_range(from_: str | None, to: str | None, now_ms: int, max_days: int) -> tuple[int, int]:
    """The instants from `from` to before `to`; without them the day of `to`, and until now."""
    to_ms = _instant(to, "to") if to is not None else max(now_ms, _instant(from_, "from") if from_ else 0)
    from_ms = _instant(from_, "from") if from_ is not None else to_ms - to_ms % DAY_MS
    if from_ms > to_ms:
        detail = f"from {iso(from_ms)} is after to {iso(to_ms)}: swap them"
        raise ApiError(422, "dates_swapped", "query.from", detail)
    if to_ms - from_ms > max_days * DAY_MS:
        days = (to_ms - from_ms) / DAY_MS
        detail = f"{iso(from_ms)} to {iso(to_ms)} is {days:.1f} days, at most {max_days} at once"
        raise ApiError(422, "range_too_long", "query.from", detail)
    return from_ms, to_ms


def _instant(text: str, name: str) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ApiError(422, "invalid", f"query.{name}", str(error)) from None


def read_fixes(reader: Reader, asked: Asked) -> Iterator[Segment]:
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


def answer(pieces: Iterator[bytes], media_type: str, headers: dict[str, str]) -> Response:
    """Whole when it is short, so that an error on the way still gets its status; else as a stream."""
    first: list[bytes] = []
    size = 0
    for piece in pieces:
        first.append(piece)
        size += len(piece)
        if size > AT_ONCE_BYTES:
            return StreamingResponse(chain(first, pieces), media_type=media_type, headers=headers)
    return Response(b"".join(first), media_type=media_type, headers=headers)
