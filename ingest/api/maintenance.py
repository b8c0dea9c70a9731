"""Maintenance: units and sites whose alerts are kept and shown, and told to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from ingest.api.alert_shapes import Maintenance, MaintenanceIn, MaintenanceShape
from ingest.api.answers import as_json
from ingest.api.errors import ApiError, responses, unknown_unit
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.stock import NameIn, unknown_site
from ingest.instants import iso, parse_instant
from ingest.ledger import maintenance, sites, units
from ingest.ledger.maintenance import Rest

if TYPE_CHECKING:
    import sqlite3

WhatIn = Annotated[Literal["unit", "site"], Path()]

router = APIRouter(tags=["alerts"])


@router.get(
    "/api/v1/maintenance",
    operation_id="list_maintenance",
    response_class=Response,
    responses={200: {"model": Maintenance}, **responses(503)},
)
def list_maintenance(given: Given) -> Response:
    """What is under maintenance or out of use now."""
    now_ms = given.now_ms()
    found = given.reader.look(lambda ledger: maintenance.all_rests(ledger, now_ms))
    return as_json({"maintenance": [_shape(rest) for rest in found]})


@router.put(
    "/api/v1/maintenance/{what}/{name}",
    operation_id="put_maintenance",
    response_class=Response,
    responses={200: {"model": MaintenanceShape}, **responses(404, 422, 503)},
)
def put_maintenance(
    request: Request, given: Given, what: WhatIn, name: NameIn, said: MaintenanceIn
) -> Response:
    """Tell nobody of a unit's or a site's alerts for a while, or take it out of use."""
    now_ms = given.now_ms()
    until_ms = _until_ms(said.until, now_ms)
    rest = Rest(what, name, said.state, until_ms, said.reason, request.scope["state"]["holder"], now_ms)

    def work(ledger: sqlite3.Connection) -> None:
        _need(ledger, what, name)
        maintenance.put(ledger, rest)

    given.change(work)
    given.alert_news.changed()
    return as_json(_shape(rest))


@router.delete(
    "/api/v1/maintenance/{what}/{name}",
    operation_id="end_maintenance",
    response_class=Response,
    status_code=204,
    responses=responses(404, 422, 503),
)
def end_maintenance(given: Given, what: WhatIn, name: NameIn) -> Response:
    """Tell people again, also of what began meanwhile and lasts."""
    if not given.change(lambda ledger: maintenance.end(ledger, what, name)):
        raise ApiError(404, "no_maintenance", "path.name", f"{what} {name[:64]!r} is not under maintenance")
    given.alert_news.changed()
    return Response(status_code=204)


def _need(ledger: sqlite3.Connection, what: str, name: str) -> None:
    if what == "unit" and units.find(ledger, name) is None:
        raise unknown_unit(name)
    if what == "site" and sites.find(ledger, name) is None:
        raise unknown_site(name)


def _until_ms(text: str | None, now_ms: int) -> int | None:
    if text is None:
        return None
    try:
        until_ms = parse_instant(text)
    except ValueError as error:
        raise ApiError(422, "invalid", "body.until", str(error)) from None
    if until_ms <= now_ms:
        raise ApiError(422, "past", "body.until", "this is over already")
    return until_ms


def _shape(rest: Rest) -> dict[str, Any]:
    return {
        "what": rest.what,
        "name": rest.name,
        "state": rest.state,
        "until_at": None if rest.until_ms is None else iso(rest.until_ms),
        "reason": rest.reason,
        "who": rest.who,
        "set_at": iso(rest.set_ms),
    }
