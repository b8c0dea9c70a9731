"""The judge: the rules one by one, a real logger's six weeks, and what must hold for any readings."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.cabinet.excursion import CALM_MS, REPEAT_MS, Excursion, Judge
from firmware.cabinet.profile import TABLE, Limit, Profile, profile_of
from tests.firmware import cabinet_judge

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.micropython import MicroPython

MINUTE_MS = 60_000
WARM = Profile("warm", 1, (Limit("above", 800, 600),))
BOTH = Profile(
    "both", 1, (Limit("below", 200, 300), Limit("above", 800, 300), Limit("above", 800, 900, "cumulative"))
)
Sample = tuple[int, int]


def told(profile: Profile, samples: Iterable[Sample], *, period_ms: int = MINUTE_MS) -> list[Excursion]:
    """All that the judge tells of samples, the last of them included."""
    judge = Judge(profile, period_ms)
    out: list[Excursion] = []
    at_ms = 0
    for at_ms, value_cc in samples:
        out += judge.take(at_ms, value_cc)
    return out + judge.settle(at_ms + 1)


def plain(found: Iterable[Excursion]) -> list[dict[str, Any]]:
    return [vars(one) for one in found]


def minutes(*values_cc: int) -> list[Sample]:
    return [(number * MINUTE_MS, value_cc) for number, value_cc in enumerate(values_cc)]


def states(found: Sequence[Excursion]) -> list[tuple[str, int]]:
    return [(one.state, one.at_ms // MINUTE_MS) for one in found]


# --- the rules ------------------------------------------------------------------------------------------


def test_a_run_of_exactly_the_limit_breaks_it() -> None:
    assert states(told(WARM, minutes(*[801] * 11))) == [("open", 10)]
    assert told(WARM, minutes(*[801] * 10)) == []


def test_the_fixture_of_the_open_source_rule() -> None:
    """openmsupply/temperature-sensor: a cold run of four minutes at 240 s, a hot one from 13:04 to 13:10."""
    cold = Profile("cold", 1, (Limit("below", 200, 240), Limit("above", 800, 360)))
    (found,) = told(cold, minutes(*[150] * 5))
    assert (found.state, found.limit.direction, found.outside_s) == ("open", "low", 240)
    (found,) = told(cold, minutes(500, 500, 500, 500, *[900] * 7))
    assert (found.began_ms, found.at_ms) == (4 * MINUTE_MS, 10 * MINUTE_MS)


def test_the_comparator_is_part_of_the_rule() -> None:
    assert told(WARM, minutes(*[800] * 100)) == []
    at = Profile("at", 1, (Limit("at_or_above", 800, 600), Limit("at_or_below", -50, 600)))
    assert states(told(at, minutes(*[800] * 11))) == [("open", 10)]
    assert states(told(at, minutes(*[-50] * 11))) == [("open", 10)]
    assert told(at, minutes(*[799, -49] * 11)) == []


def test_the_sensors_own_resolution_counts() -> None:
    assert states(told(WARM, minutes(*[804] * 11))) == [("open", 10)]


def test_an_end_carries_all_its_numbers() -> None:
    found = told(WARM, minutes(500, *[810, 1250, 900] * 5, 700))[-1]
    assert (found.state, found.began_ms, found.ended_ms) == ("ended", MINUTE_MS, 15 * MINUTE_MS)
    assert (found.lowest_cc, found.highest_cc, found.outside_s) == (810, 1250, 14 * 60)


def test_short_runs_break_no_single_rule_but_the_sum_of_them() -> None:
    short = [*[900] * 9, 700] * 4
    assert told(WARM, minutes(*short)) == []
    total = Profile("total", 1, (Limit("above", 800, 1500, "cumulative"),))
    found = told(total, minutes(*short))
    assert [one.state for one in found] == ["open"]
    assert (found[0].began_ms, found[0].outside_s) == (0, 1500)


def test_a_sum_ends_when_it_has_been_calm_and_goes_on_under_its_number() -> None:
    total = Profile("total", 1, (Limit("above", 800, 600, "cumulative"),))
    calm = CALM_MS // MINUTE_MS
    found = told(total, minutes(*[900] * 11, *[700] * (calm + 5), 900, 900, 700))
    assert states(found) == [("open", 10), ("ended", 10 + calm), ("open", 16 + calm)]
    assert {one.number for one in found} == {1}
    assert found[-1].outside_s == 600


def test_it_is_told_again_while_it_lasts() -> None:
    hours = 3
    found = told(WARM, minutes(*[900] * (11 + 60 * hours)))
    assert [one.state for one in found] == ["open"] * (1 + hours)
    assert {(one.number, one.began_ms) for one in found} == {(1, 0)}
    assert found[1].at_ms - found[0].at_ms == REPEAT_MS


def test_a_hole_is_neither_hot_nor_fine() -> None:
    """Nine minutes hot, an hour of nothing, nine minutes hot."""
    hot = minutes(*[900] * 9)
    assert told(WARM, [*hot, *((at + 69 * MINUTE_MS, value) for at, value in hot)]) == []


def test_two_periods_are_no_hole_and_more_are_one() -> None:
    two, more = 2 * MINUTE_MS, 2 * MINUTE_MS + 1
    assert told(WARM, [(number * two, 900) for number in range(6)]) != []
    assert told(WARM, [(number * more, 900) for number in range(60)]) == []


def test_a_probe_that_falls_silent_loses_its_excursion() -> None:
    judge = Judge(WARM, MINUTE_MS)
    found = [one for at, value in minutes(*[900] * 12) for one in judge.take(at, value)]
    found += judge.settle(12 * MINUTE_MS) + judge.settle(13 * MINUTE_MS) + judge.settle(14 * MINUTE_MS)
    assert states(found) == [("open", 10), ("lost", 14)]
    assert found[-1].ended_ms == 11 * MINUTE_MS
    assert judge.open() == []


def test_what_comes_late_is_refused_and_counted() -> None:
    judge = Judge(WARM, MINUTE_MS)
    for at, value in minutes(500, 500, 500):
        judge.take(at, value)
    judge.settle(10 * MINUTE_MS)
    judge.take(2 * MINUTE_MS, 900)
    judge.take(MINUTE_MS, 900)
    assert judge.late == 2


def test_a_profile_that_changed_begins_anew_and_counts_on() -> None:
    judge = Judge(WARM, MINUTE_MS)
    for at, value in minutes(*[900] * 12):
        judge.take(at, value)
    other = Judge(Profile("warm", 2, WARM.limits), MINUTE_MS)
    assert not other.resume(judge.state())
    assert other.open() == []
    found = [one for at, value in minutes(*[900] * 12) for one in other.take(at, value)]
    assert found[0].number == 2


def test_every_profile_of_the_table() -> None:
    rows = {
        (p.name, limit.comparator, limit.limit_cc, limit.limit_s // 60, limit.judgement)
        for p in map(profile_of, TABLE)
        for limit in p.limits
    }
    assert {
        ("refrigerator", "below", -50, 60, "single"),
        ("refrigerator", "above", 800, 600, "single"),
        ("tight", "below", 200, 60, "single"),
        ("tight", "above", 800, 60, "single"),
        ("ultra-low", "below", -9000, 60, "single"),
        ("ultra-low", "above", -6000, 60, "single"),
        ("shipment-1", "at_or_below", -50, 60, "single"),
        ("shipment-1", "at_or_above", 4500, 60, "single"),
        ("shipment-1", "at_or_above", 3000, 600, "cumulative"),
        ("shipment-2", "at_or_above", 4500, 60, "single"),
        ("shipment-2", "at_or_above", 3000, 600, "cumulative"),
        ("shipment-2", "at_or_above", 1000, 1200, "cumulative"),
    } <= rows


# --- any readings ---------------------------------------------------------------------------------------

VALUES = st.sampled_from((100, 199, 200, 500, 800, 801, 900))
SAMPLES = st.lists(st.tuples(st.sampled_from((0, 30, 60, 60, 60, 120, 121, 700)), VALUES), max_size=120).map(
    lambda steps: [
        (1000 * sum(apart for apart, _ in steps[: number + 1]), value)
        for number, (_, value) in enumerate(steps)
    ]
)


@given(SAMPLES, st.randoms(use_true_random=False))
def test_the_order_of_samples_of_one_moment_does_not_matter(
    samples: list[Sample], dice: random.Random
) -> None:
    mixed = sorted(samples, key=lambda sample: (sample[0], dice.random()))
    assert plain(told(BOTH, mixed)) == plain(told(BOTH, samples))


@given(SAMPLES, st.sets(st.integers(0, 120)))
def test_a_restart_at_any_point_changes_nothing(samples: list[Sample], restarts: set[int]) -> None:
    judge = Judge(BOTH, MINUTE_MS)
    out: list[Excursion] = []
    at_ms = 0
    for number, (at_ms, value_cc) in enumerate(samples):
        if number in restarts:
            state: dict[str, Any] = json.loads(json.dumps(judge.state()))
            judge = Judge(BOTH, MINUTE_MS)
            assert judge.resume(state)
        out += judge.take(at_ms, value_cc)
    assert plain(out + judge.settle(at_ms + 1)) == plain(told(BOTH, samples))


@given(SAMPLES)
def test_what_is_told_makes_sense(samples: list[Sample]) -> None:
    found = told(BOTH, samples)
    for one in found:
        assert one.outside_s >= one.limit.limit_s
        assert one.began_ms <= (one.at_ms if one.ended_ms is None else one.ended_ms) <= one.at_ms
        assert one.limit.is_outside(one.lowest_cc)
        assert one.limit.is_outside(one.highest_cc)
    for number in {one.number for one in found}:
        own = [one for one in found if one.number == number]
        assert len({(one.limit, one.began_ms) for one in own}) == 1
        if own[0].limit.judgement == "single":
            assert [one.state for one in own[:-1]] == ["open"] * (len(own) - 1)


@given(SAMPLES)
def test_an_alarm_cannot_flap_faster_than_its_limit(samples: list[Sample]) -> None:
    for limit in BOTH.limits:
        own = [one for one in told(BOTH, samples) if one.limit == limit]
        for before, after in pairwise(one for one in own if one.state == "open"):
            floor_s = limit.limit_s if limit.judgement == "single" else 0
            assert after.at_ms - before.at_ms >= 1000 * floor_s or after.number == before.number


# --- a real logger --------------------------------------------------------------------------------------

BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


def logged(text: str) -> list[tuple[datetime, int, bool]]:
    """Time of the device, 0.01 deg C, and the device's own mark of being outside."""
    rows = re.findall(r"^\t(\d{4}-\d\d-\d\d \d\d:\d\d)\t(-?\d+\.\d)\t?(x?)", text, re.MULTILINE)
    return [
        (datetime.fromisoformat(at).replace(tzinfo=UTC), round(float(t) * 100), bool(x)) for at, t, x in rows
    ]


