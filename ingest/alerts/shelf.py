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
from ingest.stock.days import begin_ms, day_of
from ingest.stock.usable import Lot, usable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.stock.board import Line

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


class Shelf(NamedTuple):
    """What the rules see, and when time alone changes it next."""

    stock: dict[str, list[Sample]]
    lots: dict[tuple[str, str], list[Sample]]  # by rule and lot
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
        return Shelf({}, {}, None)
    turns = sorted(_turns(lines, facts, expires, expiring_days))
    stock: dict[str, list[Sample]] = {rule: [] for rule in STOCK_RULES}
    lots: dict[tuple[str, str], list[Sample]] = {}
    balance: dict[str, int] = {}
    at_line = 0
    for at_ms in [turn for turn in turns if turn <= now_ms]:
        while at_line < len(lines) and lines[at_line].time_ms <= at_ms:
            line = lines[at_line]
            balance[line.lot] = balance.get(line.lot, 0) + line.quantity
            at_line += 1
        _see_stock(stock, at_ms, balance, _facts_at(facts, at_ms), expires)
        for lot, count in balance.items():
            _see_lot(lots, at_ms, lot, count, expires.get(lot), expiring_days)
    return Shelf(stock, lots, next((turn for turn in turns if turn > now_ms), None))


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
    stock: dict[str, list[Sample]],
    at_ms: int,
    balance: Mapping[str, int],
    facts: Facts,
    expires: Mapping[str, int | None],
) -> None:
    lots = [
        Lot(lot, count, expires.get(lot), *facts.held.get(lot, (False, None)))
        for lot, count in balance.items()
        if count
    ]
    on_hand = sum(lot.on_hand for lot in lots)
    good = usable(lots, day_of(at_ms), facts.next_visit_day)
    there = int(good.exact or 0)
    numbers: dict[str, Any] = {
        **{name: good.inputs[name] for name in _SAID},
        "usable_day": good.inputs["day"],
        "on_hand": on_hand,
        "usable": there,
        "min": facts.min,
    }
    holds = (on_hand <= 0, on_hand > 0 >= there, 0 < (facts.min or 0) >= there)
    for rule, is_true in zip(STOCK_RULES, holds, strict=True):
        stock[rule].append(Sample(at_ms, is_true and facts.is_wanted, numbers))


_SAID = ("basis", "expired", "held", "vial_monitor")


def _see_lot(
    lots: dict[tuple[str, str], list[Sample]],
    at_ms: int,
    lot: str,
    count: int,
    expires_day: int | None,
    expiring_days: int,
) -> None:
    today = day_of(at_ms)
    numbers: dict[str, Any] = {"on_hand": count, "expires_day": expires_day, "lot": lot}
    is_there = count > 0 and expires_day is not None
    is_expired = is_there and (expires_day or 0) < today
    is_expiring = is_there and not is_expired and (expires_day or 0) - expiring_days <= today
    for rule, is_true in zip(LOT_RULES, (is_expired, is_expiring), strict=True):
        seen_of = lots.setdefault((rule, lot), [])
        if is_true or seen_of:
            seen_of.append(Sample(at_ms, is_true, numbers))
