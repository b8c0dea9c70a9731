"""The ladder of trust: tables of what is believed, and properties that no evidence can break."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import (
    AGREEING,
    AGREEING_CORRECTED,
    DAY_MS,
    JUMP_SPAN_MS,
    ROLLOVER_MS,
    STEP_MS,
    YEAR_MS,
    Clock,
)
from firmware import wire


def ms(text):
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp() * 1000)


FLOOR = ms("2026-11-01T00:00:00")
NOW = ms("2026-11-21T09:00:00")  # the UTC of the boot in these tests


def fixes(clock, boot_at_ms, count, start_ms=10_000, period_ms=1000, jitter_ms=0):
    """Offer so many fixes; what was set, in order."""
    given_ = []
    for number in range(count):
        mono_ms = start_ms + number * period_ms
        late_ms = jitter_ms if number % 2 else 0
        given_.append(clock.offer("gnss", boot_at_ms + mono_ms, mono_ms + late_ms))
    return [clock_set for clock_set in given_ if clock_set is not None]


def test_without_evidence_time_counts_from_boot():
    clock = Clock(FLOOR)
    assert clock.time_of(1234) == (1234, 0, "none")
    assert clock.boot_at_ms is None
    assert clock.own_time(NOW, 0) is None


def test_gnss_is_earned_by_agreement():
    clock = Clock(FLOOR)
    assert fixes(clock, NOW, AGREEING - 1) == []
    assert clock.word == "none"
    (clock_set,) = fixes(clock, NOW, 1, start_ms=12_000)
    assert clock_set.boot_at_ms == NOW
    assert clock_set.time_ms == NOW + 12_000
    assert (clock_set.was, clock_set.clock, clock_set.step_ms) == ("none", "gnss", NOW)
    assert clock.time_of(0) == (NOW, NOW, "gnss")


def test_agreement_takes_time_also_at_ten_hertz():
    clock = Clock(FLOOR)
    assert fixes(clock, NOW, 15, period_ms=100) == []
    assert len(fixes(clock, NOW, 1, start_ms=11_500, period_ms=100)) == 1


def test_a_stopped_clock_never_agrees():
    clock = Clock(FLOOR)
    for mono_ms in range(0, 100_000, 100):
        assert clock.offer("gnss", NOW, mono_ms) is None


@pytest.mark.parametrize(("source", "word"), [("rtc", "rtc"), ("ntp", "ntp")])
def test_the_system_is_believed_at_once(source, word):
    clock = Clock(FLOOR)
    clock_set = clock.offer(source, NOW + 500, 500)
    assert (clock_set.was, clock_set.clock, clock_set.boot_at_ms) == ("none", word, NOW)


@pytest.mark.parametrize(
    ("utc", "corrected"),
    [
        ("2026-11-21T09:00:00", "2026-11-21T09:00:00"),
        ("2007-04-07T09:00:00", "2026-11-21T09:00:00"),  # 1,024 weeks back
        ("1980-01-06T00:00:00", None),  # canned: would be 1999
        ("1999-08-22T00:02:31", None),  # would be 2019, long before the build
        ("2006-12-16T23:59:48", None),  # would be 2026-08-01
        ("2080-01-05T00:00:00", None),  # two digits read as 80
        ("2099-08-22T00:00:00", None),
        ("1970-01-01T00:00:00", None),
    ],
)
def test_weeks_that_rolled_over(utc, corrected):
    assert Clock(FLOOR).corrected_utc(ms(utc)) == (None if corrected is None else ms(corrected))


def test_april_2019_is_put_right_by_a_floor_of_its_time():
    clock = Clock(ms("2019-04-01T00:00:00"))
    assert clock.corrected_utc(ms("1999-08-22T00:02:31")) == ms("2019-04-07T00:02:31")


def test_a_corrected_date_is_asked_for_longer():
    clock = Clock(FLOOR)
    assert fixes(clock, NOW - ROLLOVER_MS, AGREEING_CORRECTED - 1) == []
    assert len(fixes(clock, NOW - ROLLOVER_MS, 1, start_ms=10_000 + 1000 * (AGREEING_CORRECTED - 1))) == 1
    assert clock.boot_at_ms == NOW


def test_a_corrected_date_with_a_second_source_is_not():
    clock = Clock(FLOOR)
    clock.offer("rtc", NOW, 0)
    (clock_set,) = fixes(clock, NOW - ROLLOVER_MS + 2000, AGREEING)
    assert (clock_set.was, clock_set.step_ms) == ("rtc", 2000)


@pytest.mark.parametrize("utc_ms", [0, FLOOR - 1, FLOOR + 20 * YEAR_MS + 1, ms("1980-01-06T00:00:00")])
@pytest.mark.parametrize("source", ["rtc", "ntp"])
def test_out_of_bounds_is_refused_and_counted(source, utc_ms):
    clock = Clock(FLOOR)
    assert clock.offer(source, utc_ms, 0) is None
    assert clock.word == "none"
    assert clock.refused == 1


LAST_GOOD = NOW + DAY_MS  # as a unit remembers it whose clock was wrong: the true time is before it


def test_true_time_shortly_before_the_last_good_is_no_lost_week():
    """A clock on board that was minutes fast would else make the year 2046 of what the sky says."""
    clock = Clock(FLOOR, NOW + 60_000)
    assert fixes(clock, NOW, 300)[0].boot_at_ms == NOW


def test_a_wrong_date_of_an_earlier_boot_does_not_stay_in_the_way():
    for source in ("gnss", "ntp"):
        clock = Clock(FLOOR, LAST_GOOD)
        for mono_ms in range(0, JUMP_SPAN_MS, 1000):
            assert clock.offer(source, NOW + mono_ms, mono_ms) is None
        assert clock.refused == JUMP_SPAN_MS // 1000, "it is told"
        assert clock.offer(source, NOW + JUMP_SPAN_MS, JUMP_SPAN_MS).boot_at_ms == NOW


def test_a_clock_on_board_that_goes_back_is_not_believed():
    clock = Clock(FLOOR, LAST_GOOD)
    for mono_ms in range(0, 4 * JUMP_SPAN_MS, 1000):
        assert clock.offer("rtc", NOW + mono_ms, mono_ms) is None
    assert clock.offer("rtc", LAST_GOOD, 0).clock == "rtc"


def test_mtk_3301_says_1980_until_it_knows():
    clock = Clock(ms("2008-08-01T00:00:00"))
    for second in range(60):
        assert clock.offer("gnss", ms("1980-01-05T23:59:46") + second * 1000, second * 1000) is None
    now_ms = ms("2008-08-23T08:14:36")
    given_ = [clock.offer("gnss", now_ms + second * 1000, 100_000 + second * 1000) for second in range(3)]
    assert given_[2].time_ms == now_ms + 2000


@pytest.mark.parametrize(
    ("first", "second", "moves"),
    [
        ("gnss", "ntp", False),
        ("gnss", "rtc", False),
        ("ntp", "rtc", False),
        ("rtc", "ntp", True),
    ],
)
def test_what_ranks_lower_never_moves_what_ranks_higher(first, second, moves):
    clock = Clock(FLOOR)
    for second_ms in range(0, 5000, 1000):
        clock.offer(first, NOW + second_ms, second_ms)
    assert clock.word == first
    for second_ms in range(10_000, 90_000, 1000):
        clock.offer(second, NOW + 7000 + second_ms, second_ms)
    assert clock.boot_at_ms == (NOW + 7000 if moves else NOW)
    assert clock.word == (second if moves else first)


def test_a_step_within_the_jitter_raises_the_rank_only():
    clock = Clock(FLOOR)
    clock.offer("ntp", NOW + STEP_MS, 0)
    (clock_set,) = fixes(clock, NOW, AGREEING)
    assert (clock_set.was, clock_set.clock, clock_set.step_ms) == ("ntp", "gnss", 0)
    assert clock.boot_at_ms == NOW + STEP_MS


def test_boot_at_stays_while_the_line_jitters():
    clock = Clock(FLOOR)
    assert len(fixes(clock, NOW, 1000, jitter_ms=STEP_MS - 1)) == 1
    assert clock.boot_at_ms == NOW


def test_evidence_of_two_sources_may_alternate():
    clock = Clock(FLOOR)
    for mono_ms in range(0, 10_000, 1000):
        clock.offer("ntp", NOW + mono_ms, mono_ms)
        clock.offer("gnss", NOW + mono_ms + 100, mono_ms + 100)
    assert clock.word == "gnss"


@pytest.mark.parametrize("jump_ms", [-3 * 3600_000, 600, -600, 3600_000, 400 * DAY_MS])
def test_single_spoofed_fixes_move_nothing(jump_ms):
    clock = Clock(FLOOR)
    fixes(clock, NOW, AGREEING)
    for mono_ms in range(20_000, 200_000, 1000):
        is_spoofed = mono_ms // 1000 % 3 != 0  # two of three, yet never three in a row
        assert clock.offer("gnss", NOW + mono_ms + (jump_ms if is_spoofed else 0), mono_ms) is None
    assert clock.boot_at_ms == NOW
    assert clock.refused == (0 if abs(jump_ms) < 1000 else 120), "a late sentence is no lie"


@pytest.mark.parametrize(
    ("jump_ms", "count"), [(3600_000, JUMP_SPAN_MS // 1000 + 1), (20_000, AGREEING), (-18_000, AGREEING)]
)
def test_a_jump_that_agrees_for_long_enough_is_a_step_and_can_be_undone(jump_ms, count):
    clock = Clock(FLOOR)
    fixes(clock, NOW, AGREEING)
    assert fixes(clock, NOW + jump_ms, count - 1, start_ms=20_000) == []
    (away,) = fixes(clock, NOW + jump_ms, 1, start_ms=19_000 + 1000 * count)
    assert (away.was, away.clock, away.step_ms) == ("gnss", "gnss", jump_ms)
    (back,) = fixes(clock, NOW, count, start_ms=20_000 + 1000 * count)
    assert back.step_ms == -jump_ms
    assert clock.boot_at_ms == NOW
    assert clock.refused == 2 * (count - 1)


def test_ntp_that_steps_needs_agreement_too():
    clock = Clock(FLOOR)
    clock.offer("ntp", NOW, 0)
    assert clock.offer("ntp", NOW + 61_000, 1000) is None
    assert clock.offer("ntp", NOW + 62_000, 2000) is None
    assert clock.offer("ntp", NOW + 63_000, 3000).step_ms == 60_000
    assert clock.refused == 2


def test_the_least_delayed_fix_sets_the_clock():
    clock = Clock(FLOOR)
    clock.offer("gnss", NOW, 400)
    clock.offer("gnss", NOW + 1000, 1010)
    clock.offer("gnss", NOW + 2000, 2300)
    assert clock.boot_at_ms == NOW - 10


@pytest.mark.parametrize(
    ("off_ms", "expected_ms"),
    [(0, 0), (-900, -900), (-1100, None), (3600_000, None), (-ROLLOVER_MS, 0)],
)
def test_a_fix_dates_its_record_only_near_the_clock(off_ms, expected_ms):
    clock = Clock(FLOOR)
    fixes(clock, NOW, AGREEING)
    own_ms = clock.own_time(NOW + 50_000 + off_ms, 50_000)
    assert own_ms == (None if expected_ms is None else NOW + 50_000 + expected_ms)


evidence = st.tuples(
    st.sampled_from(["rtc", "ntp", "gnss"]),
    st.one_of(st.integers(-(2**40), 2**43), st.integers(NOW - DAY_MS, NOW + DAY_MS), st.just(NOW)),
    st.integers(0, 5000),
)


@given(st.lists(evidence, max_size=60))
def test_nothing_breaks_the_ladder(offers):
    clock = Clock(FLOOR)
    mono_ms = 0
    for source, boot_at_ms, pause_ms in offers:
        mono_ms += pause_ms
        before, word = clock.boot_at_ms, clock.word
        clock_set = clock.offer(source, boot_at_ms + mono_ms, mono_ms)
        assert wire.CLOCKS.index(clock.word) >= wire.CLOCKS.index(word)
        assert (clock_set is None) == (clock.boot_at_ms == before and clock.word == word)
        time_ms, at_ms, _ = clock.time_of(mono_ms)
        if clock_set is not None:
            assert clock_set.step_ms == at_ms - (before or 0)
            assert FLOOR - 2000 <= time_ms <= FLOOR + 20 * YEAR_MS + 2000
            values = {"step_ms": clock_set.step_ms, "was": wire.CLOCKS.index(clock_set.was)}
            wire.check_values("clock_set", values)
            assert before is None or abs(clock_set.step_ms) > STEP_MS or clock_set.step_ms == 0


@given(st.integers(0, 10**13))
def test_corrected_is_within_the_bounds_or_nothing(utc_ms):
    clock = Clock(FLOOR)
    corrected_ms = clock.corrected_utc(utc_ms)
    if corrected_ms is not None:
        assert clock.floor_ms <= corrected_ms <= clock.ceiling_ms
        assert (corrected_ms - utc_ms) in {0, ROLLOVER_MS}
