"""The board: per site and item what is there, what of it is usable, how long it lasts, and what to bring.

Two depths. `brief` works out one site's item from its lines of the book, quickly enough for every pair of a
county; `full` explains it with all figures, for the rows that somebody looks at. Both use the same functions.

A pair with levels but without a line in the book is unknown, not empty: nobody has ever counted there.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ingest.stock import order as ordering
from ingest.stock.consumption import (
    DAYS_IN_MONTH,
    MONTHS,
    PlainChange,
    amc,
    days_of_stock,
    months_of_stock,
    stock_out_days,
)
from ingest.stock.days import day_of
from ingest.stock.entries import DISPENSE
from ingest.stock.figure import Figure, Value, unknown
from ingest.stock.status import EXPIRED_ONLY, WORST_FIRST, status
from ingest.stock.usable import Lot, usable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOOK_BACK_DAYS = MONTHS * DAYS_IN_MONTH
_NOTHING_BOOKED = "nothing_booked"
_UNKNOWN_RUNG = WORST_FIRST.index(EXPIRED_ONLY) + 0.5


class Line(NamedTuple):
    """A line of the book of one site's item."""

    time_ms: int
    lot: str
    kind: str
    quantity: int


PlainLine = tuple[int, str, str, int]  # a Line without its names: a county has a million


class LotFacts(NamedTuple):
    """What is known of a lot at a site besides its book."""

    expires_day: int | None = None
    is_held: bool = False
    vvm_stage: int | None = None


class Facts(NamedTuple):
    """What surrounds the lines of one site's item."""

    min: int | None = None
    reorder: int | None = None
    max: int | None = None
    next_visit_day: int | None = None
    lead_days: int | None = None
    pack_size: int = 1
    lots: Mapping[str, LotFacts] = MappingProxyType({})


class Brief(NamedTuple):
    """The numbers that sort and filter the board; None where nothing was ever booked."""

    on_hand: int | None
    usable: int | None
    status: str | None
    amc: Fraction | None = None
    days: Fraction | None = None
    newest_ms: int | None = None

    @property
    def urgency(self) -> tuple[float, float]:
        """Worst first: by the ladder, then by the days that the stock lasts."""
        rung = _UNKNOWN_RUNG if self.status is None else WORST_FIRST.index(self.status)
        return rung, float("inf") if self.days is None else self.days.numerator / self.days.denominator


@dataclass(frozen=True, slots=True)
class Full:
    """One row of the board with all its figures."""

    lots: tuple[Lot, ...]
    on_hand: Figure
    usable: Figure
    status: Figure
    amc: Figure
    months: Figure
    days: Figure
    visit_days: Figure
    order: Figure
    newest_ms: int | None


def lots_of(lines: Sequence[PlainLine], facts: Facts) -> list[Lot]:
    """What is there by lot, by the sum of its lines; lots of which nothing is left are not named."""
    balance: dict[str, int] = {}
    for _, lot, _, quantity in lines:
        balance[lot] = balance.get(lot, 0) + quantity
    none = LotFacts()
    return [
        Lot(lot, quantity, *facts.lots.get(lot, none)) for lot, quantity in balance.items() if quantity != 0
    ]


def brief(lines: Sequence[PlainLine], facts: Facts, today: int) -> Brief:
    """The numbers of one site's item, from its lines in order of time."""
    if not lines:
        return Brief(None, None, None)
    lots = lots_of(lines, facts)
    on_hand = sum(lot.on_hand for lot in lots)
    good = usable(lots, today, facts.next_visit_day).value
    assert isinstance(good, int)  # noqa: S101 -- a sum is always known
    word = status(on_hand, good, facts.min, facts.reorder, facts.max).value
    changes = _changes(lines)
    consumed = _consumed(changes, today)
    monthly = amc(consumed, _stock_out_days(changes, facts, today)) if consumed else None
    lasting = None if monthly is None else days_of_stock(good, monthly).exact
    use = None if monthly is None else monthly.exact
    return Brief(on_hand, good, str(word), use, lasting, lines[-1][0])


