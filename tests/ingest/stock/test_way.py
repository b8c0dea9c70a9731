"""The way of a lot by the book."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingest.stock.way import MOST_SITES, Leg, Step, Way, ways


def by(books: dict[str, Sequence[Step]], site: str, to_ms: int = 100) -> list[Way]:
    return ways(lambda name: sorted(books.get(name, ()), key=lambda step: step.time_ms), site, to_ms)


STORE = [Step(0, 100), Step(10, -40, "van")]
VAN = [Step(12, 40, "store"), Step(30, -5, "home")]


def test_a_lot_comes_from_the_store_by_the_vehicle_to_the_cabinet() -> None:
    books = {"store": STORE, "van": VAN, "home": [Step(31, 5, "van"), Step(40, -1)]}
    way = (
        Leg("store", 0, 10),
        Leg(None, 10, 12),
        Leg("van", 12, 30),
        Leg(None, 30, 31),
        Leg("home", 31, 100),
    )
    assert by(books, "home") == [way]
    assert by(books, "van") == [(*way[:2], Leg("van", 12, 100))]
    assert by(books, "store") == [(Leg("store", 0, 100),)]
    assert by(books, "elsewhere") == []


def test_what_went_and_came_anew_begins_anew() -> None:
    assert by({"home": [Step(1, 5), Step(9, -5), Step(20, 3)]}, "home") == [(Leg("home", 20, 100),)]


def test_what_came_twice_has_two_ways() -> None:
    assert by({"home": [Step(1, 5), Step(9, -4), Step(20, 3)]}, "home") == [
        (Leg("home", 1, 100),),
        (Leg("home", 20, 100),),
    ]


def test_a_sender_that_booked_late_or_never_is_taken_until_the_arrival() -> None:
    late = {"van": [Step(0, 9), Step(50, -9, "home")], "home": [Step(30, 9, "van")]}
    assert by(late, "home") == [(Leg("van", 0, 30), Leg("home", 30, 100))]
    assert by({"home": [Step(30, 9, "van")]}, "home") == [(Leg("home", 30, 100),)]


def test_a_balance_below_zero_has_no_way() -> None:
    assert by({"home": [Step(1, -3), Step(2, 3)]}, "home") == []


SITES = ("store", "van", "home")
BOOKS = st.dictionaries(
    st.sampled_from(SITES),
    st.lists(
        st.builds(Step, st.integers(0, 99), st.integers(-9, 9), st.sampled_from((None, *SITES))), max_size=8
    ),
)


@given(BOOKS, st.sampled_from(SITES))
def test_legs_follow_each_other_and_end_now(books: dict[str, list[Step]], site: str) -> None:
    for way in by(books, site):
        assert way[-1].site == site
        assert way[-1].to_ms == 100
        assert len([leg for leg in way if leg.site is not None]) <= MOST_SITES
        for leg, after in pairwise(way):
            assert leg.from_ms <= leg.to_ms == after.from_ms