@pytest.fixture(scope="module")
def log(shared_data: Path) -> str:
    return (shared_data / "fridgetag2L_130500109088.txt").read_text(encoding="utf-8-sig").replace("\r", "")


@pytest.fixture(scope="module")
def excursions(log: str) -> list[Excursion]:
    samples = [(int((at - BEGIN).total_seconds()) * 1000, value_cc) for at, value_cc, _ in logged(log)]
    return told(profile_of("tight"), samples, period_ms=5 * MINUTE_MS)


def test_micropython_judges_the_loggers_weeks_alike(board: MicroPython, log: str) -> None:
    samples = [[int((at - BEGIN).total_seconds()) * 1000, value_cc] for at, value_cc, _ in logged(log)]
    given = ["tight", 5 * MINUTE_MS, samples]
    found = cabinet_judge.told(given)
    assert len(found) > 100
    assert board.call("cabinet_judge.told", given, heap_kib=8192).result == found


def moment(at_ms: int) -> datetime:
    return BEGIN + timedelta(milliseconds=at_ms)


def test_the_loggers_flag_is_our_comparator(log: str) -> None:
    rows = logged(log)
    assert len(rows) == 10_653
    limits = profile_of("tight").limits
    assert all(is_out == any(limit.is_outside(value) for limit in limits) for _, value, is_out in rows)
    assert sum(value in (800, 200) for _, value, _ in rows) == 56