def full(
    lines: Sequence[PlainLine], facts: Facts, today: int, visits: Sequence[int], on_the_way: int
) -> Full:
    """Everything about one site's item; `visits` are the local days on which the site was supplied."""
    lots = lots_of(lines, facts)
    on_hand = sum(lot.on_hand for lot in lots)
    good = usable(lots, today, facts.next_visit_day)
    changes = _changes(lines)
    monthly = amc(_consumed(changes, today), _stock_out_days(changes, facts, today))
    there = int(good.exact or 0)
    interval, scatter = ordering.visit_rhythm(visits)
    if lines:
        total = Figure(on_hand, "sum of the book", {"lines": len(lines)})
        word = status(on_hand, there, facts.min, facts.reorder, facts.max)
    else:
        total = good = unknown(_NOTHING_BOOKED, "sum of the book", {"lines": 0})
        word = unknown(_NOTHING_BOOKED, "first rung that holds", {})
    return Full(
        tuple(sorted(lots, key=lambda lot: (lot.expires_day is None, lot.expires_day or 0, lot.lot))),
        total,
        good,
        word,
        monthly,
        months_of_stock(there, monthly),
        days_of_stock(there, monthly),
        interval,
        _order(changes, facts, today, there, on_the_way, monthly, interval, scatter),
        lines[-1][0] if lines else None,
    )


def _first_day(today: int) -> int:
    return today - LOOK_BACK_DAYS


def _changes(lines: Sequence[PlainLine]) -> list[PlainChange]:
    """The lines that change something, on their local days."""
    return [
        (day_of(time_ms), lot, quantity, kind == DISPENSE)
        for time_ms, lot, kind, quantity in lines
        if quantity
    ]


def _consumed(changes: Sequence[PlainChange], today: int) -> int:
    """What was dispensed in the look-back, which ends yesterday: today is no whole day yet."""
    first = _first_day(today)
    return -sum(quantity for day, _, quantity, is_dispense in changes if is_dispense and first <= day < today)


def _dispensed(changes: Sequence[PlainChange], today: int) -> dict[int, int]:
    by_day: dict[int, int] = {}
    for day, _, quantity, is_dispense in changes:
        if is_dispense and _first_day(today) <= day < today:
            by_day[day] = by_day.get(day, 0) - quantity
    return by_day


def _stock_out_days(changes: Sequence[PlainChange], facts: Facts, today: int) -> int:
    # An item has many lots in a county and few at a site.
    known = facts.lots
    expires = {lot: known[lot].expires_day for lot in {change[1] for change in changes} if lot in known}
    return stock_out_days(changes, expires, _first_day(today), today - 1)


def _order(
    changes: Sequence[PlainChange],
    facts: Facts,
    today: int,
    usable_now: int,
    on_the_way: int,
    monthly: Figure,
    interval: Figure,
    scatter: Figure,
) -> Figure:
    """What to bring: by measured use and visits where both are known, else up to the most that is set."""
    use, visit_days, visit_scatter = monthly.exact, interval.exact, scatter.exact
    if use and visit_days is not None and visit_scatter is not None and facts.lead_days is not None:
        daily, lead = use / DAYS_IN_MONTH, Fraction(facts.lead_days)
        if ordering.is_small_demand(daily, facts.pack_size):
            level = ordering.small_demand(daily * (visit_days + lead))
            if level.value is not None:
                return ordering.fill_up("k", level, usable_now, on_the_way)
        spread = _daily_deviation(changes, facts, today)
        return ordering.visit_order(daily, visit_days, lead, spread, visit_scatter, usable_now, on_the_way)
    if facts.max:
        return ordering.fill_up("max", Figure(facts.max, "max"), usable_now, on_the_way)
    inputs: dict[str, Value] = {"amc": monthly.value, "R": interval.value, "L": facts.lead_days}
    return unknown("no_use_visits_or_max", "needs measured use and visits, or a max level", inputs)


def _daily_deviation(changes: Sequence[PlainChange], facts: Facts, today: int) -> Fraction:
    """Scatter of daily use over the days on which there was something to give out."""
    by_day = _dispensed(changes, today)
    idle = LOOK_BACK_DAYS - _stock_out_days(changes, facts, today) - len(by_day)
    return ordering.deviation([Fraction(count) for count in by_day.values()] + [Fraction(0)] * max(0, idle))
