"""What is used up: consumption, its monthly average, and how long the stock lasts.

Consumption is what was dispensed to people; loss, expiry, transfer and disposal are not. A day on which
nothing could be dispensed is no day of low use, so the average leaves stock-out days out: it never falls
because of a stock-out. All in base units of the item.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from ingest.stock.figure import Figure, Value, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MONTHS = 3
DAYS_IN_MONTH = 30
_AMC = "(consumed - transfers) / months * days / (days - stock_out_days)"


def on_hand(begin: int, received: int, adjustments: int, consumed: int) -> int:
    """OpenLMIS: what is there."""
    return begin + received + adjustments - consumed


def consumed(begin: int, received: int, adjustments: int, on_hand: int) -> int:
    """OpenLMIS: what was used, from what is there."""
    return begin + received + adjustments - on_hand


def adjusted_consumption(consumed: int, stock_out_days: int, months: int, additional: int = 0) -> Figure:
    """OpenLMIS: consumption as if there had been no stock-out; raises ValueError for impossible days."""
    formula = "ceil(consumed * 30 * months / (30 * months - stock_out_days)) + additional"
    inputs: dict[str, Value] = {
        "consumed": consumed,
        "stock_out_days": stock_out_days,
        "months": months,
        "additional": additional,
    }
    days = 30 * months
    if not 0 <= stock_out_days <= days:
        raise ValueError(f"{stock_out_days} stock-out days in {months} months of 30 days")
    if consumed == 0 or stock_out_days == days:
        return Figure(consumed, "consumed", inputs)
    return Figure(ceil(Fraction(consumed * days, days - stock_out_days)) + additional, formula, inputs)


def average(values: Sequence[int]) -> Figure:
    """OpenLMIS: the mean, rounded up."""
    if not values:
        return unknown("no_values", "ceil(mean)", {"count": 0})
    return Figure(ceil(Fraction(sum(values), len(values))), "ceil(mean)", {"count": len(values)})


def amc(
    consumed: int,
    stock_out_days: int,
    transfers: int = 0,
    months: int = MONTHS,
    days_in_month: int = DAYS_IN_MONTH,
) -> Figure:
    """Average monthly consumption, unrounded; None when the whole look-back was a stock-out."""
    days = months * days_in_month
    inputs: dict[str, Value] = {
        "consumed": consumed,
        "transfers": transfers,
        "months": months,
        "days_in_month": days_in_month,
        "days": days,
        "stock_out_days": stock_out_days,
    }
    if not 0 <= stock_out_days <= days:
        raise ValueError(f"{stock_out_days} stock-out days in {days} days")
    if stock_out_days == days:
        return unknown("always_stocked_out", _AMC, inputs)
    value = Fraction((consumed - transfers) * days, months * (days - stock_out_days))
    return Figure(value, _AMC, inputs)


def months_of_stock(usable: int, monthly: Figure) -> Figure:
    """How many months usable stock lasts; None where no use was seen, which is neither 0 nor for ever."""
    return _lasting(usable, monthly, "usable / amc", 1)


def days_of_stock(usable: int, monthly: Figure) -> Figure:
    """How many days usable stock lasts, a month being 30 days."""
    return _lasting(usable, monthly, "usable / amc * 30", DAYS_IN_MONTH)


def _lasting(usable: int, monthly: Figure, formula: str, factor: int) -> Figure:
    inputs: dict[str, Value] = {"usable": usable, "amc": monthly.value}
    use = monthly.exact
    if use is None:
        return unknown(monthly.why or "unknown_use", formula, inputs)
    if use <= 0:
        return unknown("no_use_seen", formula, inputs)
    return Figure(Fraction(usable * factor * use.denominator, use.numerator), formula, inputs)


def max_stock(amc: Fraction, periods: Fraction) -> Figure:
    """OpenLMIS: the most to hold; half is rounded up, not to even."""
    value = floor(amc * periods + Fraction(1, 2))
    return Figure(value, "round_half_up(amc * periods)", {"amc": amc, "periods": periods})


def forecast_per_month(quantity: int, period_days: int) -> Figure:
    """OpenBoxes: use per month from use in a period."""
    value = ceil(Fraction(quantity * 30, period_days))
    inputs: dict[str, Value] = {"quantity": quantity, "period_days": period_days}
    return Figure(value, "ceil(quantity / period_days * 30)", inputs)


@dataclass(frozen=True, slots=True)
class VaccinePlan:
    """What a yearly vaccination plan says; shares are fractions of 1."""

    population: int
    share: Fraction
    doses: int
    coverage: Fraction
    wastage: Fraction
    safety_months: Fraction
    supply_months: Fraction
    doses_per_unit: int


def vaccine_need(plan: VaccinePlan) -> Figure:
    """mSupply: units of vaccine for the safety and supply months."""
    doses = plan.population * plan.share * plan.doses * plan.coverage / (1 - plan.wastage)
    months = plan.safety_months + plan.supply_months
    formula = "population * share * doses * coverage / (1 - wastage) / 12 * months / doses_per_unit"
    inputs: dict[str, Value] = {name: getattr(plan, name) for name in VaccinePlan.__slots__}
    return Figure(doses / 12 * months / plan.doses_per_unit, formula, inputs)


class Change(NamedTuple):
    """A booked change of one lot on a local day."""

    day: int
    lot: str
    quantity: int
    is_dispense: bool = False


PlainChange = tuple[int, str, int, bool]  # a Change without its names


def stock_out_days(
    changes: Iterable[PlainChange], expires_day: Mapping[str, int | None], first_day: int, last_day: int
) -> int:
    """Days from first to last on which nothing unexpired was there all day, by a book in order of time.

    A day on which something was dispensed was none, whatever the book says. Days before the first entry had
    nothing booked, and count: the average is then taken over the days that are known. A shortfall of any lot
    takes away from the others.
    """
    balance: dict[str, int] = {}
    counted: dict[str, int] = {}  # what of each balance had not expired
    total = good_days = 0
    day, was_good = first_day, False  # the day that is being judged, and whether it ever was good
    for at, lot, quantity, is_dispense in _with_expiries(changes, expires_day):
        if at > last_day:
            break
        if at > day:
            good_days += (was_good or total > 0) + (at - day - 1) * (total > 0)
            day, was_good = at, False
        if at == day and (quantity or is_dispense):
            was_good = was_good or is_dispense or total > 0
        held = balance[lot] = balance.get(lot, 0) + quantity
        expiry = expires_day.get(lot)
        good = held if held < 0 or expiry is None or expiry >= at else 0
        total += good - counted.get(lot, 0)
        counted[lot] = good
    good_days += (was_good or total > 0) + (last_day - day) * (total > 0)
    return last_day + 1 - first_day - good_days


def _with_expiries(
    changes: Iterable[PlainChange], expires_day: Mapping[str, int | None]
) -> Iterable[PlainChange]:
    """The changes, and a change of nothing at the beginning of each day after which a lot has expired."""
    if not expires_day:
        return changes
    found = list(changes)
    lots = {change[1] for change in found}
    expired = [(day + 1, lot, 0, False) for lot in lots if (day := expires_day.get(lot)) is not None]
    return sorted(expired + found, key=itemgetter(0)) if expired else found
