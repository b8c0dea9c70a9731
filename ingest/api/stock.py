"""Stock: the board of all sites, one site with its lots and its book, and what waits to be booked."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.errors import ApiError, responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.stock_shapes import SiteStock, StatusWord, StockBoardShape, StockUnbooked
from ingest.instants import iso
from ingest.ledger import book, differences, excursions, rejections, sites, stock_board, unbooked
from ingest.stock.days import date_text, day_of
from ingest.stock.figure import Figure, shown
from ingest.stock.profiles import PROFILES
from ingest.stock.usable import unusable_because

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from ingest.ledger.rejections import Rejection
    from ingest.ledger.sites import Site
    from ingest.ledger.stock_board import Row, StockBoard, Surroundings
    from ingest.stock.board import Full
    from ingest.stock.entries import Entry
    from ingest.stock.reconcile import Proposal

MAX_ROWS = 500
MAX_LINES = 500
MAX_LISTED = 200
MAX_REJECTED = 20
MAX_OFFSET = 10_000_000
UNKNOWN = "UNKNOWN"  # a pair with levels in whose book nothing stands
CSV_COLUMNS = ("site", "item", "status", "on_hand", "usable", "amc", "days_of_stock", "newest_at")

router = APIRouter(tags=["stock"])
NameIn = Annotated[str, Path(min_length=1, max_length=64)]
FilterIn = Annotated[str | None, Query(max_length=64)]


@router.get(
    "/api/v1/stock",
    operation_id="read_stock",
    response_class=Response,
    responses={
        200: {"model": StockBoardShape, "content": {"text/csv": {"schema": {"type": "string"}}}},
        **responses(422, 503),
    },
)
def read_stock(
    request: Request,
    given: Given,
    site: FilterIn = None,
    under: Annotated[str | None, Query(max_length=64, description="this site and all below it")] = None,
    item: FilterIn = None,
    status: Annotated[StatusWord | None, Query()] = None,
    after: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 100,
    format: Annotated[Literal["json", "csv"], Query()] = "json",
) -> Response:
    """The stock board, site by item, worst first. As CSV all rows of the filter, with the brief numbers."""
    board: StockBoard = request.app.state.stock
    today = day_of(given.now_ms())

    def look(ledger: sqlite3.Connection) -> Response:
        rows, around = board.rows(ledger, today)
        below = None if under is None else _below(around.sites.values(), under)
        found = [
            row
            for row in rows
            if (site is None or row.site == site)
            and (below is None or row.site in below)
            and (item is None or row.item == item)
            and (status is None or (row.brief.status or UNKNOWN) == status)
        ]
        if format == "csv":
            return _csv(found)
        page = found[after : after + limit]
        full = stock_board.explained(ledger, around, [row[:2] for row in page], today)
        body = {
            "now": iso(given.now_ms()),
            "counts": Counter(row.brief.status or UNKNOWN for row in found),
            "unbooked": unbooked.count(ledger),
            "rows": [_row(around, row[:2], full[row[:2]]) for row in page],
            "after": after + limit if after + limit < len(found) else None,
        }
        return as_json(body)

    return given.reader.look(look)


def _below(all_sites: Iterable[Site], top: str) -> set[str]:
    children: dict[str | None, list[str]] = {}
    for site in all_sites:
        children.setdefault(site.parent, []).append(site.site)
    found, waiting = set(), [top]
    while waiting:
        at = waiting.pop()
        found.add(at)
        waiting += children.get(at, [])
    return found


def _csv(rows: Iterable[Row]) -> Response:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    for site, item, brief in rows:
        numbers = (brief.on_hand, brief.usable, shown(brief.amc), shown(brief.days))
        newest = None if brief.newest_ms is None else iso(brief.newest_ms)
        writer.writerow((_inert(site), _inert(item), brief.status or UNKNOWN, *numbers, newest))
    headers = {"Content-Disposition": 'attachment; filename="stock.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _inert(text: str) -> str:
    """A name that a spreadsheet would take for a formula, as text."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@"} else text


