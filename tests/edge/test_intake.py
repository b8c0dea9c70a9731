"""The intake on a disk that fails: nothing is claimed, nothing is lost, nothing is there twice."""

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from edge import intake as intake_module
from edge.clock import DAY_MS, Clock
from edge.intake import Intake
from edge.outbox import Limits
from edge.record import Reading, fault
from edge.time_source import ScaledTime
from firmware import wire


class Moment(ScaledTime):
    """A unit's time that stands still until it is told."""

    now_ms = 0

    def mono_ms(self) -> int:
        return self.now_ms


class Failing:
    """Stands for a disk whose sync fails: with the commit on it after all, or without."""

    def __init__(self, real: Any, *, has_happened: bool, error: Exception | None = None) -> None:
        self.real, self.has_happened, self.close = real, has_happened, real.close
        self.error = error or OSError(5, "Input/output error")

    def execute(self, statement: str, *parameters: object) -> object:
        if statement != "COMMIT":
            return self.real.execute(statement, *parameters)
        self.real.execute("COMMIT" if self.has_happened else "ROLLBACK")
        raise self.error


@pytest.fixture
def time() -> Moment:
    return Moment()


@pytest.fixture
def intake(tmp_path: Path, time: Moment) -> Intake:
    return Intake(
        tmp_path / "outbox.db",
        Limits(max_mib=4, tolerance_m=0, window_ms=1000),
        time,
        lambda last_good_ms: Clock(max(1_790_000_000_000, last_good_ms)),
        group_ms=1000,
        anchor_radius_m=0,
    )


def stored(intake: Intake) -> Counter[str]:
    """The codes of the faults on disk."""
    assert intake.outbox is not None
    found: Counter[str] = Counter()
    after = None
    while (batch := intake.outbox.take("event", after)) is not None:
        after = (batch.epoch, batch.last_seq)
        for group in batch.groups:
            found.update(group.columns.get("code", []))
    return found


@pytest.mark.parametrize("has_happened", [True, False])
def test_a_commit_that_failed_counts_once(intake: Intake, time: Moment, has_happened: bool) -> None:
    intake.take(fault("test", "first", 0))
    assert intake.commit(0)
    outbox: Any = intake.outbox
    outbox._db = Failing(outbox._db, has_happened=has_happened)
    intake.take(fault("test", "second", 10))
    assert not intake.commit(10)
    assert intake.is_in_trouble
    assert intake.outbox is None, "the handle that failed is not used again"
    intake.take(fault("test", "third", 20))
    assert not intake.is_commit_due(20)
    time.now_ms = 6000
    assert intake.commit(6000)
    assert not intake.is_in_trouble
    assert intake.commit(6001)  # the end of the fault
    assert stored(intake) == {"first": 1, "second": 1, "third": 1, "broken": 2}
    intake.close(7000)


def test_what_the_full_disk_did_not_take_is_not_taken_for_taken(intake: Intake, time: Moment) -> None:
    """Another event may have got the number meanwhile that it would have had."""
    intake.open(0)
    outbox: Any = intake.outbox
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorname = "SQLITE_FULL"
    real, outbox._db = outbox._db, Failing(outbox._db, has_happened=False, error=full)
    intake.take(fault("test", "kept", 10))
    assert not intake.commit(10)
    assert intake.outbox is not None, "a full disk is no reason to open it anew"
    outbox._db = real
    outbox.obey({"id": "c1", "what": "erase"})
    time.now_ms = 6000
    assert intake.commit(6000)
    assert stored(intake)["kept"] == 1
    intake.close(7000)


def win_clock(intake: Intake, first_s: int = 0) -> None:
    for second in range(first_s, first_s + 3):
        intake.offer_time("gnss", 1_795_000_000_000 + second * 1000, second * 1000)


def told_steps(intake: Intake) -> list[int]:
    assert intake.outbox is not None
    batch = intake.outbox.take("event")
    groups = [] if batch is None else batch.groups
    return [step for group in groups if group.kind == "clock_set" for step in group.columns["step_ms"]]


def test_a_clock_that_is_won_is_told_in_the_transaction_that_times_the_rows(intake: Intake) -> None:
    """A power cut in between would leave for ever untimed what was sent without a time."""
    intake.open(0)
    win_clock(intake)
    assert told_steps(intake) == [1_795_000_000_000]


@pytest.mark.parametrize("has_happened", [True, False])
def test_a_clock_that_is_won_while_the_disk_fails_times_what_was_before(
    intake: Intake, time: Moment, has_happened: bool
) -> None:
    intake.take(Reading("health", "unit", 0, {"uptime_s": 1}))
    assert intake.commit(0)
    outbox: Any = intake.outbox
    outbox._db = Failing(outbox._db, has_happened=has_happened)
    win_clock(intake, 1)
    assert intake.outbox is None
    intake.take(Reading("health", "unit", 4000, {"uptime_s": 2}))
    time.now_ms = 9000
    assert intake.commit(9000)
    assert told_steps(intake) == [1_795_000_000_000]
    batch = intake.outbox.take("sense")
    assert batch is not None
    assert batch.groups[0].columns["time_ms"] == [1_795_000_000_000, 1_795_000_004_000]
    intake.close(10_000)


