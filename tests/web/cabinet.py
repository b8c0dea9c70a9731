"""A small county with stock, in the real ledger and history: a store, a van and three cabinets, one warm."""

import math
from collections.abc import Iterator
from typing import Any

from firmware import wire
from ingest import suspects
from ingest.alerts.episode import Episode
from ingest.history.chunk import Chunk
from ingest.ledger import alerts, book, bookkeeping, items, lots, par_levels, sites
from ingest.ledger.items import Item
from ingest.ledger.par_levels import ParLevel
from ingest.ledger.sites import Site
from ingest.stock.days import day_of
from ingest.stock.entries import Entry
from tests.ingest.api.parts import BOOT, EPOCH, NOW_MS, Parts, group_of

UNIT, PROBE = "health-01", "probe-1"
CABINET, OTHER, FAR = "sumu-01", "sumu-02", "baga-07"
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
TODAY = day_of(NOW_MS)
GAP_HOURS = (9, 11)  # before now: the cabinet said nothing

PLACES = (
    Site("county", None, "county", "旗卫生健康委"),
    Site("van", "county", "vehicle", "巡回医疗车", "health-01", next_visit_day=TODAY + 2),
    Site(CABINET, "van", "cabinet", "巴音苏木药柜", UNIT, "cabinet", (PROBE,), 412, TODAY + 9, 2),
    Site(OTHER, "van", "cabinet", "乌兰苏木药柜", next_visit_day=TODAY + 10, lead_days=2),
    Site(FAR, "van", "cabinet", next_visit_day=TODAY + 12),
)
THINGS = (
    Item("ors", pack_size=10, names={"zh": "口服补液盐", "en": "Oral rehydration salts", "mn": "ᠳᠠᠪᠤᠰᠤ"}),
    Item("opv", profile="tight", vvm="vvm2", names={"zh": "脊灰疫苗", "en": "Polio vaccine"}),
    Item(
        "insulin", profile="refrigerator", is_freeze_sensitive=True, names={"zh": "胰岛素", "en": "Insulin"}
    ),
    Item("amoxicillin", pack_size=24, names={"zh": "阿莫西林", "en": "Amoxicillin"}),
    Item("gauze", pack_size=4, names={"zh": "纱布", "en": "Gauze"}, codes=("9520000000011",)),
)


def stock_up(parts: Parts) -> None:
    """Fill the ledger and the history of the cabinet."""
    parts.change(fill)
    parts.hear_of(UNIT)
    warm_up(parts)
    parts.change(lambda ledger: suspects.judge_pair(ledger, CABINET, "opv", NOW_MS))


def fill(ledger: Any) -> None:
    """Places, things, levels and a book of three months."""
    for place in PLACES:
        sites.put(ledger, place)
    for thing in THINGS:
        items.put(ledger, thing)
    for site in (CABINET, OTHER, FAR):
        for item, levels in (("ors", (10, 20, 100)), ("opv", (4, 8, 40)), ("insulin", (2, 4, 12))):
            par_levels.put(ledger, ParLevel(site, item, *levels))
    par_levels.put(ledger, ParLevel(CABINET, "amoxicillin", 24, 48, 240))
    for item, lot, day in (("ors", "A26", 40), ("ors", "B27", 400), ("opv", "V7", 120), ("insulin", "N1", 3)):
        lots.note(ledger, item, lot, TODAY + day)
    book.add(ledger, entries())


def entries() -> Iterator[Entry]:
    """What was brought and given out, and one count that differs."""
    number = 0
    for site, item, lot, first, use in (
        (CABINET, "ors", "A26", 40, 2),
        (CABINET, "ors", "B27", 30, 1),
        (CABINET, "opv", "V7", 36, 1),
        (CABINET, "insulin", "N1", 8, 0),
        (CABINET, "amoxicillin", "", 60, 2),
        (OTHER, "ors", "B27", 15, 1),
        (OTHER, "opv", "V7", 12, 0),
    ):
        number += 1
        yield entry(f"r{number}", site, item, lot, "receive", first, 80)
        for day in range(78, 1, -7):
            number += 1
            yield entry(f"d{number}", site, item, lot, "dispense", -use, day)
    for day in (66, 52, 38, 24, 10):
        number += 1
        yield entry(f"v{number}", CABINET, "ors", "B27", "receive", 2, day)
    counted = entry("c1", CABINET, "ors", "", "count", 0, 1)
    fields = {name: getattr(counted, name) for name in Entry.__slots__}
    yield Entry(**(fields | {"method": "person", "pieces": 46}))


