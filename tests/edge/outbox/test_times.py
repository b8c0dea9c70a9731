"""Boots without a clock are bounded by their neighbours and keep their order."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.outbox.times import Boot, estimated


@pytest.mark.parametrize(
    ("boots", "at", "wanted"),
    [
        ([Boot(1000, 500)], 0, 1000),
        ([Boot(None, 500)], 0, None),
        ([Boot(1000, 500), Boot(None, 100)], 1, 1500),
        ([Boot(1000, 500), Boot(None, 100), Boot(2600, 0)], 1, 2000),  # between 1500 and 2500
        ([Boot(None, 100), Boot(2600, 0)], 0, 2500),
        (
            [Boot(1000, 500), Boot(None, 900), Boot(1600, 0)],
            1,
            1500,
        ),  # bounds that cross: not before the last
    ],
)
def test_a_boot_is_estimated(boots: list[Boot], at: int, wanted: int | None) -> None:
    assert estimated(boots, at) == wanted


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50), st.integers(0, 1000)), min_size=1, max_size=8))
def test_estimates_keep_the_order_and_the_bounds(history: list[tuple[bool, int, int]]) -> None:
    """Boots follow each other with pauses; some never knew the time."""
    boots, now = [], 1_000_000
    for is_known, pause, ran in history:
        now += pause
        boots.append(Boot(now if is_known else None, ran))
        now += ran
    guesses = []
    for at in range(len(boots)):
        guess = estimated(boots, at)
        if guess is not None:
            boots[at] = Boot(guess, boots[at].ran_ms)
            guesses.append((guess, boots[at].ran_ms))
    assert all(first + ran <= later for (first, ran), (later, _) in itertools.pairwise(guesses))
