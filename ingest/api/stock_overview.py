"""Every site at a glance: how many of its items are in which state, and what waits for a decision."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.errors import responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.stock import MAX_LISTED, UNKNOWN, proposal_shape, site_shape
from ingest.api.stock_shapes import StockDifferences, StockOverview
from ingest.instants import iso
from ingest.ledger import book, items, sites
from ingest.stock.days import day_of

if TYPE_CHECKING:
    import sqlite3

    from ingest.ledger.differences import Difference, Differences
    from ingest.ledger.stock_board import StockBoard

router = APIRouter(tags=["stock"])


@router.get(
    "/api/v1/stock/overview",
    operation_id="read_stock_overview",
    response_class=Response,
    responses={200: {"model": StockOverview}, **responses(503)},
)
def read_stock_overview(request: Request, given: Given) -> Response:
    """Every site by name, with its items by state."""
    board: StockBoard = request.app.state.stock
    now_ms = given.now_ms()

    def look(ledger: sqlite3.Connection) -> list[dict[str, Any]]:
        rows, around = board.rows(ledger, day_of(now_ms))
        counts: dict[str, Counter[str]] = {site: Counter() for site in around.sites}
        newest: dict[str, int] = {}
        for row in rows:
            counts.setdefault(row.site, Counter())[row.brief.status or UNKNOWN] += 1
            newest[row.site] = max(newest.get(row.site, -1), row.brief.newest_ms or -1)
        return [
            site_shape(site) | {"counts": counts[name], "newest_at": _iso(newest.get(name, -1))}
            for name, site in sorted(around.sites.items())
        ]

    return as_json({"now": iso(now_ms), "sites": given.reader.look(look)})


def _iso(time_ms: int) -> str | None:
    return None if time_ms < 0 else iso(time_ms)


@router.get(
    "/api/v1/stock/differences",
    operation_id="list_stock_differences",
    response_class=Response,
    responses={200: {"model": StockDifferences}, **responses(503)},
)
def list_stock_differences(request: Request, given: Given) -> Response:
    """Adjustments that counts propose, at every site, the newest 200."""
    kept: Differences = request.app.state.differences

    def look(ledger: sqlite3.Connection) -> dict[str, Any]:
        found = kept.all(ledger)
        return {"count": len(found), "differences": [_difference(ledger, one) for one in found[:MAX_LISTED]]}

    return as_json(given.reader.look(look))


def _difference(ledger: sqlite3.Connection, one: Difference) -> dict[str, Any]:
    site, item = sites.find(ledger, one.site), items.find(ledger, one.item)
    return proposal_shape(one.item, one.proposal) | {
        "site": one.site,
        "site_name": None if site is None else site.name,
        "names": {} if item is None else item.names,
        "on_hand": book.on_hand(ledger, one.site, one.item, one.proposal.lot or None),
    }
