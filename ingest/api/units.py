"""Units: all of them as they are now, one of them with what is stored of it, and what a person says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.block import with_units
from ingest.api.errors import responses, unknown_unit
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.shapes import Fleet, LiveUnit, Registration, Units, UnitState
from ingest.instants import iso

if TYPE_CHECKING:
    from ingest.api.context import Context
    from ingest.api.hub import Hub
    from ingest.ledger.marks import Gap, Lane

MAX_GAPS_SHOWN = 100

router = APIRouter(tags=["units"])


@router.get(
    "/api/v1/units", operation_id="list_units", response_class=Response, responses={200: {"model": Units}}
)
def list_units(given: Given) -> Response:
    """Every unit that was ever heard of, registered or not."""
    _, units = given.live.texts()
    return Response(with_units({"now": iso(given.now_ms())}, units), media_type="application/json")


@router.get(
    "/api/v1/live",
    operation_id="read_live",
    tags=["live"],
    response_class=Response,
    responses={
        200: {
            "model": Fleet,
            "content": {
                "application/geo+json": {"schema": {"$ref": "#/components/schemas/LiveCollection"}},
            },
        },
        **responses(422),
    },
)
def read_live(
    request: Request,
    given: Given,
    format: Annotated[Literal["json", "geojson"], Query()] = "json",
) -> Response:
    """The newest state of every unit, as the stream's snapshot gives it; or as GeoJSON points."""
    hub: Hub = request.app.state.hub
    if format == "json":
        return Response(hub.fleet(given.live.texts()[1]), media_type="application/json")
    features = [_feature(unit) for unit in given.live.snapshot()[1]]
    return as_json({"type": "FeatureCollection", "features": features}, media_type="application/geo+json")


def _feature(unit: dict[str, Any]) -> dict[str, Any]:
    properties = {name: value for name, value in unit.items() if name not in {"lat_deg", "lon_deg"}}
    geometry = None
    if unit["lat_deg"] is not None:
        geometry = {"type": "Point", "coordinates": [unit["lon_deg"], unit["lat_deg"]]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


@router.get(
    "/api/v1/units/{unit}",
    operation_id="read_unit",
    response_class=Response,
    responses={200: {"model": UnitState}, **responses(404, 422)},
)
def read_unit(given: Given, unit: str) -> Response:
    """One unit: its newest state, and how much of each of its lanes is stored."""
    known = given.reader.unit(unit)
    if known is None:
        raise unknown_unit(unit)
    state = _live_unit(given, unit) | {
        "first_seen_at": iso(known.first_seen_ms),
        "software": known.software,
        "epoch": known.epoch,
        "boot": known.boot,
        "lanes": [_lane(lane) for lane in given.reader.lanes(unit)],
        "gaps": [_gap(gap) for gap in given.reader.gaps(unit)[:MAX_GAPS_SHOWN]],
    }
    return as_json(state)


@router.patch(
    "/api/v1/units/{unit}",
    operation_id="register_unit",
    response_class=Response,
    responses={200: {"model": LiveUnit}, **responses(404, 422, 503)},
)
def register_unit(given: Given, unit: str, said: Registration) -> Response:
    """Name a unit and say what it can do; from then on it is registered."""
    capabilities = sorted(set(said.capabilities))
    if given.reader.unit(unit) is None or not given.register_unit(unit, said.name, capabilities):
        raise unknown_unit(unit)
    return as_json(_live_unit(given, unit))


def _live_unit(given: Context, unit: str) -> dict[str, Any]:
    state = given.live.find(unit)
    if state is None:
        raise unknown_unit(unit)
    return state


def _lane(lane: Lane) -> dict[str, Any]:
    stored = {"mark": lane.mark, "stored": lane.stored, "gone": lane.gone, "moved_at": iso(lane.moved_ms)}
    return {"epoch": lane.epoch, "lane": lane.lane, **stored}


def _gap(gap: Gap) -> dict[str, Any]:
    rows = {"first_seq": gap.first_seq, "last_seq": gap.last_seq, "count": gap.count}
    return {"epoch": gap.epoch, "lane": gap.lane, **rows, "noticed_at": iso(gap.noticed_ms)}