def entry(identity: str, site: str, item: str, lot: str, kind: str, quantity: int, days_ago: int) -> Entry:
    at_ms = NOW_MS - days_ago * DAY_MS
    return Entry(identity, site, item, lot, kind, quantity, at_ms, "gnss", at_ms, at_ms, actor="crew")


def warm_up(parts: Parts) -> None:
    """A day of temperatures with a hole and a warm spell, its excursion, and doors."""
    times = [NOW_MS - minute * MINUTE_MS for minute in range(24 * 60, 0, -2)]
    times = [at for at in times if not GAP_HOURS[0] < (NOW_MS - at) / HOUR_MS < GAP_HOURS[1]]
    warm = [temperature_cc(NOW_MS - at) for at in times]
    parts.write(UNIT, "climate", times, PROBE, temperature_cc=warm)
    for hours, open_ms in ((20, 40_000), (6, 240_000), (2, 25_000)):
        at_ms = NOW_MS - hours * HOUR_MS
        parts.write(UNIT, "door", [at_ms, at_ms + open_ms], state=[1, 0], open_ms=[None, open_ms])
    judge(parts, 1, "ended", NOW_MS - 6 * HOUR_MS, NOW_MS - 5 * HOUR_MS + 12 * MINUTE_MS)


def temperature_cc(ago_ms: int) -> int:
    """Some 5 degrees, and a hill of 7 more between six and five hours ago."""
    hours = ago_ms / HOUR_MS
    hill = 700 * math.sin(math.pi * (6.4 - hours) / 1.8) if 4.6 < hours < 6.4 else 0
    return round(500 + 70 * math.sin(hours * 2.3) + hill)


def judge(parts: Parts, number: int, state: str, began_ms: int, ended_ms: int) -> None:
    """An excursion as the unit told of it."""
    words = {"ended": 1, "open": 0}
    cells = {
        "number": number,
        "state": words[state],
        "direction": 1,
        "judgement": 0,
        "comparator": 2,
        "limit_cc": 800,
        "limit_s": 3600,
        "began_ago_ms": ended_ms - began_ms,
        "ended_ago_ms": 0 if state == "ended" else None,
        "outside_s": (ended_ms - began_ms) // 1000,
        "lowest_cc": 520,
        "highest_cc": 1198,
        "profile": "tight",
        "profile_version": 1,
    }
    group = group_of("excursion", PROBE, [ended_ms], 1000 + number, cells)
    body = bytes(wire.encode_group(group, 1000 + number))
    chunk = Chunk(UNIT, EPOCH, "event", BOOT, 1000 + number, group, body, ended_ms)
    parts.change(lambda ledger: bookkeeping.take(ledger, [chunk]))


def raise_alerts(parts: Parts) -> None:
    """A door that stands open, a stock that runs low, and a warm spell that was over when it was heard of."""
    parts.change(_raise)
    parts.context.alert_news.changed()


def _raise(ledger: Any) -> None:
    door = alerts.subject(ledger, "door_open", UNIT, "door", CABINET)
    alerts.add(
        ledger, door, Episode(NOW_MS - 12 * MINUTE_MS, NOW_MS - 7 * MINUTE_MS, None, {}), NOW_MS, NOW_MS
    )
    low = alerts.subject(ledger, "low_stock", None, "", OTHER, "ors")
    numbers: dict[str, Any] = {"usable": 4, "on_hand": 4, "min": 10, "usable_day": TODAY + 10}
    since_ms = NOW_MS - 2 * DAY_MS
    alerts.add(ledger, low, Episode(since_ms, since_ms, None, numbers), NOW_MS, NOW_MS)
    warm = alerts.subject(ledger, "overheating", UNIT, PROBE, CABINET)
    numbers = {"highest_cc": 1198, "limit_cc": 800, "outside_s": 4320, "limit_s": 3600}
    numbers |= {"profile": "tight", "profile_version": 1}
    spell = Episode(NOW_MS - 6 * HOUR_MS, NOW_MS - 5 * HOUR_MS, NOW_MS - 4 * HOUR_MS, numbers)
    alerts.add(ledger, warm, spell, NOW_MS, NOW_MS)


def open_a_door(parts: Parts, site: str) -> None:
    """One more alert, told to whoever listens as the pipeline tells it."""

    def work(ledger: Any) -> None:
        door = alerts.subject(ledger, "door_open", "library-01", "door", site)
        episode = Episode(NOW_MS - 9 * MINUTE_MS, NOW_MS - 4 * MINUTE_MS, None, {})
        alerts.add(ledger, door, episode, NOW_MS, NOW_MS)

    parts.change(work)
    parts.context.alert_news.changed()
