from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.stock import consumption
from ingest.stock.consumption import (
    Change,
    VaccinePlan,
    adjusted_consumption,
    amc,
    average,
    days_of_stock,
    forecast_per_month,
    max_stock,
    months_of_stock,
    stock_out_days,
    vaccine_need,
)
from tests.ingest.stock.vectors import vectors

OPENLMIS = vectors().get("openlmis", {})


@pytest.mark.parametrize("case", OPENLMIS.get("adjusted_consumption", []))
def test_adjusted_consumption_of_openlmis(case: dict[str, int]) -> None:
    used, days, months = case["consumed"], case["stockout_days"], case["months"]
    assert adjusted_consumption(used, days, months, case.get("additional", 0)).value == case["expect"]


@pytest.mark.parametrize(
    ("case", "expect"),
    [((21, 20, 3), 27), ((0, 5, 3, 7), 0), ((20, 90, 3, 7), 20), ((20, 0, 3), 20)],
)
def test_adjusted_consumption_is_exact(case: tuple[int, ...], expect: int) -> None:
    assert adjusted_consumption(*case).value == expect


def test_more_stock_out_days_than_days_are_refused() -> None:
    with pytest.raises(ValueError, match="91 stock-out days"):
        adjusted_consumption(20, 91, 3)
    with pytest.raises(ValueError, match="91 stock-out days"):
        amc(20, 91)


@pytest.mark.parametrize(("values", "expect"), OPENLMIS.get("average", []))
def test_average_of_openlmis(values: list[int], expect: int) -> None:
    assert average(values).value == expect


def test_the_rest_of_openlmis() -> None:
    for case in OPENLMIS.get("soh", []):
        assert (
            consumption.on_hand(case["begin"], case["received"], case["adjust"], case["consumed"])
            == case["expect"]
        )
    for case in OPENLMIS.get("consumed", []):
        assert (
            consumption.consumed(case["begin"], case["received"], case["adjust"], case["soh"])
            == case["expect"]
        )
    for case in OPENLMIS.get("max_stock", []):
        periods = Fraction(str(case["periods"]))
        assert max_stock(Fraction(case["amc"]), periods).value == case["expect"]
    assert consumption.on_hand(0, 0, 5 + 10 - 2 - 7, 0) == 6


def test_amc_shows_its_inputs() -> None:
    found = amc(90, 15)
    assert found.value == 36
    assert (found.inputs["days"], found.inputs["months"], found.inputs["stock_out_days"]) == (90, 3, 15)
    assert amc(90, 15, transfers=30).value == 24


def test_what_is_not_known_is_not_zero() -> None:
    assert (amc(0, 90).value, amc(0, 90).why) == (None, "always_stocked_out")
    unused = months_of_stock(10, amc(0, 0))
    assert (unused.value, unused.why) == (None, "no_use_seen")
    assert days_of_stock(10, amc(0, 90)).why == "always_stocked_out"
    assert months_of_stock(18, amc(90, 15)).value == Fraction(1, 2)
    assert days_of_stock(18, amc(90, 15)).value == 15
    assert average([]).value is None


def test_forecast_and_vaccine() -> None:
    assert forecast_per_month(10, 90).value == 4
    plan = VaccinePlan(
        1000, Fraction(1, 50), 3, Fraction(9, 10), Fraction(1, 10), Fraction(1), Fraction(3), 10
    )
    assert vaccine_need(plan).value == 2


@given(st.integers(0, 10**6), st.integers(0, 89), st.integers(0, 89))
def test_amc_never_falls_by_more_stock_out_days(used: int, one: int, other: int) -> None:
    few, many = sorted((one, other))
    low, high = amc(used, few).exact, amc(used, many).exact
    assert low is not None
    assert high is not None
    assert high >= low


# --- stock-out days of a book


def days_by_hand(changes: list[Change], expires: dict[str, int | None], first: int, last: int) -> int:
    """Day by day, the slow way: every state that the day saw."""
    count = 0
    for day in range(first, last + 1):
        states = [[change for change in changes if change.day < day]]
        for at, change in enumerate(changes):
            if change.day == day:
                states.append(changes[: at + 1])
        usable = []
        for state in states:
            lots: dict[str, int] = {}
            for change in state:
                lots[change.lot] = lots.get(change.lot, 0) + change.quantity
            usable.append(
                sum(
                    quantity
                    for lot, quantity in lots.items()
                    if quantity < 0 or (expiry := expires.get(lot)) is None or expiry >= day
                )
            )
        is_used = any(change.day == day and change.is_dispense for change in changes)
        count += max(usable) <= 0 and not is_used
    return count


changes = st.lists(
    st.builds(
        Change,
        st.integers(-5, 40),
        st.sampled_from(["a", "b", ""]),
        st.integers(-6, 8),
        st.booleans(),
    ),
    max_size=12,
).map(lambda found: sorted(found, key=lambda change: change.day))
expiries = st.fixed_dictionaries({"a": st.none() | st.integers(-5, 40), "b": st.none() | st.integers(0, 30)})


@given(changes, expiries)
def test_stock_out_days_are_those_counted_by_hand(book: list[Change], expires: dict[str, Any]) -> None:
    assert stock_out_days(book, expires, 0, 30) == days_by_hand(book, expires, 0, 30)


@given(changes, expiries, st.integers(0, 25), st.integers(1, 5))
def test_amc_of_a_book_never_falls_because_of_a_stock_out(
    book: list[Change], expires: dict[str, Any], day: int, length: int
) -> None:
    """Empty the shelf for some days on which nothing was dispensed: the average does not fall."""
    quiet = [change for change in book if not (day <= change.day < day + length)]
    before = [change for change in quiet if change.day < day]
    held: dict[str, int] = {}
    for change in before:
        held[change.lot] = held.get(change.lot, 0) + change.quantity
    by_size = sorted(held.items(), key=lambda found: found[1])
    emptied = [Change(day, lot, -quantity) for lot, quantity in reversed(by_size)]
    filled = [Change(day + length, lot, quantity) for lot, quantity in by_size]
    after = [change for change in quiet if change.day >= day + length]
    used = sum(-change.quantity for change in quiet if change.is_dispense and change.quantity < 0)
    plain = amc(used, stock_out_days(quiet, expires, 0, 89)).exact
    short = amc(used, stock_out_days([*before, *emptied, *filled, *after], expires, 0, 89)).exact
    if plain is not None and short is not None:
        assert short >= plain
