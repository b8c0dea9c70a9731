"""Changing stock: entries by hand, and the administration of sites, items, levels and lots, also by CSV.

Everything goes to the pipeline's writing connection as one change, whole or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.responses import Response

from ingest import suspects
from ingest.api.answers import as_json
from ingest.api.errors import ApiError, responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.stock import NameIn, site_shape, unknown_site
from ingest.api.stock_shapes import (
    DifferenceRejected,
    DifferenceRejection,
    EntryIn,
    EntryTaken,
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
from ingest.instants import parse_instant
from ingest.ledger import book, differences, items, lots, par_levels, rejections, sites, stock_import
from ingest.ledger.items import Item, ItemError
from ingest.ledger.lots import LotState
from ingest.ledger.par_levels import ParLevel
from ingest.ledger.rejections import Rejection
from ingest.ledger.sites import Site, SiteError
from ingest.ledger.stock_import import SheetRefused
from ingest.stock import sheet
from ingest.stock.days import date_text, day_of, parse_day
from ingest.stock.entries import ADJUST, AHEAD_MS, BEGIN_MS, COUNT, DISCARD, SIGNS, TRANSFER, Entry
from ingest.stock.sheet import levels_in_disorder

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from ingest.api.context import Context

MANUAL = "manual"  # the clock of an entry made by a person at a screen

router = APIRouter(tags=["stock"])


def _holder(request: Request) -> str:
    holder: str = request.scope["state"]["holder"]
    return holder


def _need(ledger: sqlite3.Connection, site: str | None, item: str | None, where: str) -> None:
    if site is not None and sites.find(ledger, site) is None:
        raise ApiError(404, "unknown_site", f"{where}.site", f"no site is called {site[:64]!r}")
    if item is not None and items.find(ledger, item) is None:
        raise ApiError(404, "unknown_item", f"{where}.item", f"no item is called {item[:64]!r}")


# --- entries


@router.post(
    "/api/v1/stock/entries",
    operation_id="add_stock_entry",
    response_class=Response,
    responses={200: {"model": EntryTaken}, **responses(404, 409, 422, 503)},
)
def add_stock_entry(request: Request, given: Given, said: EntryIn) -> Response:
    """Book by hand. Sent again with the same `id` it is not counted again; with other content refused."""
    entries = _entries(said, _holder(request), given.now_ms())

    def work(ledger: sqlite3.Connection) -> dict[str, Any]:
        _need(ledger, said.site, said.item, "body")
        if said.other_site is not None:
            _need(ledger, said.other_site, None, "body.other")
        held = book.find(ledger, entries[0].identity)
        if held is not None and _content(held) != _content(entries[0]):
            raise ApiError(409, "same_id", "body.id", f"{said.id!r} is booked with other content")
        for entry in entries:
            lots.note(ledger, entry.item, entry.lot, entry.expires_day)
        added = book.add(ledger, entries)
        return {"is_new": added > 0, "on_hand": book.on_hand(ledger, said.site, said.item)}

    return as_json(given.change(work))


def _content(entry: Entry) -> tuple[object, ...]:
    return entry.site, entry.item, entry.lot, entry.kind, entry.quantity, entry.pieces, entry.other_site


def _entries(said: EntryIn, actor: str, now_ms: int) -> list[Entry]:
    at_ms = _instant(said.at, now_ms)
    if said.quantity < 0 and said.kind != ADJUST:
        raise ApiError(422, "negative", "body.quantity", "only an adjustment may take away")
    if said.quantity == 0 and said.kind != COUNT:
        raise ApiError(422, "nothing", "body.quantity", "0 of it would change nothing")
    if said.kind in {ADJUST, DISCARD} and not (said.reason or "").strip():
        raise ApiError(422, "no_reason", "body.reason", f"to {said.kind} needs a reason")
    if (said.kind == TRANSFER) != (said.other_site is not None) or said.other_site == said.site:
        raise ApiError(
            422, "transfer_sites", "body.other_site", "a transfer, and nothing else, goes to another"
        )
    is_count = said.kind == COUNT
    sign = 0 if is_count else SIGNS.get(said.kind, -1)
    here = Entry(
        f"by-hand/{said.id}",
        said.site,
        said.item,
        said.lot,
        said.kind,
        sign * said.quantity,
        at_ms,
        MANUAL,
        now_ms,
        at_ms,
        reason=said.reason,
        actor=actor,
        other_site=said.other_site,
        expires_day=None if said.expires_on is None else parse_day(said.expires_on),
        method="person" if is_count else None,
        pieces=said.quantity if is_count else None,
    )
    return [here] if said.other_site is None else [here, _other_end(here, said.other_site)]


def _other_end(here: Entry, other: str) -> Entry:
    fields = {name: getattr(here, name) for name in Entry.__slots__}
    there = {
        "identity": f"{here.identity}/2",
        "site": other,
        "quantity": -here.quantity,
        "other_site": here.site,
    }
    return Entry(**(fields | there))


def _instant(text: str | None, now_ms: int) -> int:
    if text is None:
        return now_ms
    try:
        at_ms = parse_instant(text)
    except ValueError as error:
        raise ApiError(422, "invalid", "body.at", str(error)) from None
    if at_ms > now_ms + AHEAD_MS:
        raise ApiError(422, "ahead", "body.at", "this has not happened yet")
    if at_ms < BEGIN_MS:
        raise ApiError(422, "behind", "body.at", f"before {date_text(day_of(BEGIN_MS))}: is the year right?")
    return at_ms


@router.post(
    "/api/v1/stock/differences/{id}/reject",
    operation_id="reject_stock_difference",
    response_class=Response,
    responses={200: {"model": DifferenceRejected}, **responses(404, 409, 422, 503)},
)
def reject_stock_difference(
    request: Request,
    given: Given,
    id: Annotated[str, Path(pattern="^[0-9a-f]{32}$")],
    said: DifferenceRejection,
) -> Response:
    """Say that a count was wrong: the book stays as it is, and that difference is not proposed again."""
    holder, now_ms = _holder(request), given.now_ms()

    def work(ledger: sqlite3.Connection) -> dict[str, bool]:
        _need(ledger, said.site, said.item, "body")
        if rejections.is_rejected(ledger, id):
            return {"is_new": False}
        proposed = differences.of_pair(ledger, said.site, said.item)
        one = next((one for one in proposed if one.id == id), None)
        if one is None:
            detail = "the book or the counts say something else by now: read them again"
            raise ApiError(409, "changed", "path.id", detail)
        numbers = one.lot, one.quantity, one.observed, one.booked, one.time_ms
        told = said.reason.strip(), holder, now_ms
        return {"is_new": rejections.add(ledger, Rejection(id, said.site, said.item, *numbers, *told))}

    return as_json(given.change(work))


# --- sites, items, levels, lots


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
        _need(ledger, site, item, "path")
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
        _need(ledger, None, item, "path")
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
        site, item, lot, said.is_held, said.vvm_stage, said.reason, _holder(request), given.now_ms()
    )

    def work(ledger: sqlite3.Connection) -> None:
        if sites.find(ledger, site) is None:
            raise unknown_site(site)
        _need(ledger, None, item, "path")
        lots.decide(ledger, state)
        suspects.judge_pair(ledger, site, item, state.changed_ms)

    return _save(given, work)


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
    given: Given,
    what: Annotated[Literal["items", "sites", "levels", "lots"], Query()],
    body: Annotated[bytes, Body(media_type="text/csv")],
) -> Response:
    """Take a CSV file of items, sites, levels or lots: all of its lines, or none and every bad one named."""
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
