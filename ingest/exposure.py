"""What lots went through: their ways by the book, and the temperatures of where they were.

Nothing of it is kept. It is worked out when somebody looks, from the book and the history, so a day that is
delivered late, a clock that is set right or a transfer that is booked tomorrow corrects it by itself.

    book ──▶ ways of a lot ──▶ stays ──▶ exposures, joined ──▶ the worst way ──▶ reasons for quarantine
                                 ▲
    history, per probe ──────────┘

Where a site has several probes the one that was farthest outside counts. A person who has released a lot has
looked at it: reasons are then found in what came after, while the sums go on from the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from ingest.ledger import book, items, lots, sites
from ingest.stock.coldchain import (
    GAP_INTERVALS,
    LONGEST_INTERVAL_MS,
    Exposure,
    Samples,
    exposed,
    interval_of,
    joined,
    quarantine_reasons,
)
from ingest.stock.days import DAY_MS
from ingest.stock.profiles import PROFILES
from ingest.stock.way import Leg, ways
from ingest.stretch import ABSENT, array_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from ingest.ledger.items import Item
    from ingest.ledger.lots import LotState
    from ingest.ledger.sites import Site
    from ingest.reader import Columns
    from ingest.stock.coldchain import Reason
    from ingest.stock.profiles import Profile
    from ingest.stock.way import Step, Way

MOST_DAYS = 400  # a lot that has lain longer at one place is unknown before
BEFORE_MS = GAP_INTERVALS * LONGEST_INTERVAL_MS  # a sample may stand for that long

Key = tuple[str, str, str]  # site, item, lot


class Source(Protocol):
    """Where temperatures come from; see `ingest.reader.Reader`."""

    def sources(self, unit: str, kind: str) -> list[str]: ...

    def pages(
        self, unit: str, kind: str, source: str | None, from_ms: int, to_ms: int
    ) -> Iterator[Columns]: ...


@dataclass(frozen=True, slots=True)
class Held:
    """A lot that lies at a site: how it came there, and what was decided of it on its way."""

    site: str
    item: Item
    lot: str
    on_hand: int
    ways: tuple[Way, ...]
    decisions: Mapping[str, LotState]  # by site

    @property
    def profile(self) -> Profile | None:
        return None if self.item.profile is None else PROFILES[self.item.profile]

    def released_ms(self, way: Way) -> int:
        """When a person last looked at what came this way and let it go on; 0 when nobody has."""
        decided = [(leg, self.decisions.get(leg.site or "")) for leg in way]
        return max(
            (
                state.changed_ms
                for leg, state in decided
                if state is not None and not state.is_held and leg.from_ms <= state.changed_ms <= leg.to_ms
            ),
            default=0,
        )


class Stay(NamedTuple):
    """A leg, and what the probe that was farthest outside says of it; `probe` None: nothing was measured."""

    leg: Leg
    probe: str | None
    exposure: Exposure


class Verdict(NamedTuple):
    """A lot's worst way, its sum, and why to hold it; `judged_from_ms` is when it was last released."""

    stays: tuple[Stay, ...]
    exposure: Exposure
    reasons: tuple[Reason, ...]
    judged_from_ms: int


# --- from the ledger


def held_lots(ledger: sqlite3.Connection, keys: Sequence[Key], to_ms: int) -> list[Held]:
    """These lots with their ways, as the ledger has them."""
    known = {item.item: item for item in items.all_items(ledger)}
    decided = _by_lot(lots.states(ledger))
    some = [(site, known.get(item) or items.Item(item), lot) for site, item, lot in keys]
    return _held(ledger, some, decided, to_ms)


def held_of_item(ledger: sqlite3.Connection, site: str, item: Item, to_ms: int) -> list[Held]:
    """The lots of one item that lie at a site."""
    keys = [(site, item, lot) for _, _, lot in book.lots_on_hand(ledger, site, item.item, None)]
    return _held(ledger, keys, _by_lot(lots.of_item(ledger, item.item)), to_ms)


def _by_lot(states: Sequence[LotState]) -> dict[tuple[str, str], dict[str, LotState]]:
    decided: dict[tuple[str, str], dict[str, LotState]] = {}
    for state in states:
        decided.setdefault((state.item, state.lot), {})[state.site] = state
    return decided


