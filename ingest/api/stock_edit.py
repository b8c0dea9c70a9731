"""Administration of stock: sites, items, levels and lots, also by CSV; and what a person decides of a lot.

Everything goes to the pipeline's writing connection as one change, whole or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import Response

from ingest import suspects
from ingest.api.answers import as_json
from ingest.api.errors import ApiError, responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.roles import ROLES_OF, need_roles
from ingest.api.stock import NameIn, site_shape, unknown_site
from ingest.api.stock_entries import holder_of, need
from ingest.api.stock_shapes import (
    Imported,
    ItemIn,
    LevelIn,
    LotDecision,
    LotIn,
    Saved,
    SiteIn,
    StockItems,
    StockLevels,
    StockSites,
)
from ingest.ledger import items, lots, par_levels, sites, stock_import
from ingest.ledger.items import Item, ItemError
from ingest.ledger.lots import LotState
from ingest.ledger.par_levels import ParLevel
from ingest.ledger.sites import Site, SiteError
from ingest.ledger.stock_import import SheetRefused
from ingest.stock import sheet
from ingest.stock.days import parse_day
from ingest.stock.sheet import levels_in_disorder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from ingest.api.context import Context

router = APIRouter(tags=["stock"])


def _save(given: Context, work: Callable[[sqlite3.Connection], object]) -> Response:
    def change(ledger: sqlite3.Connection) -> int:
        work(ledger)
        return stock_import.changed(ledger)

    return as_json({"booked": given.change(change)})


@router.get(
    "/api/v1/stock/sites",
    operation_id="list_stock_sites",
    response_class=Response,
    responses={200: {"model": StockSites}, **responses(503)},
)
def list_stock_sites(given: Given) -> Response:
    """Every site by name."""
    return as_json({"sites": [site_shape(site) for site in given.reader.look(sites.all_sites)]})


@router.put(
    "/api/v1/stock/sites/{site}",
    operation_id="put_stock_site",
    response_class=Response,
    responses={200: {"model": Saved}, **responses(422, 503)},
)
def put_stock_site(given: Given, site: NameIn, said: SiteIn) -> Response:
    """Make or change a site; records that had waited for it are booked."""
    fields = said.model_dump(exclude={"next_visit_on", "probes"})
    visit = None if said.next_visit_on is None else parse_day(said.next_visit_on)
    made = Site(_named(site, "site"), **fields, probes=tuple(said.probes), next_visit_day=visit)

    def work(ledger: sqlite3.Connection) -> None:
        try:
            sites.put(ledger, made)
        except SiteError as error:
            raise ApiError(422, "site", "body", str(error)) from None

    return _save(given, work)


def _named(text: str, what: str) -> str:
    try:
        return sheet.name(text)
    except ValueError as error:
        raise ApiError(422, "invalid", f"path.{what}", f"the name {error}") from None


@router.get(
    "/api/v1/stock/items",
    operation_id="list_stock_items",
    response_class=Response,
    responses={200: {"model": StockItems}, **responses(503)},
)
def list_stock_items(given: Given) -> Response:
    """Every item by name."""
    found = given.reader.look(items.all_items)
    return as_json({"items": [{name: getattr(item, name) for name in Item.__slots__} for item in found]})


@router.put(
    "/api/v1/stock/items/{item}",
    operation_id="put_stock_item",
    response_class=Response,
    responses={200: {"model": Saved}, **responses(422, 503)},
)
def put_stock_item(given: Given, item: NameIn, said: ItemIn) -> Response:
    """Make or change an item; records that had waited for it are booked."""
    fields = said.model_dump(exclude={"codes"})
    made = Item(_named(item, "item"), **fields, codes=tuple(sorted(set(said.codes))))

    def work(ledger: sqlite3.Connection) -> None:
        try:
            items.put(ledger, made)
        except ItemError as error:
            raise ApiError(422, "code", "body.codes", str(error)) from None

    return _save(given, work)


@router.get(
    "/api/v1/stock/levels",
    operation_id="list_stock_levels",
    response_class=Response,
    responses={200: {"model": StockLevels}, **responses(422, 503)},
)
def list_stock_levels(given: Given, site: Annotated[str | None, Query(max_length=64)] = None) -> Response:
    """Par levels of one site or of all."""
    found = given.reader.look(lambda ledger: par_levels.levels(ledger, site))
    return as_json(
        {"levels": [{name: getattr(level, name) for name in ParLevel.__slots__} for level in found]}
    )


@router.put(
    "/api/v1/stock/levels/{site}/{item}",
    operation_id="put_stock_level",
    response_class=Response,
    responses={200: {"model": Saved}, **responses(404, 422, 503)},
)
def put_stock_level(given: Given, site: NameIn, item: NameIn, said: LevelIn) -> Response:
    """Make or change how much of an item a site should have."""
    disorder = levels_in_disorder(said.min, said.reorder, said.max)
    if disorder is not None:
        raise ApiError(422, "order", "body", disorder)

    def work(ledger: sqlite3.Connection) -> None:
        need(ledger, site, item, "path")
        par_levels.put(ledger, ParLevel(site, item, said.min, said.reorder, said.max))

    return _save(given, work)


@router.put(
    "/api/v1/stock/lots/{item}/{lot}",
    operation_id="put_stock_lot",
    response_class=Response,
    responses={200: {"model": Saved}, **responses(404, 422, 503)},
)
def put_stock_lot(given: Given, item: NameIn, lot: NameIn, said: LotIn) -> Response:
    """Say when a lot expires, which settles what units and papers said of it."""
    day = None if said.expires_on is None else parse_day(said.expires_on)

    def work(ledger: sqlite3.Connection) -> None:
        need(ledger, None, item, "path")
        lots.confirm(ledger, item, _named(lot, "lot"), day)

    return _save(given, work)


@router.put(
    "/api/v1/stock/sites/{site}/lots/{item}/{lot}",
    operation_id="decide_stock_lot",
    response_class=Response,
    responses={200: {"model": Saved}, **responses(404, 422, 503)},
)
def decide_stock_lot(
    request: Request, given: Given, site: NameIn, item: NameIn, lot: NameIn, said: LotDecision
) -> Response:
    """Hold a lot back at a site or release it, and note how its vial monitor reads."""
    state = LotState(
        site, item, lot, said.is_held, said.vvm_stage, said.reason, holder_of(request), given.now_ms()
    )

    def work(ledger: sqlite3.Connection) -> None:
        if sites.find(ledger, site) is None:
            raise unknown_site(site)
        need(ledger, None, item, "path")
        lots.decide(ledger, state)
        suspects.judge_pair(ledger, site, item, state.changed_ms)

    return _save(given, work)


@router.put(
    "/api/v1/stock/sites/{site}/lots/{item}",
    operation_id="decide_unnumbered_lot",
    response_class=Response,
    responses={200: {"model": Saved}, **responses(404, 422, 503)},
)
def decide_unnumbered_lot(
    request: Request, given: Given, site: NameIn, item: NameIn, said: LotDecision
) -> Response:
    """The same of what lies at a site without a lot's number.

    Nobody can tell such pieces apart: until it is released, what is booked so later is held, too.
    """
    return decide_stock_lot(request, given, site, item, "", said)


# --- sheets


@router.post(
    "/api/v1/stock/import",
    operation_id="import_stock",
    response_class=Response,
    responses={
        200: {"model": Imported},
        **responses(422, 503),
    },
)
def import_stock(
    request: Request,
    given: Given,
    what: Annotated[Literal["items", "sites", "levels", "lots"], Query()],
    body: Annotated[bytes, Body(media_type="text/csv")],
) -> Response:
    """Take a CSV file of items, sites, levels or lots: all of its lines, or none and every bad one named."""
    need_roles(request, ROLES_OF["put_stock_site" if what == "sites" else "put_stock_item"])
    read = sheet.read(what, body)
    try:
        lines = given.change(lambda ledger: stock_import.take(ledger, what, read))
    except SheetRefused as refused:
        problems = [
            {"line": one.line, "column": one.column, "code": one.code, "detail": one.detail}
            for one in refused.problems
        ]
        return as_json({"is_taken": False, "lines": 0, "problems": problems})
    return as_json({"is_taken": True, "lines": lines, "problems": []})
