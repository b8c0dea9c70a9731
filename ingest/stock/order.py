"""How much to bring: reorder points and orders, with exact ceilings.

A site that is visited now and then must last until the visit after next has had time to come: the
order-up-to level covers the interval between visits R and the lead time L, both with their scatter, which is
measured from the visits that happened and never assumed. Where less than a pack a week is used a normal
distribution lies, so the level comes from Poisson's.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import ceil, exp, isqrt, sqrt
from typing import TYPE_CHECKING

from ingest.stock.figure import Figure, Value, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Z = Fraction("1.645")  # 95 % of the time there is enough
LEVEL = 0.95
LEAST_INTERVALS = 3
MOST_RATE = 500  # beyond it nobody needs the small-demand rule, and exp() of it would be 0


def order(max_level: int, on_hand: int) -> Figure:
    """OpenLMIS: fill up to the most."""
    inputs: dict[str, Value] = {"max": max_level, "on_hand": on_hand}
    return Figure(max(0, max_level - on_hand), "max(0, max - on_hand)", inputs)


def fill_up(name: str, level: Figure, usable: int, on_the_way: int) -> Figure:
    """Up to a level, less what may be given out there and what is on its way."""
    inputs: dict[str, Value] = {**level.inputs, name: level.value, "usable": usable, "on_the_way": on_the_way}
    value = max(0, int(level.exact or 0) - usable - on_the_way)
    detail = "" if level.formula == name else f"; {name} = {level.formula}"
    return Figure(value, f"max(0, {name} - usable - on_the_way){detail}", inputs)


def suggested(amc: Fraction, on_hand: int, min_months: Fraction, max_months: Fraction) -> Figure:
    """mSupply: nothing while the stock lasts longer than min months (max if min is 0), else up to max."""
    formula = "0 if on_hand / amc > min_months else ceil(max_months * amc - on_hand)"
    inputs: dict[str, Value] = {
        "amc": amc,
        "on_hand": on_hand,
        "min_months": min_months,
        "max_months": max_months,
    }
    if amc <= 0 or max_months <= 0:
        return Figure(0, formula, inputs)
    if on_hand / amc > (min_months or max_months):
        return Figure(0, formula, inputs)
    return Figure(max(0, ceil(max_months * amc - on_hand)), formula, inputs)


def reorder_point(daily: Fraction, lead_days: Fraction, daily_deviation: Fraction, z: Fraction = Z) -> Figure:
    """What has to be there when an order leaves: use in the lead time and a safety stock."""
    inputs: dict[str, Value] = {
        "daily": daily,
        "lead_days": lead_days,
        "daily_deviation": daily_deviation,
        "z": z,
    }
    value = float(daily * lead_days) + float(z * daily_deviation) * sqrt(lead_days)
    return Figure(value, "daily * lead + z * deviation * sqrt(lead)", inputs)


def order_up_to(
    daily: Fraction,
    visit_days: Fraction,
    lead_days: Fraction,
    daily_deviation: Fraction,
    visit_deviation: Fraction,
    z: Fraction = Z,
) -> Figure:
    """The level to fill up to at each visit, unrounded (see `visit_order` for the ceiling)."""
    formula = "daily * (R + L) + z * sqrt((R + L) * daily_deviation^2 + daily^2 * R_deviation^2)"
    inputs: dict[str, Value] = {
        "daily": daily,
        "R": visit_days,
        "L": lead_days,
        "daily_deviation": daily_deviation,
        "R_deviation": visit_deviation,
        "z": z,
    }
    mean, variance = _mean_and_variance(daily, visit_days, lead_days, daily_deviation, visit_deviation)
    return Figure(float(mean) + float(z) * sqrt(variance), formula, inputs)


def visit_order(
    daily: Fraction,
    visit_days: Fraction,
    lead_days: Fraction,
    daily_deviation: Fraction,
    visit_deviation: Fraction,
    usable: int,
    on_the_way: int,
    z: Fraction = Z,
) -> Figure:
    """How much to bring: the order-up-to level less what is usable and on its way, rounded up exactly."""
    level = order_up_to(daily, visit_days, lead_days, daily_deviation, visit_deviation, z)
    mean, variance = _mean_and_variance(daily, visit_days, lead_days, daily_deviation, visit_deviation)
    whole = ceil_with_root(mean, z * z * variance)
    inputs: dict[str, Value] = {
        **level.inputs,
        "S": level.value,
        "usable": usable,
        "on_the_way": on_the_way,
    }
    formula = f"max(0, ceil(S - usable - on_the_way)); S = {level.formula}"
    return Figure(max(0, whole - usable - on_the_way), formula, inputs)


def _mean_and_variance(
    daily: Fraction,
    visit_days: Fraction,
    lead_days: Fraction,
    daily_deviation: Fraction,
    visit_deviation: Fraction,
) -> tuple[Fraction, Fraction]:
    cover = visit_days + lead_days
    return daily * cover, cover * daily_deviation**2 + daily**2 * visit_deviation**2


def ceil_with_root(whole: Fraction, square: Fraction) -> int:
    """The smallest integer at or above `whole + sqrt(square)`, exactly."""
    # sqrt(p/q) = sqrt(p*q)/q; isqrt bounds it from below, so the answer is at most two steps up.
    root = Fraction(isqrt(square.numerator * square.denominator), square.denominator)
    found = ceil(whole + root)
    while found < whole or (found - whole) ** 2 < square:
        found += 1
    return found


def small_demand(rate: Fraction, level: float = LEVEL) -> Figure:
    """The least k with P(Poisson(rate) <= k) >= level; `rate` is the use expected until the next chance."""
    formula = "least k with P(Poisson(rate) <= k) >= level"
    inputs: dict[str, Value] = {"rate": rate, "level": level}
    if not 0 <= rate <= MOST_RATE:
        return unknown("not_a_small_demand", formula, inputs)
    mean = float(rate)
    chance = total = exp(-mean)
    k = 0
    while total < level:
        k += 1
        chance *= mean / k
        total += chance
    return Figure(k, formula, inputs)


def is_small_demand(daily: Fraction, pack_size: int) -> bool:
    """Less than a pack a week."""
    return 7 * daily < pack_size


def tsb(demands: Iterable[int], chance: Fraction, size: Fraction, alpha: Fraction, beta: Fraction) -> Figure:
    """Teunter, Syntetos and Babai's forecast of rare use: the rate after these periods."""
    for demand in demands:
        chance += beta * ((demand > 0) - chance)
        if demand > 0:
            size += alpha * (demand - size)
    inputs: dict[str, Value] = {"p": chance, "z": size, "alpha": alpha, "beta": beta}
    return Figure(chance * size, "p * z", inputs)


def visit_rhythm(visit_days: Sequence[int]) -> tuple[Figure, Figure]:
    """Mean interval between visits and its deviation, in days; None before three intervals were seen."""
    days = sorted(set(visit_days))
    gaps = [later - earlier for earlier, later in pairwise(days)]
    inputs: dict[str, Value] = {"intervals": len(gaps)}
    if len(gaps) < LEAST_INTERVALS:
        few = unknown("too_few_visits", "mean of intervals", inputs)
        return few, unknown("too_few_visits", "deviation of intervals", inputs)
    mean = Fraction(sum(gaps), len(gaps))
    return Figure(mean, "mean of intervals", inputs), Figure(
        deviation([Fraction(gap) for gap in gaps]), "deviation of intervals", inputs
    )


def deviation(values: Sequence[Fraction]) -> Fraction:
    """The sample's standard deviation to a millionth, as a fraction; 0 for fewer than two."""
    if len(values) < 2:
        return Fraction(0)
    mean = sum(values, Fraction(0)) / len(values)
    variance = sum(((value - mean) ** 2 for value in values), Fraction(0)) / (len(values) - 1)
    return Fraction(isqrt(int(variance * 10**12)), 10**6)
