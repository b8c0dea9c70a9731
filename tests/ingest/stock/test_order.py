from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.stock.order import (
    ceil_with_root,
    deviation,
    is_small_demand,
    order,
    order_up_to,
    reorder_point,
    small_demand,
    suggested,
    tsb,
    visit_order,
    visit_rhythm,
)
from tests.ingest.stock.vectors import vectors

HALF = Fraction(1, 2)
TENTH = Fraction(1, 10)


def test_order_of_openlmis() -> None:
    for case in vectors().get("openlmis", {}).get("order", []):
        assert order(case["max"], case["soh"]).value == case["expect"]
    assert order(5, 10).value == 0


@pytest.mark.parametrize(
    ("amc", "on_hand", "least", "most", "expect"),
    [
        (10, 15, 2, 4, 25),
        (10, 25, 2, 4, 0),
        (10, 25, 0, 4, 15),
        (3, 8, 0, 3, 1),
        (0, 8, 2, 4, 0),
        (10, 15, 2, 0, 0),
        (10, 20, 2, 4, 20),
    ],
)
def test_suggested_by_msupply(amc: int, on_hand: int, least: int, most: int, expect: int) -> None:
    assert suggested(Fraction(amc), on_hand, Fraction(least), Fraction(most)).value == expect


def test_suggested_is_exact_where_a_float_is_not() -> None:
    third = Fraction(1, 3)
    assert suggested(9 * third, 8, Fraction(0), Fraction(3)).value == 1


def test_reorder_point() -> None:
    assert reorder_point(Fraction(2), Fraction(9), Fraction(1)).value == pytest.approx(22.935)


def test_order_up_to_for_a_visited_site() -> None:
    level = order_up_to(HALF, Fraction(14), Fraction(2), Fraction("0.6"), Fraction(3))
    assert level.value == pytest.approx(12.656, abs=5e-4)
    assert level.inputs["R"] == 14
    asked = visit_order(HALF, Fraction(14), Fraction(2), Fraction("0.6"), Fraction(3), 4, 2)
    assert asked.value == 7
    assert visit_order(HALF, Fraction(14), Fraction(2), Fraction("0.6"), Fraction(3), 40, 0).value == 0


@given(st.fractions(0, 1000, max_denominator=1000), st.fractions(0, 1000, max_denominator=1000))
def test_a_ceiling_over_a_root_is_exact(whole: Fraction, square: Fraction) -> None:
    found = ceil_with_root(whole, square)
    assert found >= whole
    assert (found - whole) ** 2 >= square
    assert found - 1 < whole or (found - 1 - whole) ** 2 < square


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_whole_root_is_not_rounded_up(whole: int, root: int) -> None:
    assert ceil_with_root(Fraction(whole), Fraction(root) ** 2) == whole + root


@pytest.mark.parametrize(("rate", "expect"), [("0.5", 2), ("1", 3), ("2", 5), ("4", 8), ("0", 0)])
def test_small_demand(rate: str, expect: int) -> None:
    assert small_demand(Fraction(rate)).value == expect


def test_large_demand_is_not_small() -> None:
    assert small_demand(Fraction(501)).why == "not_a_small_demand"
    assert is_small_demand(Fraction(1, 8), 1)
    assert not is_small_demand(Fraction(1, 7), 1)


def test_tsb() -> None:
    found = tsb([0, 3, 0], HALF, Fraction(2), TENTH, TENTH)
    assert found.value == Fraction("0.95445")


def test_the_rhythm_of_visits_is_measured_or_unknown() -> None:
    assert [figure.why for figure in visit_rhythm([0, 14, 28])] == ["too_few_visits"] * 2
    mean, scatter = visit_rhythm([0, 14, 26, 42, 42])
    assert mean.value == 14
    assert scatter.value == 2


@given(st.lists(st.integers(0, 100).map(Fraction), min_size=2, max_size=20))
def test_deviation_is_that_of_the_sample(values: list[Fraction]) -> None:
    mean = sum(values) / len(values)
    exact = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
    assert float(deviation(values)) == pytest.approx(exact, abs=1e-5)


@given(st.integers(0, 1000), st.integers(1, 50), st.integers(0, 3000), st.integers(0, 12))
def test_a_suggested_order_reaches_the_most_and_no_further(
    tenths: int, most: int, on_hand: int, least: int
) -> None:
    amc = Fraction(tenths, 10)
    asked = suggested(amc, on_hand, Fraction(least), Fraction(most)).value
    assert isinstance(asked, int)
    if asked:
        assert on_hand + asked == ceil(most * amc)
