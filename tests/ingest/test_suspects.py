"""What an excursion puts under suspicion, in whatever order records come, and one alert for each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.ledger import items, lots, sites, stock_import, suspects
from ingest.ledger.items import Item
from ingest.ledger.lots import LotState
from ingest.ledger.sites import Site
from ingest.stock.coldchain import Reason
from ingest.stock.profiles import PROFILES, Limit
from ingest.stock.suspicion import Outside, presence, suspicions
from ingest.stock.way import Step
from tests.ingest.alerts.office import Office
from tests.ingest.made import NOW_MS

MIN_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
TIGHT = PROFILES["tight"]
WARM = Outside(Limit("above", 800, 60), 0, 90 * MIN_MS, 90 * MIN_MS, 500)


def found(one: Outside, from_ms: int, to_ms: int, **more: Any) -> list[tuple[str, float]]:
    known: dict[str, Any] = {"profile": TIGHT, "is_freeze_sensitive": False} | more
    return [(why.code, why.measured) for why in suspicions(one, from_ms, to_ms, **known)]


def test_what_lay_there_for_longer_than_it_may_is_suspect() -> None:
    assert found(WARM, -DAY_MS, DAY_MS) == [("too_warm_single", 90)]
    assert found(WARM, 30 * MIN_MS, DAY_MS) == [("too_warm_single", 60)]
    assert found(WARM, 31 * MIN_MS, DAY_MS) == [], "it came too late to have been out for an hour"
    assert found(WARM._replace(ended_ms=None), -DAY_MS, DAY_MS) == [("too_warm_single", 90)]
    assert found(WARM, -DAY_MS, DAY_MS, profile=None) == []


def test_another_limit_counts_only_where_it_is_surely_broken() -> None:
    hot = WARM._replace(limit=Limit("at_or_above", 4500, 60))
    assert found(hot, -DAY_MS, DAY_MS) == [("too_warm_single", 90)]
    mild = WARM._replace(limit=Limit("above", 750, 60))
    assert found(mild, -DAY_MS, DAY_MS) == [], "who was above 7.5 need not have been above 8"
    summed = WARM._replace(limit=Limit("above", 800, 60, "cumulative"))
    assert found(summed, -DAY_MS, DAY_MS) == [], "a sum of runs is not one run"


def test_what_must_not_freeze_is_suspect_where_it_froze() -> None:
    cold = Outside(Limit("below", 200, 60), 0, HOUR_MS, HOUR_MS, -60)
    assert suspicions(cold, HOUR_MS - 1, DAY_MS, None, is_freeze_sensitive=True) == [
        Reason("frozen", -0.6, -0.5, "deg C")
    ]
    assert found(cold._replace(lowest_cc=-49), 0, 1, is_freeze_sensitive=True) == []


def test_a_lot_lies_there_while_its_balance_is_above_zero() -> None:
    steps = [Step(10, 5), Step(20, -5), Step(30, -1), Step(40, 3)]
    assert list(presence(steps, 99)) == [(10, 20), (40, 99)]


# --- in the ledger


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    furnish(made)
    return made


def furnish(office: Office) -> None:
    office.furnish()

    def work(ledger: Any) -> None:
        items.put(ledger, Item("ors", profile="tight"))
        items.put(ledger, Item("gauze"))
        sites.put(ledger, Site("cabinet", parent="van", level="cabinet"))
        stock_import.changed(ledger)

    office.change(work)


def move(office: Office, kind: str, pieces: int, at_ms: int, lot: str = "A", **more: Any) -> None:
    said: dict[str, Any] = {"move": kind, "item": "ors", "lot": lot, "pieces": pieces} | more
    office.tell("move", at_ms, **said)


def warm(office: Office, number: int, began_ms: int, ended_ms: int) -> None:
    values = {
        "number": number,
        "state": "ended",
        "direction": "high",
        "judgement": "single",
        "comparator": "above",
        "limit_cc": 800,
        "limit_s": 3600,
        "outside_s": (ended_ms - began_ms) // 1000,
        "lowest_cc": 500,
        "highest_cc": 1150,
        "profile": "tight",
        "profile_version": 1,
        "began_ago_ms": ended_ms - began_ms,
        "ended_ago_ms": 0,
    }
    office.tell("excursion", ended_ms, "fridge", **values)


def decide(office: Office, site: str, lot: str, *, is_held: bool) -> None:
    office.now_ms += 1
    state = LotState(site, "ors", lot, is_held, None, "looked at", "nurse", office.now_ms)

    def work(ledger: Any) -> None:
        lots.decide(ledger, state)
        stock_import.changed(ledger)

    office.change(work)
    office.work()


def standing(office: Office) -> list[tuple[str, str, list[str]]]:
    return [
        (one.site, one.lot, [why.code for why in one.reasons])
        for one in suspects.listed(office.ledger, None, None, 100, 0)
    ]


def test_an_excursion_is_one_alert_until_each_lot_is_decided(office: Office) -> None:
    for lot in ("A", "B"):
        move(office, "receive", 20, NOW_MS - DAY_MS, lot)
    move(office, "receive", 5, NOW_MS - DAY_MS, "", item="gauze")
    warm(office, 1, NOW_MS - 5 * HOUR_MS, NOW_MS - 3 * HOUR_MS)
    office.work()
    assert standing(office) == [("van", lot, ["too_warm_single"]) for lot in "AB"]
    (alert,) = office.alerts("open", "quarantine")
    assert (alert.since_ms, alert.numbers["lots"], alert.numbers["names"]) == (
        NOW_MS - 5 * HOUR_MS,
        2,
        "A, B",
    )
    move(office, "transfer", 8, NOW_MS - HOUR_MS, "A", to_site="cabinet")
    office.work()
    assert [place for place, *_ in standing(office)] == ["cabinet", "van", "van"], "it goes with the lot"
    decide(office, "van", "A", is_held=True)
    decide(office, "cabinet", "A", is_held=False)
    assert standing(office) == [("van", "B", ["too_warm_single"])]
    move(office, "discard", 20, NOW_MS + 4, "B")
    office.wait(5)
    assert standing(office) == []
    (alert,) = office.alerts(rule="quarantine")
    assert (alert.state, alert.over_ms) == ("resolved", NOW_MS + 4)
    warm(office, 2, NOW_MS - 2 * HOUR_MS, NOW_MS - HOUR_MS)
    office.work()
    assert standing(office) == [], "a person has released it since"


def test_what_comes_late_says_that_nothing_lay_there(office: Office) -> None:
    move(office, "receive", 20, NOW_MS - DAY_MS)
    warm(office, 1, NOW_MS - 5 * HOUR_MS, NOW_MS - 3 * HOUR_MS)
    office.work()
    move(office, "discard", 20, NOW_MS - 6 * HOUR_MS)
    office.work()
    assert (standing(office), office.states()["quarantine"]) == ([], "withdrawn")


def test_the_list_is_of_a_part_of_the_tree_and_in_pages(office: Office) -> None:
    move(office, "receive", 20, NOW_MS - DAY_MS)
    move(office, "receive", 20, NOW_MS - DAY_MS, "B")
    warm(office, 1, NOW_MS - 5 * HOUR_MS, NOW_MS - 3 * HOUR_MS)
    office.work()
    ledger = office.ledger
    assert [suspects.count(ledger, under, None) for under in ("county", "cabinet")] == [2, 0]
    assert suspects.count(ledger, None, "gauze") == 0
    pages = [suspects.listed(ledger, "sum", "ors", 1, at) for at in (0, 1, 2)]
    assert [[one.lot for one in page] for page in pages] == [["A"], ["B"], []]


TELLINGS = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), st.integers(2, 40), st.sampled_from("AB")),
        st.tuples(st.just("dispense"), st.integers(2, 40), st.sampled_from("AB")),
        st.tuples(st.just("transfer"), st.integers(2, 40), st.sampled_from("AB")),
        st.tuples(st.just("warm"), st.integers(2, 40), st.integers(0, 5)),
    ),
    min_size=2,
    max_size=7,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(TELLINGS, st.randoms(use_true_random=False))
def test_late_and_shuffled_records_give_the_same_suspects_and_alerts(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[Any, ...]], dice: Any
) -> None:
    def teller(office: Office, number: int, one: tuple[Any, ...]) -> Callable[[], None]:
        what, hours, more = one
        at_ms = NOW_MS - hours * HOUR_MS - number  # never two at once: their order would be that of arrival
        if what == "warm":
            return lambda: warm(office, number, at_ms - more * HOUR_MS, at_ms)
        to = {"to_site": "cabinet"} if what == "transfer" else {}
        return lambda: move(office, what, 5, at_ms, more, **to)

    results = []
    for is_shuffled in (False, True):
        office = Office(tmp_path_factory.mktemp("office"))
        furnish(office)
        tellers = [teller(office, number, one) for number, one in enumerate(told)]
        if is_shuffled:
            dice.shuffle(tellers)
        for tell in tellers:
            tell()
            if dice.random() < 0.4:
                office.work()
        office.wait(DAY_MS)
        alerts = [
            (one.part, one.since_ms, one.over_ms, one.numbers)
            for one in office.alerts(rule="quarantine")
            if one.state != "withdrawn"
        ]
        results.append((standing(office), sorted(alerts, key=str)))
        office.ledger.close()
    assert results[0] == results[1]