def figure(found: Figure) -> dict[str, Any]:
    """A figure as JSON; days are dates."""
    inputs = {
        name: date_text(value) if name == "day" and isinstance(value, int) else shown(value)
        for name, value in found.inputs.items()
    }
    return {"value": shown(found.value), "formula": found.formula, "inputs": inputs, "why": found.why}


def _row(around: Surroundings, pair: tuple[str, str], full: Full) -> dict[str, Any]:
    site, item = around.sites.get(pair[0]), around.items.get(pair[1])
    return {
        "site": pair[0],
        "site_name": None if site is None else site.name,
        "item": pair[1],
        "names": {} if item is None else item.names,
        "base_unit": "piece" if item is None else item.base_unit,
        "pack_size": 1 if item is None else item.pack_size,
        "status": figure(full.status),
        "on_hand": figure(full.on_hand),
        "usable": figure(full.usable),
        "amc": figure(full.amc),
        "months_of_stock": figure(full.months),
        "days_of_stock": figure(full.days),
        "visit_days": figure(full.visit_days),
        "order": figure(full.order),
        "needs_count": any(lot.on_hand < 0 for lot in full.lots),
        "newest_at": None if full.newest_ms is None else iso(full.newest_ms),
    }


@router.get(
    "/api/v1/stock/sites/{site}",
    operation_id="read_stock_site",
    response_class=Response,
    responses={200: {"model": SiteStock}, **responses(404, 422, 503)},
)
def read_stock_site(
    request: Request,
    given: Given,
    site: NameIn,
    item: FilterIn = None,
    before: Annotated[str | None, Query(pattern=r"^\d{1,15}-\d{1,15}$", description="from `before`")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LINES)] = 50,
) -> Response:
    """One site: its items, lots, profiles, excursions, counts that differ, and its book, newest first."""
    board: StockBoard = request.app.state.stock
    today = day_of(given.now_ms())
    page = None
    if before is not None:
        time_ms, _, line = before.partition("-")
        page = int(time_ms), int(line)

    def look(ledger: sqlite3.Connection) -> dict[str, Any]:
        found = sites.find(ledger, site)
        if found is None:
            raise unknown_site(site)
        rows, around = board.rows(ledger, today)
        pairs = [row[:2] for row in rows if row.site == site and (item is None or row.item == item)]
        full = stock_board.explained(ledger, around, pairs, today)
        lines = book.history(ledger, site, item, limit, page)
        last = lines[-1] if len(lines) == limit else None
        return {
            "now": iso(given.now_ms()),
            "site": site_shape(found),
            "way_up": sites.ways_up(ledger, site),
            "rows": [_row(around, pair, full[pair]) for pair in pairs],
            "lots": [lot for pair in pairs for lot in _lots(pair[1], full[pair], today, found)],
            "proposals": [
                proposal_shape(pair[1], one) for pair in pairs for one in differences.of_pair(ledger, *pair)
            ],
            "rejected": [_rejected(one) for one in rejections.of_site(ledger, site, item, MAX_REJECTED)],
            "profiles": _profiles(around, [pair[1] for pair in pairs]),
            "excursions": _excursions(ledger, found),
            "book": [_line(line, entry) for line, entry in lines],
            "before": None if last is None else f"{last[1].time_ms}-{last[0]}",
        }

    return as_json(given.reader.look(look))


def unknown_site(site: str) -> ApiError:
    """404 for a site nobody has named."""
    return ApiError(404, "unknown_site", "path.site", f"no site is called {site[:64]!r}")


def site_shape(site: Site) -> dict[str, Any]:
    """A site as JSON."""
    return {
        "site": site.site,
        "parent": site.parent,
        "level": site.level,
        "name": site.name,
        "unit": site.unit,
        "source": site.source,
        "probes": site.probes,
        "people": site.people,
        "next_visit_on": None if site.next_visit_day is None else date_text(site.next_visit_day),
        "lead_days": site.lead_days,
    }