def test_our_alarms_are_the_loggers(excursions: list[Excursion], shared_data: Path) -> None:
    """The device lists the first alarm of a day, and stamps one that runs over midnight anew at 00:00."""
    vectors = json.loads((shared_data / "vectors.json").read_text())
    for direction, key in (("high", "fridgetag2L_hot_alarms"), ("low", "fridgetag2L_cold_alarms")):
        begins: dict[int, Excursion] = {}
        for one in excursions:
            if one.limit.direction == direction and one.state == "open":
                begins.setdefault(one.number, one)
        for day, clock in vectors[key]:
            theirs = datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=UTC)
            ours = min(moment(one.at_ms) for one in begins.values() if moment(one.at_ms) >= theirs)
            assert timedelta(0) <= ours - theirs <= timedelta(minutes=5), (direction, day)


def test_we_alarm_on_no_day_on_which_the_logger_did_not(log: str, excursions: list[Excursion]) -> None:
    blocks = re.findall(
        r"  Date: (\S+)\n.*?\n   0:\n    (.*?)\n   1:\n    (.*?)\n", log, re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 38
    theirs = {
        (day, direction)
        for day, low, high in blocks
        for direction, line in (("low", low), ("high", high))
        if "TS A" in line
    }
    ours = {(moment(one.at_ms).date().isoformat(), one.limit.direction) for one in excursions}
    assert {(day, direction) for day, direction in ours if (day, direction) not in theirs} == set()
    assert "2022-05-10" not in {day for day, _ in ours}
    assert "2022-05-02" not in {day for day, _ in ours}


def test_a_run_of_exactly_an_hour_is_an_hour(excursions: list[Excursion]) -> None:
    first = excursions[0]
    assert (moment(first.at_ms).isoformat(" ", "minutes")[:16], first.outside_s) == ("2022-05-03 10:36", 3600)


def test_minutes_and_extremes_of_a_day_are_the_loggers(log: str) -> None:
    """Minutes within 7, the hole of the first day not bridged; lowest within 0.1, highest within 0.5 K."""
    found = re.findall(
        r"Date: (\S+)\n  Min T: (\S+),.*?\n  Max T: (\S+),.*?\n.*?\n  Alarm:\n   0:\n    t Acc: (\d+).*?\n"
        r"   1:\n    t Acc: (\d+)",
        log,
    )
    assert len(found) == 38
    limits = dict(zip(("low", "high"), profile_of("tight").limits, strict=True))
    for day, lowest, highest, low_min, high_min in found:
        own = [value for at, value, _ in logged(log) if at.date().isoformat() == day]
        for limit, theirs in ((limits["low"], low_min), (limits["high"], high_min)):
            assert abs(5 * sum(limit.is_outside(value) for value in own) - int(theirs)) <= 7, (day, limit)
        assert abs(min(own) / 100 - float(lowest)) <= 0.1 + 1e-9, day
        assert abs(max(own) / 100 - float(highest)) <= 0.5 + 1e-9, day
