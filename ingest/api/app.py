"""The app: every route of the service in one list, behind one gate."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from ingest.api import (
    alerts,
    book_conflicts,
    book_copies,
    book_edit,
    book_moves,
    books,
    cold_chain,
    commands,
    erasures,
    events,
    health,
    login,
    maintenance,
    me,
    page,
    records,
    refused,
    releases,
    series,
    stock,
    stock_edit,
    stock_entries,
    stock_overview,
    stream,
    track,
    units,
)
from ingest.api.auth import COOKIE, FREE, SAFE_METHODS, Doorkeeper, Gate
from ingest.api.counts import Counts
from ingest.api.errors import LastResort, add_error_handlers
from ingest.api.headers import SafeHeaders
from ingest.api.hub import Hub
from ingest.api.page import load_assets
from ingest.api.roles import NO_KEY, ROLES_OF, check_role
from ingest.api.shapes import LiveCollection, TrackCollection
from ingest.history import StoreBusy
from ingest.ledger.differences import Differences
from ingest.ledger.stock_board import StockBoard
from ingest.reader import ReaderBusy

if TYPE_CHECKING:
    from ingest.api.context import Context

ROUTERS = (
    units.router,
    track.router,
    records.router,
    series.router,
    events.router,
    erasures.router,
    cold_chain.router,
    book_edit.router,
    books.router,
    book_copies.router,
    book_conflicts.router,
    book_moves.router,
    stock_entries.router,
    stock_edit.router,
    stock_overview.router,
    stock.router,
    alerts.router,
    maintenance.router,
    stream.router,
    refused.router,
    commands.router,
    releases.router,
    health.router,
    me.router,
    login.router,
    page.router,
)
GZIP_FROM_BYTES = 4096
GZIP_LEVEL = 3  # a track in half the time of level 6, and a tenth larger
ABOUT = (
    "Where the units are and were. Times are ISO 8601 in UTC; numbers are in the unit that ends their name; "
    "what is unknown is null. Once a key exists, every route but the health checks wants one as bearer "
    "token; `x-roles` says which roles of keys may ask for an operation."
)


def create_app(context: Context) -> FastAPI:
    """The service's HTTP application over what the context gives."""
    door = Doorkeeper(context.access, context.now_ms, context.session_s)
    hub = Hub(context)
    counts = Counts(context.registry, hub)
    app = FastAPI(
        title="Ortoo",
        version="1",
        description=ABOUT,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(check_role)],
        middleware=[
            Middleware(SafeHeaders),
            Middleware(LastResort, counts=counts),
            Middleware(Gate, door=door, counts=counts, now_ms=context.now_ms),
            # Streams of events are left alone: it knows them by their type.
            Middleware(GZipMiddleware, minimum_size=GZIP_FROM_BYTES, compresslevel=GZIP_LEVEL),
        ],
    )
    app.state.context = context
    app.state.door = door
    app.state.hub = hub
    app.state.counts = counts
    app.state.assets = load_assets()
    app.state.stock = StockBoard()
    app.state.differences = Differences()
    app.state.routes = [route for router in ROUTERS for route in router.routes]
    for router in ROUTERS:
        app.include_router(router)
    add_error_handlers(app, (StoreBusy, ReaderBusy))
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    return app


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: FastAPI's, with the GeoJSON shapes and the ways to show a key."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name, shape in (("TrackCollection", TrackCollection), ("LiveCollection", LiveCollection)):
        schema = TypeAdapter(shape).json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs")
        schemas[name] = schema
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["responses"] |= gate_answers(path, method)
            if operation["operationId"] not in NO_KEY:
                operation["x-roles"] = sorted(ROLES_OF[operation["operationId"]])
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
    }
    document["security"] = [{"key": []}, {"session": []}, {}]
    return document


def gate_answers(path: str, method: str) -> dict[str, Any]:
    """What the gate may say before the route is reached."""
    statuses = [] if path in FREE else [401, 403, 429]
    if method.upper() not in SAFE_METHODS:
        statuses += [400, 413]
    schema = {"schema": {"$ref": "#/components/schemas/ErrorBody"}}
    return {
        str(status): {"description": HTTPStatus(status).phrase, "content": {"application/json": schema}}
        for status in statuses
    }