def test_a_commit_that_failed_counts_once_also_when_the_clock_is_won_meanwhile(
    intake: Intake, time: Moment
) -> None:
    intake.open(0)
    outbox: Any = intake.outbox
    outbox._db = Failing(outbox._db, has_happened=True)
    intake.take(fault("test", "once", 10))
    assert not intake.commit(10)
    win_clock(intake, 1)
    time.now_ms = 9000
    assert intake.commit(9000)
    assert stored(intake)["once"] == 1
    assert told_steps(intake) == [1_795_000_000_000]
    intake.close(10_000)


def test_a_reading_that_is_refused_again_and_again_is_told_once(
    intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    """A scale without a slot says something twice a second, and the journal is on the card, too."""
    intake.open(0)
    for moment in range(100):
        intake.take(Reading("mass", "node-4", moment, {"mass_mg": 1}))
    intake.take(fault("test", "good", 0))
    assert intake.commit(100)
    assert [record.message for record in caplog.records if "refused" in record.message] == [
        "a reading of node-4 is refused, and from now on in silence: shape: mass: no such kind"
    ]


def test_readings_wait_for_their_group_and_events_do_not(intake: Intake) -> None:
    intake.open(0)
    intake.take(Reading("health", "unit", 0, {"uptime_s": 1}))
    assert not intake.is_commit_due(999)
    assert intake.wait_ms(400) == 600
    assert intake.is_commit_due(1000)
    intake.take(fault("test", "now", 5))
    assert intake.is_commit_due(5)
    intake.close(10)


def test_what_is_dated_ahead_holds_nobody_up(intake: Intake) -> None:
    intake.open(0)
    intake.take(Reading("health", "unit", 10**9, {"uptime_s": 1}))
    assert intake.is_commit_due(1)
    intake.close(10)


def test_what_cannot_wait_in_memory_is_counted_and_events_stay(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "MOST_WAITING", 10)
    intake.open(0)
    intake.take(fault("test", "kept", 0))
    for number in range(15):
        intake.take(Reading("health", "unit", number, {"uptime_s": number}))
    assert intake.waiting == 10
    assert intake.commit(20)
    assert intake.outbox is not None
    assert intake.outbox.depth(20).dropped == 6
    assert stored(intake) == {"kept": 1}
    intake.close(30)


def test_a_reading_that_the_wire_would_refuse_harms_no_other(intake: Intake) -> None:
    intake.open(0)
    intake.take(Reading("health", "unit", 0, {"uptime_s": -1}))
    intake.take(fault("test", "good", 0))
    assert intake.commit(0)
    assert stored(intake) == {"good": 1}
    intake.close(10)


def test_the_clock_is_won_and_told_once(intake: Intake) -> None:
    intake.open(0)
    for second in range(20):
        utc_ms = 1_795_000_000_000 + second * 1000
        intake.take(Reading("fix", "gnss", second * 1000, {"lat_e7": 1, "lon_e7": 1, "fix_mode": 2}, utc_ms))
        intake.commit(second * 1000)
    assert intake.clock.word == "gnss"
    assert intake.outbox is not None
    batch = intake.outbox.take("event")
    assert batch is not None
    (group,) = batch.groups
    assert (group.kind, group.columns["was"]) == ("clock_set", [0])
    assert group.columns["step_ms"] == [intake.clock.boot_at_ms]
    intake.close(30_000)


def test_a_receiver_that_jumps_is_told_once_and_not_believed(intake: Intake, time: Moment) -> None:
    begin_ms = 1_795_000_000_000
    for second in range(180):
        time.now_ms = second * 1000
        jump_ms = 400 * DAY_MS if 20 <= second < 40 else 0
        utc_ms = begin_ms + time.now_ms + jump_ms
        intake.take(Reading("fix", "gnss", time.now_ms, {"fix_mode": 0}, utc_ms))
        intake.commit(time.now_ms)
        intake.step(time.now_ms)
    assert intake.clock.boot_at_ms == begin_ms
    assert intake.clock.refused == 20
    assert stored(intake)["jump"] == 2, "its beginning and its end"


@pytest.mark.parametrize("utc_ms", [0, 946_684_800_000])
def test_a_clock_in_the_past_is_told_and_dates_nothing(intake: Intake, time: Moment, utc_ms: int) -> None:
    time.evidence = lambda: ("rtc", utc_ms)  # type: ignore[method-assign]
    intake.open(0)
    intake.step(0)
    intake.take(Reading("move", "cabinet", 5, {"move": 1, "item": "ors-20", "pieces": 1}))
    assert intake.commit(5)
    assert stored(intake)["impossible"] == 1
    assert intake.outbox is not None
    assert intake.outbox.depth(5).rows == 2
    batch = intake.outbox.take("event", None)
    assert batch is not None
    (fault_,) = (group for group in batch.groups if group.kind == "fault")
    (detail,) = fault_.columns["detail"]
    assert "the clock on board says" in detail
    guesses = {wire.CLOCKS.index("none"), wire.CLOCKS.index("estimated")}
    assert all(set(group.columns["clock"]) <= guesses for group in batch.groups)
    intake.close(10)
