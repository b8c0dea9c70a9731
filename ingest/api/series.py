"""One field of a unit over time, down-sampled: what a chart asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.asked import FromIn, ToIn, asked_range
from ingest.api.errors import ApiError, responses, unknown_unit
from ingest.api.fields import FIELDS
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.records import KindIn, SourceIn, check_series
from ingest.api.shapes import Series
from ingest.history.summary import NAMES
from ingest.instants import DAY_MS, iso, iso_column
from ingest.series import Question, answered

if TYPE_CHECKING:
    from ingest.api.fields import Outside
    from ingest.series import Part

MAX_DAYS = 3660
MAX_DAYS_OF_ROWS = 31
MAX_BUCKETS = 10_000
DEFAULT_BUCKET_S = 60
HOUR_S = 3600

router = APIRouter(tags=["records"])


@router.get(
    "/api/v1/units/{unit}/series",
    operation_id="read_series",
    response_class=Response,
    responses={200: {"model": Series}, **responses(404, 422, 503)},
)
def read_series(
    given: Given,
    unit: str,
    kind: KindIn,
    field: Annotated[str, Query(max_length=64, description="a number, as `records` names it")],
    from_: FromIn = None,
    to: ToIn = None,
    bucket_s: Annotated[int, Query(ge=1, le=31_536_000)] = DEFAULT_BUCKET_S,
    source: SourceIn = None,
) -> Response:
    """Least, greatest and mean value per bucket, by default of the current day in UTC in minutes.

    Buckets begin at multiples of `bucket_s` since 1970; those without records are left out, and a bucket
    whose records lack the value says null. Of whole hours there may be ten years at once, else 31 days. Where
    records have expired, hours stand in the buckets in which they begin; positions and courses end there.
    """
    check_series(kind, source)
    outside = _number(kind, field)
    is_of_hours = bucket_s % HOUR_S == 0 and outside.field.name in NAMES[kind]
    from_ms, to_ms = asked_range(from_, to, given.now_ms(), MAX_DAYS if is_of_hours else MAX_DAYS_OF_ROWS)
    if to_ms - from_ms > MAX_BUCKETS * bucket_s * 1000:
        detail = f"more than {MAX_BUCKETS} buckets of {bucket_s} s in {(to_ms - from_ms) / DAY_MS:.1f} days"
        raise ApiError(422, "too_many_buckets", "query.bucket_s", detail)
    if given.reader.unit(unit) is None:
        raise unknown_unit(unit)
    sources = given.reader.sources(unit, kind) if source is None else [source]
    series = []
    for own in sources:
        question = Question(unit, kind, own, outside.field.name, from_ms, to_ms, bucket_s * 1000)
        series.append({"source": own} | _columns(answered(question, given.reader), outside))
    body = {"unit": unit, "kind": kind, "field": field, "from": iso(from_ms), "to": iso(to_ms)}
    return as_json(body | {"bucket_s": bucket_s, "series": series})


def _number(kind: str, field: str) -> Outside:
    numbers = {outside.name: outside for outside in FIELDS[kind] if outside.is_number}
    if field not in numbers:
        known = f"there are {', '.join(numbers)}" if numbers else "there is none"
        raise ApiError(422, "unknown_field", "query.field", f"no number {field[:64]!r} in {kind}; {known}")
    return numbers[field]


def _columns(parts: list[Part], outside: Outside) -> dict[str, Any]:
    return {
        "begins_at": iso_column([part.begin_ms for part in parts]),
        "records": [part.rows for part in parts],
        "min": [outside.number(part.least) for part in parts],
        "max": [outside.number(part.most) for part in parts],
        "mean": [outside.number(part.mean) for part in parts],
    }
