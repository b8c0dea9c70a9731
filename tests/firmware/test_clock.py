"""A node's time: evidence climbs a ladder, a receiver has to agree with itself, ticks wrap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.clock import (
    AGREEING,
    AGREEMENT_MS,
    BUILT_MS,
    CEILING_MS,
    ROLLOVER_MS,
    SOURCES,
    STEP_MS,
    Clock,
    Ticks,
)

UTC_MS = BUILT_MS + 10**9
PERIOD = 1 << 30  # of a board's ticks


@given(
    st.integers(0, PERIOD - 1), st.lists(st.integers(0, PERIOD // 2 - 1), max_size=30), st.integers(0, 10**9)
)
def test_time_since_boot_only_rises_however_ticks_wrap(first: int, steps: list[int], since_ms: int) -> None:
    now = [first]

    def difference(later: int, earlier: int) -> int:  # as time.ticks_diff
        return (later - earlier + PERIOD // 2) % PERIOD - PERIOD // 2

    ticks = Ticks(lambda: now[0] % PERIOD, difference, since_ms)
    for step in steps:
        now[0] += step
        assert ticks.now() == since_ms + now[0] - first


def test_evidence_climbs_a_ladder_and_never_down() -> None:
    clock = Clock()
    assert clock.time_of(5) == (5, 0, "none")
    assert clock.offer("rtc", UTC_MS, 1000) == (UTC_MS - 1000, "none")
    assert clock.offer("ntp", UTC_MS + 5000, 2000) == (4000, "rtc")
    assert clock.offer("rtc", UTC_MS, 3000) is None
    assert clock.time_of(2000) == (UTC_MS + 5000, UTC_MS + 3000, "ntp")
    assert clock.offer("ntp", UTC_MS + 6000 + STEP_MS, 3000) is None, "jitter"
    assert clock.offer("ntp", UTC_MS + 6001 + STEP_MS, 3000) == (STEP_MS + 1, "ntp")


def test_a_receiver_counts_once_it_agrees_with_itself() -> None:
    clock = Clock()
    for at in range(AGREEING - 1):
        assert clock.offer("gnss", UTC_MS + at * 1000, at * 1000) is None
    assert clock.offer("gnss", UTC_MS + 60_000, 5000) is None, "a jump: it begins anew"
    won = [clock.offer("gnss", UTC_MS + 55_000 + at * 1000, at * 1000) for at in range(6, 6 + AGREEING)]
    assert [found is not None for found in won].count(True) == 1
    assert clock.word == "gnss"
    assert abs(clock.boot_at_ms - UTC_MS - 55_000) <= AGREEMENT_MS
    assert clock.offer("ntp", UTC_MS, 20_000) is None


@pytest.mark.parametrize("utc_ms", [0, BUILT_MS - 1, CEILING_MS, 946_684_800_000])
@pytest.mark.parametrize("source", ["rtc", "ntp"])
def test_a_time_before_the_build_or_long_after_it_is_refused(source: str, utc_ms: int) -> None:
    clock = Clock()
    assert clock.offer(source, utc_ms, 0) is None
    assert (clock.word, clock.refused) == ("none", 1)


def test_a_receiver_that_has_lost_1024_weeks_is_put_right() -> None:
    clock = Clock(UTC_MS)
    for at in range(AGREEING):
        won = clock.offer("gnss", UTC_MS + 1000 - ROLLOVER_MS + at * 1000, at * 1000)
    assert won == (UTC_MS + 1000, "none")
    assert clock.offer("ntp", UTC_MS - 1, 0) is None, "before the last good time"


def test_a_boot_goes_on_after_a_sleep_with_what_it_knew() -> None:
    clock = Clock()
    clock.resume("ntp", UTC_MS)
    assert clock.time_of(7) == (UTC_MS + 7, UTC_MS, "ntp")
    assert SOURCES.index(clock.word) == 3
