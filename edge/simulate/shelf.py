"""What lies in a simulated cabinet, and who takes it when: pure, and the same for the same seed.

Medicines are given out in working hours. A delivery fills all up again every few weeks, except for what the
county itself lacks; so that some of it runs low, and some runs out.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from edge.simulate.dice import dice
from edge.simulate.sentences import SINCE

DAY_MS = 86_400_000
ZONE_MS = 8 * 3_600_000
OPENS_S, CLOSES_S = 9 * 3600, 17 * 3600
DELIVERY_S = 8 * 3600 + 1800
DELIVERY_DAYS = 24
LACKING = 0.12  # of a delivery
SHELF_DAYS = (25, 500)  # from a delivery to the expiry


@dataclass(frozen=True, slots=True)
class Good:
    """A slot and what lies in it; `channel` is that of its scale on the node, None: it has none."""

    slot: str
    item: str
    gtin: str
    pack_g: int
    pack_pieces: int
    most_packs: int
    daily_packs: float
    channel: int | None = None


GOODS = {
    "clinic": (
        Good("a1", "opv-20", "09520000000011", 12, 20, 30, 0.8, 4),
        Good("a2", "hepb-10", "09520000000028", 10, 10, 30, 0.7, 5),
        Good("a3", "insulin-10ml", "09520000000035", 24, 1, 40, 1.2, 6),
        Good("b1", "ors-20", "09520000000042", 560, 20, 24, 0.7, 7),
        Good("b2", "amoxicillin-24", "09520000000059", 30, 24, 40, 1.1),
        Good("b3", "paracetamol-20", "09520000000066", 20, 20, 60, 1.8),
    ),
    "home": (
        Good("a1", "insulin-10ml", "09520000000035", 24, 1, 8, 0.24, 4),
        Good("b1", "ors-20", "09520000000042", 560, 20, 4, 0.1, 5),
        Good("b2", "paracetamol-20", "09520000000066", 20, 20, 6, 0.2),
    ),
}


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody fills a slot up from a lot; or takes a pack out, whose lot the shelf knows."""

    at_ms: int
    good: Good
    lot: str = ""
    expires_on: str = ""  # YYMMDD

    @property
    def is_delivery(self) -> bool:
        return bool(self.lot)


@dataclass(slots=True)
class Shelf:
    """The packs by slot, as (lot, expiry, packs), the first to expire first."""

    lots: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)

    def packs(self, slot: str) -> int:
        """How many lie in a slot."""
        return sum(packs for _, _, packs in self.lots.get(slot, []))

    def put(self, visit: Visit) -> int:
        """Fill a slot up from a delivery; returns how many packs were put in."""
        missing = max(0, visit.good.most_packs - self.packs(visit.good.slot))
        if missing:
            held = self.lots.setdefault(visit.good.slot, [])
            held.append((visit.lot, visit.expires_on, missing))
            held.sort(key=lambda lot: lot[1])
        return missing

    def take(self, slot: str) -> tuple[str, str] | None:
        """Take a pack of the lot that expires first; its lot and expiry, None from an empty slot."""
        held = self.lots.get(slot)
        if not held:
            return None
        lot, expires_on, packs = held[0]
        held[:1] = [(lot, expires_on, packs - 1)] if packs > 1 else []
        return lot, expires_on


def visits(seed: str, goods: tuple[Good, ...], after_ms: int, until_ms: int) -> list[Visit]:
    """Who comes in a stretch of time, in order."""
    days = range((after_ms + ZONE_MS) // DAY_MS, (until_ms + ZONE_MS) // DAY_MS + 1)
    return [v for day in days for v in _of_day(seed, goods, day) if after_ms < v.at_ms <= until_ms]


def opening(seed: str, goods: tuple[Good, ...], before_ms: int) -> list[Visit]:
    """The last delivery before a moment, as a first one: it lacks nothing."""
    day = (before_ms + ZONE_MS) // DAY_MS - 1
    while not _is_delivery_day(seed, day):
        day -= 1
    return [_delivery(good, day, dice(seed, good.slot, day).randint(*SHELF_DAYS)) for good in goods]


def _is_delivery_day(seed: str, day: int) -> bool:
    return (day - dice(seed, "delivery").randrange(DELIVERY_DAYS)) % DELIVERY_DAYS == 0


@functools.lru_cache(maxsize=8)
def _of_day(seed: str, goods: tuple[Good, ...], day: int) -> tuple[Visit, ...]:
    found = [visit for good in goods for visit in _of_good(seed, good, day)]
    return tuple(sorted(found, key=lambda visit: visit.at_ms))


def _of_good(seed: str, good: Good, day: int) -> Iterator[Visit]:
    chance = dice(seed, good.slot, day)
    shelf_days = chance.randint(*SHELF_DAYS)
    if _is_delivery_day(seed, day) and chance.random() >= LACKING:
        yield _delivery(good, day, shelf_days)
    whole, part = divmod(good.daily_packs, 1)
    for _ in range(int(whole) + (chance.random() < part)):
        yield Visit(_at_ms(day, chance.randint(OPENS_S, CLOSES_S)), good)


def _delivery(good: Good, day: int, shelf_days: int) -> Visit:
    """One slot after the other, some minutes before the doors open."""
    row, column = ord(good.slot[0]) - ord("a"), int(good.slot[1])
    at_ms = _at_ms(day, DELIVERY_S + 90 * (3 * row + column))
    return Visit(at_ms, good, f"{good.item[:3].upper()}{day % 10_000}", _yymmdd(day + shelf_days))


def _at_ms(day: int, second: int) -> int:
    return day * DAY_MS - ZONE_MS + 1000 * second


def _yymmdd(day: int) -> str:
    return f"{SINCE + timedelta(days=day):%y%m%d}"
