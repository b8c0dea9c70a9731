"""What lots went through, wherever they were, and whether they should be held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ingest.api.answers import as_json
from ingest.api.cold_chain_shapes import ColdChain, SuspectLots
from ingest.api.errors import ApiError, responses
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.stock import MAX_OFFSET, FilterIn, figure
from ingest.exposure import held_lots, places, verdicts
from ingest.instants import iso
from ingest.ledger import book, items, sites, suspects
from ingest.stock.coldchain import MINUTE_MS, mean_kinetic, vvm_used
from ingest.stock.profiles import SINGLE

if TYPE_CHECKING:
    import sqlite3

    from ingest.exposure import Held, Stay, Verdict
    from ingest.ledger.sites import Site
    from ingest.ledger.suspects import Listed, Suspect
    from ingest.stock.coldchain import Exposure
    from ingest.stock.profiles import Profile

MAX_LOTS = 100

router = APIRouter(tags=["stock"])


@router.get(
    "/api/v1/stock/cold-chain",
    operation_id="read_cold_chain",
    response_class=Response,
    responses={200: {"model": ColdChain}, **responses(422, 503)},
)
def read_cold_chain(
    given: Given,
    site: FilterIn = None,
    item: FilterIn = None,
    lot: FilterIn = None,
    after: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LOTS)] = 50,
) -> Response:
    """Lots on hand at a site, or of an item wherever they lie: time outside, kinetic mean, vial monitor."""
    if site is None and item is None:
        raise ApiError(422, "too_wide", "query", "of which site, or of which item?")
    now_ms = given.now_ms()

    def look(ledger: sqlite3.Connection) -> tuple[list[Held], dict[str, Site], bool]:
        keys = book.lots_on_hand(ledger, site, item, lot)
        page = keys[after : after + limit]
        return held_lots(ledger, page, now_ms), places(ledger), after + limit < len(keys)

    held, sites, has_more = given.reader.look(look)
    found = verdicts(given.reader, sites, held, now_ms)
    body = {
        "now": iso(now_ms),
        "lots": [_lot(one, verdict) for one, verdict in zip(held, found, strict=True)],
        "after": after + limit if has_more else None,
    }
    return as_json(body)


@router.get(
    "/api/v1/stock/quarantine",
    operation_id="list_suspect_lots",
    response_class=Response,
    responses={200: {"model": SuspectLots}, **responses(422, 503)},
)
def list_suspect_lots(
    given: Given,
    under: Annotated[str | None, Query(max_length=64, description="this site and all below it")] = None,
    item: FilterIn = None,
    after: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LOTS)] = 50,
) -> Response:
    """Lots of every site that excursions propose to hold back, until a person holds or releases them.

    By what units judged. What only the single readings tell, a spent vial monitor or a limit that no unit
    watches, stands with the lot itself (`read_cold_chain`).
    """

    def look(ledger: sqlite3.Connection) -> dict[str, Any]:
        found = suspects.listed(ledger, under, item, limit + 1, after)
        return {
            "now": iso(given.now_ms()),
            "count": suspects.count(ledger, under, item),
            "lots": [_suspect(ledger, one) for one in found[:limit]],
            "after": after + limit if len(found) > limit else None,
        }

    return as_json(given.reader.look(look))


def _suspect(ledger: sqlite3.Connection, one: Listed) -> dict[str, Any]:
    site, item = sites.find(ledger, one.site), items.find(ledger, one.item)
    return {
        "site": one.site,
        "site_name": None if site is None else site.name,
        "item": one.item,
        "names": {} if item is None else item.names,
        "lot": one.lot,
        "on_hand": book.on_hand(ledger, one.site, one.item, one.lot),
        "reasons": [_reason(why) for why in one.reasons],
    }


def _reason(why: Suspect) -> dict[str, Any]:
    said = {"code": why.code, "measured": why.measured, "allowed": why.allowed, "unit": why.measure}
    began_at = iso(max(0, why.began_ms))
    return said | {
        "excursion": {
            "unit": why.unit,
            "probe": why.source,
            "number": why.number,
            "began_at": began_at,
        }
    }


def _lot(held: Held, verdict: Verdict) -> dict[str, Any]:
    profile, sum_ = held.profile, verdict.exposure
    return {
        "site": held.site,
        "item": held.item.item,
        "lot": held.lot,
        "on_hand": held.on_hand,
        "profile": None if profile is None else profile.name,
        "profile_version": None if profile is None else profile.version,
        **_spent(sum_, profile),
        "limits": _limits(sum_, profile),
        "mean_kinetic_c": figure(mean_kinetic(sum_)),
        "vvm_used_pct": figure(vvm_used(held.item.vvm, sum_)),
        "way": [_leg(stay, profile) for stay in verdict.stays],
        "judged_from": iso(verdict.judged_from_ms) if verdict.judged_from_ms else None,
        **_decision(held, verdict),
    }


def _spent(found: Exposure, profile: Profile | None) -> dict[str, Any]:
    return {
        "minutes_known": found.known_ms // MINUTE_MS,
        "minutes_unknown": found.unknown_ms // MINUTE_MS,
        "minutes_low": None if profile is None else found.low_ms // MINUTE_MS,
        "minutes_high": None if profile is None else found.high_ms // MINUTE_MS,
        "lowest_c": None if found.lowest_cc is None else found.lowest_cc / 100,
        "highest_c": None if found.highest_cc is None else found.highest_cc / 100,
    }


def _limits(found: Exposure, profile: Profile | None) -> list[dict[str, Any]]:
    limits = () if profile is None else profile.limits
    nothing = (0,) * len(limits)
    spent = zip(limits, found.single_ms or nothing, found.beyond_ms or nothing, strict=True)
    return [
        {
            "comparator": limit.comparator,
            "limit_c": limit.limit_cc / 100,
            "minutes": limit.minutes,
            "judgement": limit.judgement,
            "minutes_spent": (single_ms if limit.judgement == SINGLE else beyond_ms) // MINUTE_MS,
        }
        for limit, single_ms, beyond_ms in spent
    ]


def _leg(stay: Stay, profile: Profile | None) -> dict[str, Any]:
    leg = stay.leg
    stretch = {"from": iso(leg.from_ms), "to": iso(leg.to_ms)}
    return {"site": leg.site, "probe": stay.probe, **stretch, **_spent(stay.exposure, profile)}


def _decision(held: Held, verdict: Verdict) -> dict[str, Any]:
    state = held.decisions.get(held.site)
    reasons = [
        {"code": one.code, "measured": one.measured, "allowed": one.allowed, "unit": one.unit}
        for one in verdict.reasons
    ]
    decided = None
    if state is not None:
        decided = {
            "is_held": state.is_held,
            "vvm_stage": state.vvm_stage,
            "reason": state.reason,
            "actor": state.actor,
            "at": iso(state.changed_ms),
        }
    is_held = state is not None and state.is_held
    return {"decided": decided, "proposal": {"reasons": reasons} if reasons and not is_held else None}
