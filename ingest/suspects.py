"""From excursions to the lots that they put under suspicion, wherever those lie now.

    excursion ──▶ lots that lay there ──▶ the pairs (site, item) where they lie now ──▶ rows: hold it back?
                                                                                          │
    a person holds or releases a lot, the book moves it ──▶ the pair is judged anew       ▼
                                                                          one alert for each excursion

A lot is judged along its ways, as its exposure is: what a warm vehicle carried is suspect in the cabinet that
it was brought to. Who released a lot has looked at what was before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.alerts.episode import Sample
from ingest.exposure import held_of_item
from ingest.ledger import alert_looks, book, excursions, items, lots, sites, suspects
from ingest.ledger.alert_looks import EXPOSED, Look
from ingest.ledger.suspects import Suspect
from ingest.stock.profiles import PROFILES, Limit
from ingest.stock.suspicion import Outside, presence, suspicions

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from ingest.exposure import Held
    from ingest.ledger.excursions import Excursion
    from ingest.ledger.items import Item
    from ingest.ledger.sites import Site
    from ingest.stock.coldchain import Reason

MOST_EXCURSIONS = 1000  # of a site, the newest
KEEP_MS = 45 * 86_400_000  # records of what happened then may still come
MOST_NAMED = 5  # lots in an alert


def follow_book(ledger: sqlite3.Connection, site: str, item: str, now_ms: int) -> None:
    """The book of a pair has changed: what lies there, and what once lay where an excursion was."""
    known = _sensitive(ledger, item)
    _judge(ledger, site, item, known, now_ms)
    if known is not None:
        alert_looks.ask(ledger, (Look(EXPOSED, *probe) for probe in _probes_at(ledger, site, now_ms)))


def judge_pair(ledger: sqlite3.Connection, site: str, item: str, now_ms: int) -> None:
    """Judge what lies of an item at a site, and ask for the alerts of what is another than it was."""
    _judge(ledger, site, item, _sensitive(ledger, item), now_ms)


def _sensitive(ledger: sqlite3.Connection, item: str) -> Item | None:
    known = items.find(ledger, item)
    return known if known is not None and _is_sensitive(known) else None


def _judge(ledger: sqlite3.Connection, site: str, item: str, known: Item | None, now_ms: int) -> None:
    found = [] if known is None else _suspects(ledger, site, known, now_ms)
    changed = suspects.replace(ledger, site, item, found)
    alert_looks.ask(ledger, (Look(EXPOSED, *probe) for probe in changed))


def _probes_at(ledger: sqlite3.Connection, site: str, now_ms: int) -> set[tuple[str, str]]:
    """Those whose excursions news of the book may still concern."""
    return {
        (one.unit, one.source)
        for one in _excursions_at(ledger, site)
        if one.latest_ms >= now_ms - KEEP_MS or one.ended_ms is None
    }


def _suspects(ledger: sqlite3.Connection, site: str, known: Item, now_ms: int) -> list[Suspect]:
    at: dict[str | None, list[Excursion]] = {}  # a site's are read once

    def excursions_at(place: str | None) -> list[Excursion]:
        if place not in at:
            at[place] = _excursions_at(ledger, place)
        return at[place]

    worst: dict[tuple[object, ...], Suspect] = {}
    for held in held_of_item(ledger, site, known, now_ms):
        for one in _against(excursions_at, held):
            key = one.lot, one.unit, one.source, one.epoch, one.number, one.code
            worst[key] = max(worst.get(key, one), one)
    return list(worst.values())


def _is_sensitive(item: Item) -> bool:
    return item.profile is not None or item.is_freeze_sensitive


def _against(excursions_at: Callable[[str | None], list[Excursion]], held: Held) -> Iterator[Suspect]:
    state = held.decisions.get(held.site)
    if state is not None and state.is_held:
        return
    for way in held.ways:
        released_ms = held.released_ms(way)
        for leg in way:
            for one in excursions_at(leg.site):
                reasons = _suspicions(one, max(leg.from_ms, released_ms), leg.to_ms, held.item)
                for why in reasons:
                    measures = why.code, why.measured, why.allowed, why.unit
                    identity = one.unit, one.source, one.epoch, one.number
                    yield Suspect(held.lot, *identity, *measures, one.began_ms)


def _excursions_at(ledger: sqlite3.Connection, site: str | None) -> list[Excursion]:
    place = None if site is None else sites.find(ledger, site)
    if place is None or place.unit is None:
        return []
    return excursions.of_unit(ledger, place.unit, place.probes or None, MOST_EXCURSIONS)


def _suspicions(one: Excursion, from_ms: int, to_ms: int, item: Item) -> list[Reason]:
    limit = Limit(one.comparator, one.limit_cc, one.limit_s // 60, one.judgement)
    outside = Outside(limit, one.began_ms, one.ended_ms, one.outside_s * 1000, one.lowest_cc)
    profile = None if item.profile is None else PROFILES[item.profile]
    return suspicions(outside, from_ms, to_ms, profile, is_freeze_sensitive=item.is_freeze_sensitive)


# --- of a probe


def pairs_of_probe(ledger: sqlite3.Connection, unit: str, source: str) -> list[tuple[str, str]]:
    """Site and item of sensitive things that ever lay where the probe is, wherever they lie now."""
    ever: dict[str, set[str]] = {}
    for place in _places(ledger, unit, source):
        for item, lot in _ever_at(ledger, place.site):
            ever.setdefault(item.item, set()).add(lot)
    return sorted(
        {
            (site, item)
            for item, some in ever.items()
            for site, _, lot in book.lots_on_hand(ledger, None, item, None)
            if lot in some
        }
    )


def _places(ledger: sqlite3.Connection, unit: str, source: str) -> list[Site]:
    own = (site for site in sites.all_sites(ledger) if site.unit == unit)
    return [site for site in own if not site.probes or source in site.probes]


def _ever_at(ledger: sqlite3.Connection, site: str) -> list[tuple[Item, str]]:
    found: dict[str, Item | None] = {}
    for item, _ in (pairs := book.lots_ever_at(ledger, site)):
        if item not in found:
            found[item] = items.find(ledger, item)
    known = ((found[item], lot) for item, lot in pairs)
    return [(item, lot) for item, lot in known if item is not None and _is_sensitive(item)]


class Stays(NamedTuple):
    """When a lot of something sensitive lay where a probe is."""

    item: Item
    lot: str
    spans_ms: list[tuple[int, int]]


def stays_at(ledger: sqlite3.Connection, unit: str, source: str, now_ms: int) -> list[Stays]:
    """What ever lay where a probe is, and when, whatever became of it."""
    return [
        Stays(item, lot, list(presence(book.steps(ledger, place.site, item.item, lot), now_ms)))
        for place in _places(ledger, unit, source)
        for item, lot in _ever_at(ledger, place.site)
    ]


def samples(ledger: sqlite3.Connection, one: Excursion, stays: list[Stays]) -> list[Sample]:
    """What its rule sees of an excursion: since it began, until every lot was decided of, or gone."""
    identity = one.unit, one.source, one.epoch, one.number
    standing = suspects.lots_of_excursion(ledger, *identity)
    numbers = {name: getattr(one, name) for name in ("outside_s", "lowest_cc", "highest_cc")}
    if standing:
        return [Sample(one.began_ms, True, numbers | _named([lot for _, lot in standing]))]
    harmful = [
        stay._replace(
            spans_ms=[span_ms for span_ms in stay.spans_ms if _suspicions(one, *span_ms, stay.item)]
        )
        for stay in stays
    ]
    exposed = [stay for stay in harmful if stay.spans_ms]
    if not exposed:
        return []
    settled_ms = max(_settled_ms(ledger, stay, one.began_ms) for stay in exposed)
    return [
        Sample(one.began_ms, True, numbers | _named([stay.lot for stay in exposed])),
        Sample(settled_ms, False),
    ]


def _named(some: list[str]) -> dict[str, int | str]:
    named = [lot or "?" for lot in some[:MOST_NAMED]]
    return {"lots": len(some), "names": ", ".join([*named, "…"] if len(some) > MOST_NAMED else named)}


def _settled_ms(ledger: sqlite3.Connection, stay: Stays, since_ms: int) -> int:
    """When a person last decided of a lot, or else when the last of it left that place."""
    states = lots.of_lot(ledger, stay.item.item, stay.lot)
    decided = [state.changed_ms for state in states if state.changed_ms >= since_ms]
    return max(decided, default=0) or max(since_ms, *(to_ms for _, to_ms in stay.spans_ms))
