"""The uplink alone, with time as an argument."""

import itertools
import random
from collections import Counter

import pytest

from edge.uplink import LONGEST_RECONNECT_MS, LONGEST_RESEND_MS, Progress, Uplink

EPOCH = "e" * 16


def uplink(window: int = 2, seed: int = 1, spread_ms: int = 0) -> Uplink:
    made = Uplink(
        window=window,
        receipt_timeout_ms=30_000,
        live_period_ms=1000,
        random=random.Random(seed).random,
        spread_ms=spread_ms,
    )
    made.opened(0)
    return made


def forward(lane: str, mark: int) -> Progress:
    return Progress(lane, EPOCH, mark, is_forward=True, is_back=False)


def same(lane: str, mark: int) -> Progress:
    return Progress(lane, EPOCH, mark, is_forward=False, is_back=False)


def test_events_go_first_and_no_lane_waits_for_another() -> None:
    line = uplink()
    assert line.open_lanes(0) == ["event", "sense", "track"]
    line.sent("event", EPOCH, 60, 0)
    line.sent("event", EPOCH, 120, 0)
    assert line.open_lanes(1) == ["sense", "track"]
    assert line.after("event") == (EPOCH, 120)
    line.settled([forward("event", 60)], 500)
    assert line.open_lanes(500) == ["event", "sense", "track"]
    assert line.after("event") == (EPOCH, 120)


def test_without_a_receipt_the_lane_goes_back_later_each_time() -> None:
    line, now, waits = uplink(), 0, []
    for _ in range(9):
        if line.is_stuck():
            line.failed(now)
            line.opened(now)
        line.sent("track", EPOCH, 60, now)
        begin = now
        while line.after("track") is not None:
            now += 500
            line.open_lanes(now)
        waits.append(now - begin)
    assert 30_000 <= waits[0] <= 38_000
    assert all(later >= earlier for earlier, later in itertools.pairwise(waits[:5]))
    assert LONGEST_RESEND_MS <= waits[-1] <= LONGEST_RESEND_MS * 1.25 + 500
    assert line.has_no_receipts
    line.sent("track", EPOCH, 60, now)
    line.settled([forward("track", 60)], now)
    assert not line.has_no_receipts
    line.sent("track", EPOCH, 120, now)
    assert line.wait_ms(now) <= 38_000


def test_three_time_outs_without_progress_ask_for_a_new_connection() -> None:
    line, now = uplink(), 0
    for tries in range(3):
        assert line.is_stuck() is False, tries
        line.sent("sense", EPOCH, 60, now)
        now += 400_000
        line.open_lanes(now)
    assert line.is_stuck()
    line.failed(now)
    line.opened(now + 1000)
    assert not line.is_stuck()
    assert line.open_lanes(now + 1000) == ["event", "sense", "track"]  # at once


def test_a_repeated_mark_sends_the_window_again_but_once() -> None:
    """The service lost the first of a window: it answers the second with the mark alone."""
    line = uplink()
    line.sent("track", EPOCH, 60, 0)
    line.sent("track", EPOCH, 120, 0)
    line.settled([same("track", 0)], 500)  # may have crossed what was just sent
    assert line.after("track") == (EPOCH, 120)
    line.settled([same("track", 0)], 5000)
    assert line.after("track") is None
    line.sent("track", EPOCH, 60, 5000)
    line.settled([same("track", 0)], 9000)
    assert line.after("track") == (EPOCH, 60)
    line.settled([forward("track", 60)], 9500)
    line.sent("track", EPOCH, 120, 9500)
    line.settled([same("track", 60)], 12_000)
    assert line.after("track") is None


def test_a_lowered_mark_or_a_new_epoch_goes_back_at_once() -> None:
    line = uplink()
    line.sent("sense", EPOCH, 60, 0)
    line.settled([Progress("sense", EPOCH, 10, is_forward=False, is_back=True)], 1)
    assert line.after("sense") is None


def test_reconnecting_waits_longer_each_time_and_each_unit_its_own_while() -> None:
    line, now, waits = uplink(), 0, []
    for _ in range(12):
        line.failed(now)
        waits.append(line.wait_ms(now))
        now += waits[-1]
        assert not line.is_connect_due(now - 1)
        assert line.is_connect_due(now)
    longest = [min(2000 << number, LONGEST_RECONNECT_MS) for number in range(12)]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))
    assert len(set(waits[4:])) == len(waits[4:])


@pytest.mark.parametrize("gone_s", [0, 5, 20, 60, 600])
def test_a_thousand_units_ask_a_lost_broker_at_most_20_times_a_second(gone_s: int) -> None:
    """They lose it at once, and ask for it until it is there again: every one within 75 s."""
    asked, back = Counter[int](), Counter[int]()
    for seed in range(1000):
        line, now = uplink(seed=seed, spread_ms=60_000), 0
        while True:
            line.failed(now, is_broker_gone=True)
            now += line.wait_ms(now)
            asked[now // 10_000] += 1
            if now >= gone_s * 1000:
                break
        back[now // 1000 - gone_s] += 1
    assert max(asked.values()) <= 10 * 20
    assert max(back) <= 75
    assert max(back.values()) <= 40


def test_a_unit_that_only_lost_its_coverage_does_not_wait_for_a_fleet() -> None:
    line = uplink(spread_ms=60_000)
    for _ in range(9):
        line.failed(0)
        assert line.wait_ms(0) <= LONGEST_RECONNECT_MS


def test_a_stable_connection_begins_with_short_waits_again() -> None:
    line = uplink()
    for _ in range(9):
        line.failed(0)
    line.opened(0)
    line.failed(30_000)
    assert line.wait_ms(30_000) > 2000 or line.wait_ms(30_000) >= 1000
    line.opened(100_000)
    line.failed(200_000)
    assert line.wait_ms(200_000) <= 2000
    assert line.reconnects == 3


def test_nothing_is_due_while_an_attempt_is_under_way() -> None:
    line = uplink()
    line.failed(0)
    line.connecting()
    assert not line.is_connect_due(10**9)
    assert line.wait_ms(10**9) > 1000, "a black hole takes ten seconds, in which nobody need turn round"
    line.failed(5)
    line.retry_at_once(5)
    assert line.is_connect_due(5)


@pytest.mark.parametrize(("period_ms", "most"), [(1000, 11), (5000, 3)])
def test_live_keeps_its_period(period_ms: int, most: int) -> None:
    line = Uplink(window=2, receipt_timeout_ms=30_000, live_period_ms=period_ms, random=lambda: 0.5)
    assert not line.is_live_due(0, has_news=True)
    line.opened(0)
    sent = 0
    for now in range(0, 10_001, 100):
        if line.is_live_due(now, has_news=True):
            line.live_sent(now)
            sent += 1
    assert most - 1 <= sent <= most
    assert not line.is_live_due(20_000, has_news=False)
    assert line.is_live_due(41_000, has_news=False)


def test_a_late_live_message_does_not_make_the_next_ones_late() -> None:
    """The line was busy at 0.9 s after a fix: the next fix goes when it comes, not a second later."""
    line = uplink()
    line.opened(0)
    line.live_sent(1000)
    line.live_sent(2900)
    for now in (3000, 4010, 5000, 6060):
        assert line.is_live_due(now, has_news=True), now
        line.live_sent(now)
        assert not line.is_live_due(now + 500, has_news=True), now