def _held(
    ledger: sqlite3.Connection,
    keys: Sequence[tuple[str, Item, str]],
    decided: Mapping[tuple[str, str], Mapping[str, LotState]],
    to_ms: int,
) -> list[Held]:
    steps: dict[Key, Sequence[Step]] = {}

    def steps_at(item: str, lot: str, site: str) -> Sequence[Step]:
        key = (site, item, lot)
        if key not in steps:
            steps[key] = book.steps(ledger, *key)
        return steps[key]

    return [
        Held(
            site,
            item,
            lot,
            sum(step.quantity for step in steps_at(item.item, lot, site)),
            tuple(ways(partial(steps_at, item.item, lot), site, to_ms)),
            decided.get((item.item, lot), {}),
        )
        for site, item, lot in keys
    ]


# --- from the history


class Temperatures:
    """The probes' samples between two times, each series read once."""

    def __init__(self, source: Source, places: Mapping[str, Site], from_ms: int, to_ms: int) -> None:
        self._source = source
        self._places = places
        self._from_ms = max(from_ms, to_ms - MOST_DAYS * DAY_MS) - BEFORE_MS
        self._to_ms = to_ms
        self._known: dict[str, dict[str, Samples]] = {}

    def at(self, site: str | None) -> Mapping[str, Samples]:
        """What each probe of a site has measured."""
        place = None if site is None else self._places.get(site)
        if place is None or place.unit is None:
            return {}
        if place.site not in self._known:
            probes = place.probes or tuple(self._source.sources(place.unit, "climate"))
            read = {probe: self._read(place.unit, probe) for probe in probes}
            self._known[place.site] = {probe: found for probe, found in read.items() if len(found.times_ms)}
        return self._known[place.site]

    def _read(self, unit: str, probe: str) -> Samples:
        pages = list(self._source.pages(unit, "climate", probe, self._from_ms, self._to_ms))
        times_ms = np.concatenate([array_of(page, "time_ms") for page in pages] or [np.empty(0, np.int64)])
        cells = np.concatenate(
            [array_of(page, "temperature_cc") for page in pages] or [np.empty(0, np.int64)]
        )
        is_known = cells != ABSENT
        return Samples(times_ms[is_known], cells[is_known], interval_of(times_ms[is_known]))


def verdicts(source: Source, places: Mapping[str, Site], held: Sequence[Held], to_ms: int) -> list[Verdict]:
    """What each of these lots went through."""
    from_ms = min((way[0].from_ms for one in held for way in one.ways), default=to_ms)
    temperatures = Temperatures(source, places, from_ms, to_ms)
    return [_verdict(one, temperatures) for one in held]


def _verdict(held: Held, temperatures: Temperatures) -> Verdict:
    found = [_judged(held, way, temperatures) for way in held.ways]
    return max(found, key=_severity, default=Verdict((), Exposure(), (), 0))


def _severity(verdict: Verdict) -> tuple[bool, int, float]:
    sum_ = verdict.exposure
    return bool(verdict.reasons), sum_.low_ms + sum_.high_ms, sum_.reaction_ms


def _judged(held: Held, way: Way, temperatures: Temperatures) -> Verdict:
    stays = tuple(_stay(leg, temperatures, held.profile) for leg in way)
    released_ms = held.released_ms(way)
    later = [leg._replace(from_ms=max(leg.from_ms, released_ms)) for leg in way if leg.to_ms > released_ms]
    judged = [_stay(leg, temperatures, held.profile) for leg in later] if released_ms else stays
    reasons = quarantine_reasons(
        _sum(judged), held.profile, held.item.vvm, is_freeze_sensitive=held.item.is_freeze_sensitive
    )
    return Verdict(stays, _sum(stays), tuple(reasons), released_ms)


def _sum(stays: Sequence[Stay]) -> Exposure:
    whole = Exposure()
    for stay in stays:
        whole = joined(whole, stay.exposure)
    return whole


def _stay(leg: Leg, temperatures: Temperatures, profile: Profile | None) -> Stay:
    measured = [
        Stay(leg, probe, exposed(samples, profile, leg.from_ms, leg.to_ms))
        for probe, samples in temperatures.at(leg.site).items()
    ]
    known = [stay for stay in measured if stay.exposure.known_ms]
    nothing = Stay(leg, None, Exposure(unknown_ms=leg.to_ms - leg.from_ms))
    return max(known, key=_warmth, default=nothing)


def _warmth(stay: Stay) -> tuple[int, float]:
    found = stay.exposure
    return found.low_ms + found.high_ms, found.reaction_ms / found.known_ms


def places(ledger: sqlite3.Connection) -> dict[str, Site]:
    """Every site by its name."""
    return {site.site: site for site in sites.all_sites(ledger)}
