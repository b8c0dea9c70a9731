"""What rules see in records: a real cabinet's, and supplies as tables."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cabinet.cabinet import Cabinet
from edge.cabinet.layout import layout_of
from edge.clock import Clock
from edge.config import settings_of
from edge.record import Reading
from firmware import wire
from ingest.alerts.cold import Spell, samples
from ingest.alerts.contact import Contact, due_ms, levels
from ingest.alerts.watch import KINDS, Supply, seen_in, turns
from ingest.stock.days import begin_ms

MIN_MS = 60_000
SETTINGS = {
    "unit": {"id": "v"},
    "cabinet": {"probe": [{"name": "fridge", "profile": "tight"}], "door_input": "door"},
}


def told_by_a_cabinet() -> list[Reading]:
    """Its probe fails, then falls silent, then speaks; its door opens and closes."""
    cabinet = Cabinet(layout_of(settings_of(SETTINGS, "test").cabinet), 0)
    clock = Clock(1)
    said: list[Reading] = []
    for minute in range(30):
        cc = {2: -12700}.get(minute, 500)
        if not 5 < minute < 20:
            said += cabinet.take(Reading("climate", "fridge", minute * MIN_MS, {"temperature_cc": cc}))
        if minute in (3, 4):
            said += cabinet.take(Reading("door", "door", minute * MIN_MS, {"state": minute == 3}))
        said += cabinet.step(minute * MIN_MS + 1000, clock)
    return said


def worded(reading: Reading) -> dict[str, Any]:
    fields = wire.KINDS[reading.kind].by_name
    return {
        name: fields[name].words[int(value)] if fields[name].words and value is not None else value
        for name, value in reading.values.items()
    }


def test_what_a_cabinet_says_is_seen_for_what_it_is() -> None:
    seen = [
        (one.rule, one.part, one.is_true)
        for reading in told_by_a_cabinet()
        if reading.kind in KINDS
        for one in seen_in(reading.kind, reading.source, worded(reading))
    ]
    assert seen == [
        ("probe_fault", "fridge:no_reply", True),
        ("probe_fault", "fridge:no_reply", False),
        ("door_open", None, True),
        ("door_open", None, False),
        ("probe_silent", "fridge:silent", True),
        ("probe_silent", "fridge:silent", False),
    ]


def test_a_receiver_that_is_silent_is_no_probe_and_a_clock_that_jumps_neither() -> None:
    for source, code, detail in (("gnss", "silent", "/dev/ttyUSB0: nothing comes"), ("clock", "jump", "")):
        (seen,) = seen_in(
            "fault", source, {"part": source, "code": code, "detail": detail, "state": "raised"}
        )
        assert seen.rule == "unit_fault"


@pytest.mark.parametrize(
    ("supply_mv", "undervolted", "lost", "low"),
    [
        (0, None, True, False),
        (3_999, "yes", True, False),
        (11_799, None, False, True),
        (11_800, None, False, False),
        (12_600, "yes", False, True),
        (23_599, None, False, True),
        (23_600, None, False, False),
        (None, "yes", None, True),
        (None, None, None, None),
    ],
)
def test_supplies(
    supply_mv: int | None, undervolted: str | None, lost: bool | None, low: bool | None
) -> None:
    values = {"supply_mv": supply_mv, "is_undervolted": undervolted}
    seen = {one.rule: one.is_true for one in seen_in("power", "unit", values)}
    assert seen == {
        rule: truth for rule, truth in (("power_lost", lost), ("battery_low", low)) if truth is not None
    }


def test_where_low_begins_is_a_setting() -> None:
    def truths(supply_mv: int) -> dict[str, bool | None]:
        seen = seen_in("power", "unit", {"supply_mv": supply_mv}, Supply(2_000, 3_300, 24_500))
        return {one.rule: one.is_true for one in seen}

    assert truths(1_999) == {"power_lost": True, "battery_low": False}
    assert truths(3_299) == {"power_lost": False, "battery_low": True}
    assert truths(3_300) == {"power_lost": False, "battery_low": False}
    assert truths(24_499) == {"power_lost": False, "battery_low": True}
    columns = {"supply_mv": [3_299, 3_299, 3_300, 3_300], "is_undervolted": [None] * 4}
    assert turns(columns, Supply(2_000, 3_300, 24_500)) == [0, 1, 2, 3]
    assert turns(columns) == [0, 3]


SUPPLIES = st.lists(
    st.tuples(
        st.sampled_from([None, 0, 3_999, 11_000, 11_799, 12_600, 24_000]), st.sampled_from([None, 0, 1])
    ),
    min_size=1,
    max_size=40,
)


@given(SUPPLIES)
def test_what_is_left_out_of_a_run_says_what_its_ends_say(supplies: list[tuple[Any, Any]]) -> None:
    columns = dict(zip(("supply_mv", "is_undervolted"), zip(*supplies, strict=True), strict=True))
    words = wire.KINDS["power"].by_name["is_undervolted"].words

    def truths(at: int) -> list[tuple[str, bool | None]]:
        supply, undervolted = supplies[at]
        values = {
            "supply_mv": supply,
            "is_undervolted": None if undervolted is None else words[undervolted],
        }
        return [(seen.rule, seen.is_true) for seen in seen_in("power", "unit", values)]

    kept = turns(columns)
    assert {0, len(supplies) - 1} <= set(kept)
    for at in range(len(supplies)):
        before, after = max(k for k in kept if k <= at), min(k for k in kept if k >= at)
        assert truths(at) in (truths(before), truths(after))
        if at not in kept:
            assert truths(before) == truths(after)


# --- cold and heat


@pytest.mark.parametrize(
    ("spells", "heard_ms", "expected"),
    [
        ([(1, 5, "ended")], None, [(1, True), (5, False)]),
        ([(1, None, "open")], None, [(1, True)]),
        ([(1, 5, "lost")], None, [(1, True), (5, None)]),
        ([(1, 5, "lost")], 5, [(1, True), (5, None)]),
        ([(1, 5, "lost")], 6, [(1, True), (5, False)]),
        ([(1, 5, "ended"), (3, 9, "ended")], None, [(1, True), (9, False)]),
        ([(1, 5, "ended"), (3, None, "open")], None, [(1, True)]),
        ([(1, 9, "ended"), (3, 5, "ended")], None, [(1, True), (9, False)]),
        ([(1, 5, "ended"), (7, 9, "ended")], None, [(1, True), (5, False), (7, True), (9, False)]),
        (
            [(1, 5, "lost"), (20, 22, "ended")],
            None,
            [(1, True), (5, None), (19, False), (20, True), (22, False)],
        ),
    ],
)
def test_excursions_of_one_probe_are_one_condition(
    spells: list[tuple[int, int | None, str]], heard_ms: int | None, expected: list[tuple[int, bool | None]]
) -> None:
    found = samples([Spell(*spell, {}) for spell in spells], heard_ms)
    assert [(one.at_ms, one.is_true) for one in found] == expected


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20), st.sampled_from(["open", "ended", "lost"])))
)
def test_samples_come_in_order_and_the_order_of_excursions_does_not_matter(
    given_spells: list[tuple[int, int, str]],
) -> None:
    spells = [
        Spell(begin, None if state == "open" else begin + length, state, {})
        for begin, length, state in given_spells
    ]
    found = samples(spells, None)
    assert [one.at_ms for one in found] == sorted(one.at_ms for one in found)
    assert samples(spells[::-1], None) == found


# --- people

NURSE = Contact("nurse", "van", "zh", ("act", "look"), (22 * 60, 6 * 60))
CHIEF = Contact("chief", "county", "en", ("act",))
LAST = Contact("last", "", "en", ("act", "look"))


def test_the_nearest_are_told_first_and_those_without_a_site_last() -> None:
    way_up = ["cabinet", "van", "sum", "county"]
    everybody = (LAST, CHIEF, NURSE)
    assert levels(everybody, way_up, "act") == [[NURSE], [CHIEF], [LAST]]
    assert levels(everybody, way_up, "look") == [[NURSE], [LAST]]
    assert levels(everybody, [], "act") == [[LAST]]
    assert levels((), way_up, "act") == []


@pytest.mark.parametrize(
    ("clock", "severity", "due"),
    [
        ("21:59", "look", None),
        ("22:00", "look", 480),
        ("03:00", "look", 180),
        ("06:00", "look", None),
        ("03:00", "act", None),
    ],
)
def test_quiet_hours_are_local(clock: str, severity: str, due: int | None) -> None:
    minute = int(clock[:2]) * 60 + int(clock[3:])
    now_ms = begin_ms(20_000) + minute * MIN_MS
    assert due_ms(NURSE, severity, now_ms) == now_ms + (due or 0) * MIN_MS
    assert due_ms(NURSE._replace(quiet=None), severity, now_ms) == now_ms
    daily = NURSE._replace(quiet=(12 * 60, 14 * 60))
    assert due_ms(daily, "look", begin_ms(20_000) + 13 * 60 * MIN_MS) == begin_ms(20_000) + 14 * 60 * MIN_MS


def test_a_shelf_check_and_the_age_of_lists() -> None:
    checked = {"state": "stable", "missing": 2, "expected": 40, "sure_pct": 99}
    (seen,) = seen_in("inventory", "books", checked)
    assert (seen.rule, seen.part, seen.is_true, seen.numbers["missing"]) == ("books_missing", None, True, 2)
    (seen,) = seen_in("inventory", "books", checked | {"missing": 0, "shelf": "a1"})
    assert (seen.part, seen.is_true) == ("a1", False)
    assert list(seen_in("inventory", "books", checked | {"state": "stopped"})) == []
    (seen,) = seen_in("book", "books", {"event": "lent", "lists_age_s": 4 * 86_400})
    assert (seen.rule, seen.is_true) == ("book_lists_old", True)
    assert list(seen_in("book", "books", {"event": "seen"})) == []
    (seen,) = seen_in("lists", "books", {"state": "taken"})
    assert (seen.rule, seen.is_true) == ("book_lists_old", False)
    assert list(seen_in("lists", "books", {"state": "refused"})) == []