def _lots(item: str, full: Full, today: int, site: Site) -> list[dict[str, Any]]:
    visit = site.next_visit_day
    day = visit if visit is not None and visit >= today else today
    return [
        {
            "item": item,
            "lot": lot.lot,
            "on_hand": lot.on_hand,
            "expires_on": None if lot.expires_day is None else date_text(lot.expires_day),
            "is_held": lot.is_held,
            "vvm_stage": lot.vvm_stage,
            "unusable_because": unusable_because(lot, day),
        }
        for lot in full.lots
    ]


def proposal_shape(item: str, one: Proposal) -> dict[str, Any]:
    """A proposed adjustment as JSON."""
    return {
        "id": one.id,
        "item": item,
        "lot": one.lot,
        "quantity": one.quantity,
        "observed": one.observed,
        "booked": one.booked,
        "reason": one.reason,
        "happened_at": iso(one.time_ms),
    }


def _rejected(one: Rejection) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in ("item", "lot", "quantity", "observed", "booked")},
        "happened_at": iso(one.time_ms),
        "reason": one.reason,
        "actor": one.actor,
        "rejected_at": iso(one.rejected_ms),
    }


def _profiles(around: Surroundings, names: Iterable[str]) -> list[dict[str, Any]]:
    by_profile: dict[str, list[str]] = {}
    for name in names:
        item = around.items.get(name)
        if item is not None and item.profile is not None:
            by_profile.setdefault(item.profile, []).append(name)
    return [
        {
            "profile": name,
            "version": PROFILES[name].version,
            "items": sorted(items),
            "limits": [
                {
                    "comparator": limit.comparator,
                    "limit_c": limit.limit_cc / 100,
                    "minutes": limit.minutes,
                    "judgement": limit.judgement,
                }
                for limit in PROFILES[name].limits
            ],
        }
        for name, items in sorted(by_profile.items())
    ]


def _excursions(ledger: sqlite3.Connection, site: Site) -> list[dict[str, Any]]:
    if site.unit is None:
        return []
    found = excursions.of_unit(ledger, site.unit, site.probes or None, MAX_LISTED)
    return [
        {
            "probe": one.source,
            "number": one.number,
            "state": one.state,
            "direction": one.direction,
            "judgement": one.judgement,
            "limit_c": one.limit_cc / 100,
            "limit_minutes": one.limit_s // 60,
            "began_at": iso(max(0, one.began_ms)),
            "ended_at": None if one.ended_ms is None else iso(max(0, one.ended_ms)),
            "minutes_outside": one.outside_s // 60,
            "lowest_c": None if one.lowest_cc is None else one.lowest_cc / 100,
            "highest_c": None if one.highest_cc is None else one.highest_cc / 100,
            "profile": one.profile,
            "profile_version": one.profile_version,
            "learned_at": iso(one.learned_ms),
        }
        for one in found
    ]


def _line(line: int, entry: Entry) -> dict[str, Any]:
    return {
        "id": line,
        "identity": entry.identity,
        "item": entry.item,
        "lot": entry.lot,
        "kind": entry.kind,
        "quantity": entry.quantity,
        "happened_at": iso(entry.time_ms),
        "clock": entry.clock,
        "learned_at": iso(entry.learned_ms),
        "reason": entry.reason,
        "actor": entry.actor,
        "other_site": entry.other_site,
        "pieces": entry.pieces,
        "change": entry.change,
    }


@router.get(
    "/api/v1/stock/unbooked",
    operation_id="list_unbooked",
    response_class=Response,
    responses={200: {"model": StockUnbooked}, **responses(503)},
)
def list_unbooked(given: Given) -> Response:
    """Records that cannot be booked until somebody names their site or item, the oldest first."""
    waiting = given.reader.look(lambda ledger: unbooked.waiting(ledger, MAX_LISTED))
    records = [
        {
            "unit": one.said.unit,
            "source": one.said.source,
            "seq": one.said.seq,
            "kind": one.said.kind,
            "sampled_at": None if one.said.clock == "none" else iso(one.said.time_ms),
            "code": one.code,
            "detail": one.detail,
            "values": one.said.values,
        }
        for one in waiting
    ]
    return as_json({"records": records})
