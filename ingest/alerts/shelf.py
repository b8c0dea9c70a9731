"""From the book of one site's item to what the rules of stock see. Pure.

Levels, planned visits and decisions about lots hold from the moment that somebody changed them: what was
enough by the level of its time is not found low afterwards. What is known of a lot's expiry holds for all
time. The rungs are nested here: who has nothing is low, too, so that one shortage is one alert however deep
it goes.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.alerts.episode import Sample
from ingest.stock import board
from ingest.stock.board import Line, LotFacts, brief
from ingest.stock.days import MAX_DAY, begin_ms, day_of
from ingest.stock.usable import Lot, day_of_use, usable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


STOCK_RULES = ("stock_out", "expired_only", "low_stock")
LOT_RULES = ("expired", "expiring")


class Facts(NamedTuple):
    """What surrounds the book from `since_ms` on; `held` are lots of which a person decided something.

    `is_wanted`: somebody set a level, so the site is to have the item; else nobody misses it.
    """

    since_ms: int
    is_wanted: bool = False
    min: int | None = None
    next_visit_day: int | None = None
    held: Mapping[str, tuple[bool, int | None]] = {}


Samples = dict[tuple[str, str | None], list[Sample]]


class Shelf(NamedTuple):
    """What the rules see, by rule and lot (None: of all), and when time alone changes it next."""

    samples: Samples
    due_ms: int | None


def seen(
    lines: Sequence[Line],
    facts: Sequence[Facts],
    expires: Mapping[str, int | None],
    expiring_days: int,
    now_ms: int,
) -> Shelf:
    """What the rules saw of a site's item; lines and facts are in order of time."""
    if not lines:
        return Shelf({}, None)
    turns = sorted(_turns(lines, facts, expires, expiring_days))
    samples: Samples = {}
    balance: dict[str, int] = {}
    at_line = on_hand = 0
    soonest = min((day for day in expires.values() if day is not None), default=MAX_DAY)
    for at_ms in turns[: bisect_right(turns, now_ms)]:
        while at_line < len(lines) and lines[at_line].time_ms <= at_ms:
            line = lines[at_line]
            balance[line.lot] = balance.get(line.lot, 0) + line.quantity
            on_hand += line.quantity
            at_line += 1
        known, today = _facts_at(facts, at_ms), day_of(at_ms)
        is_all_usable = not known.held and day_of_use(today, known.next_visit_day) <= soonest
        if samples or not is_all_usable or on_hand <= max(0, known.min or 0):
            _see_stock(samples, at_ms, balance, known, expires)
        if samples or soonest - today <= expiring_days:
            for lot, count in balance.items():
                _see_lot(samples, at_ms, lot, count, expires.get(lot), expiring_days)
    _say_how_long(samples.get(("low_stock", None), []), lines, facts, expires)
    return Shelf(samples, next((turn for turn in turns if turn > now_ms), None))


def _say_how_long(
    low: list[Sample], lines: Sequence[Line], facts: Sequence[Facts], expires: Mapping[str, int | None]
) -> None:
    """Beside the newest numbers of a shortage that lasts, how long the rest does, at the use until then."""
    if not low or not low[-1].is_true:
        return
    at_ms, known = low[-1].at_ms, _facts_at(facts, low[-1].at_ms)
    lots = {lot: LotFacts(expires.get(lot), *known.held.get(lot, _FREE)) for lot in {*expires, *known.held}}
    before = lines[: bisect_right(lines, at_ms, key=lambda line: line.time_ms)]
    seen = brief(before, board.Facts(next_visit_day=known.next_visit_day, lots=lots), day_of(at_ms))
    pace = {
        "monthly": None if seen.amc is None else round(float(seen.amc), 1),
        "days": None if seen.days is None else int(seen.days),
    }
    low[-1] = low[-1]._replace(numbers={**low[-1].numbers, **pace})


def _turns(
    lines: Iterable[Line], facts: Iterable[Facts], expires: Mapping[str, int | None], expiring_days: int
) -> set[int]:
    """The moments at which anything may change."""
    found = {line.time_ms for line in lines}
    first_ms = min(found)
    turning = {one.since_ms for one in facts}
    turning |= {begin_ms(one.next_visit_day + 1) for one in facts if one.next_visit_day is not None}
    for day in expires.values():
        if day is not None:
            turning |= {begin_ms(day + 1), begin_ms(max(0, day - expiring_days))}
    return found | {turn for turn in turning if turn > first_ms}


def _facts_at(facts: Sequence[Facts], at_ms: int) -> Facts:
    """What held then; before anything was known, what was known first."""
    return facts[max(0, bisect_right(facts, at_ms, key=lambda one: one.since_ms) - 1)]


def _see_stock(
    samples: Samples,
    at_ms: int,
    balance: Mapping[str, int],
    facts: Facts,
    expires: Mapping[str, int | None],
) -> None:
    lots = [
        Lot(lot, count, expires.get(lot), *facts.held.get(lot, _FREE))
        for lot, count in balance.items()
        if count
    ]
    numbers = _stock_numbers(lots, at_ms, facts)
    on_hand, there = numbers["on_hand"], numbers["usable"]
    holds = (on_hand <= 0, on_hand > 0 >= there, 0 < (facts.min or 0) >= there)
    for rule, is_true in zip(STOCK_RULES, holds, strict=True):
        is_missed = is_true and facts.is_wanted
        if _is_news(samples.get((rule, None)), is_missed):
            samples.setdefault((rule, None), []).append(Sample(at_ms, is_missed, numbers))


_FREE = (False, None)


def _stock_numbers(lots: Sequence[Lot], at_ms: int, facts: Facts) -> dict[str, Any]:
    good = usable(lots, day_of(at_ms), facts.next_visit_day)
    return {
        **{name: good.inputs[name] for name in ("basis", "expired", "held", "vial_monitor")},
        "usable_day": good.inputs["day"],
        "on_hand": sum(lot.on_hand for lot in lots),
        "usable": int(good.exact or 0),
        "min": facts.min,
    }


def _is_news(before: Sequence[Sample] | None, is_true: bool) -> bool:
    """What does not hold and did not before says nothing; what holds has newer numbers."""
    return is_true or (before is not None and before[-1].is_true is True)


def _see_lot(
    samples: Samples,
    at_ms: int,
    lot: str,
    count: int,
    expires_day: int | None,
    expiring_days: int,
) -> None:
    if expires_day is None:
        return
    left_days = expires_day - day_of(at_ms)
    holds = (count > 0 > left_days, count > 0 <= left_days <= expiring_days)
    for rule, is_true in zip(LOT_RULES, holds, strict=True):
        if _is_news(samples.get((rule, lot)), is_true):
            numbers: dict[str, Any] = {"on_hand": count, "expires_day": expires_day, "lot": lot}
            samples.setdefault((rule, lot), []).append(Sample(at_ms, is_true, numbers))
