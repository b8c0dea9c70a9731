"""Entries by hand: what a person books, and what they say of a count that differs.

Everything goes to the pipeline's writing connection as one change, whole or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.errors import ApiError, responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.stock_shapes import DifferenceRejected, DifferenceRejection, EntryIn, EntryTaken
from ingest.instants import parse_instant
from ingest.ledger import book, differences, items, lots, rejections, sites
from ingest.ledger.rejections import Rejection
from ingest.stock.days import date_text, day_of, parse_day
from ingest.stock.entries import ADJUST, AHEAD_MS, BEGIN_MS, COUNT, DISCARD, SIGNS, TRANSFER, Entry

if TYPE_CHECKING:
    import sqlite3

MANUAL = "manual"  # the clock of an entry made by a person at a screen

router = APIRouter(tags=["stock"])


def holder_of(request: Request) -> str:
    """Who asks: the name of the key that was shown."""
    holder: str = request.scope["state"]["holder"]
    return holder


def need(ledger: sqlite3.Connection, site: str | None, item: str | None, where: str) -> None:
    """Refuse a site or an item that nobody has named; raises ApiError that says where it stood."""
    if site is not None and sites.find(ledger, site) is None:
        raise ApiError(404, "unknown_site", f"{where}.site", f"no site is called {site[:64]!r}")
    if item is not None and items.find(ledger, item) is None:
        raise ApiError(404, "unknown_item", f"{where}.item", f"no item is called {item[:64]!r}")


@router.post(
    "/api/v1/stock/entries",
    operation_id="add_stock_entry",
    response_class=Response,
    responses={200: {"model": EntryTaken}, **responses(404, 409, 422, 503)},
)
def add_stock_entry(request: Request, given: Given, said: EntryIn) -> Response:
    """Book by hand. Sent again with the same `id` it is not counted again; with other content refused."""
    entries = _entries(said, holder_of(request), given.now_ms())

    def work(ledger: sqlite3.Connection) -> dict[str, Any]:
        need(ledger, said.site, said.item, "body")
        if said.other_site is not None:
            need(ledger, said.other_site, None, "body.other")
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
    holder, now_ms = holder_of(request), given.now_ms()

    def work(ledger: sqlite3.Connection) -> dict[str, bool]:
        need(ledger, said.site, said.item, "body")
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
