"""What every history owes retention: hours that changed, their summaries, and rows that go."""

import pytest

from firmware import wire
from ingest.history import History
from ingest.history.summary import HOUR_MS, Hour, Stat, Summary, begin_of, summarised
from tests.ingest.history.chunks import chunks, clock_set, everything, fix_chunks
from tests.ingest.made import BOOT_AT_MS, GNSS, NOW_MS, RTC, UNIT, B, batch_of, group

BEGIN_MS = begin_of(NOW_MS) - 48 * HOUR_MS
OTHER = "library-02"


def hour(at: int = 0, unit: str = UNIT) -> Hour:
    return Hour(BEGIN_MS + at * HOUR_MS, "fix", unit, "gnss")


def summary(at: int, rows: int = 3, unit: str = UNIT) -> Summary:
    return Summary(hour(at, unit), rows, {"speed_cm_s": Stat(rows, -5 + at, 2**40, 2**41)})


def kept(history: History, unit: str = UNIT) -> list[Summary]:
    return history.summaries(unit, "fix", "gnss", 0, wire.MAX_TIME_MS)


def written(history: History, seqs: range, first_ms: int, step_ms: int, unit: str = UNIT) -> None:
    history.write(fix_chunks(seqs, unit=unit, time_ms=lambda seq: first_ms + (seq - seqs[0]) * step_ms))
    history.settle()


def test_a_write_tells_its_hours_once(history: History) -> None:
    written(history, range(1, 6), BEGIN_MS + 30 * 60_000, 60 * 60_000)
    assert history.take_touched() == {hour(at) for at in range(5)}
    assert history.take_touched() == set()
    fault = group("fault", [1])
    history.write(chunks(batch_of([fault])))
    history.settle()
    assert history.take_touched() == set(), "events are not summarised"


def test_what_was_rolled_back_is_not_told(history: History) -> None:
    history.write(fix_chunks(range(1, 6)))
    history.forget()
    assert history.take_touched() == set()


def test_a_correction_tells_hours_that_rows_leave_and_come_to(history: History) -> None:
    wrong_ms = BOOT_AT_MS - 30 * 24 * HOUR_MS
    times = {"time_ms": lambda seq: wrong_ms + 60_000 * seq}
    history.write(fix_chunks(range(1, 4), clock=RTC, boot_at_ms=wrong_ms, **times))
    history.settle()
    before = Hour(begin_of(wrong_ms + 60_000), "fix", UNIT, "gnss")
    after = Hour(begin_of(BOOT_AT_MS + 60_000), "fix", UNIT, "gnss")
    assert history.take_touched() == {before}
    history.write(clock_set(1, GNSS, BOOT_AT_MS, BOOT_AT_MS + 9_000_000))
    history.settle()
    assert {before, after} <= history.take_touched()


def test_summaries_come_back_as_they_were_each_hour_once(history: History) -> None:
    written(history, range(1, 4), BEGIN_MS, 1000)
    history.put_summaries([summary(at) for at in range(4)])
    history.put_summaries([summary(2, rows=9)])
    assert kept(history) == [summary(0), summary(1), summary(2, rows=9), summary(3)]
    some = history.summaries(UNIT, "fix", "gnss", hour(1).begin_ms, hour(2).begin_ms)
    assert [own.hour for own in some] == [hour(1), hour(2)]
    assert history.summaries(UNIT, "fix", "other", 0, wire.MAX_TIME_MS) == []
    history.put_summaries([Summary(hour(3), 3, {})])
    assert kept(history)[-1] == Summary(hour(3), 3, {}), "a value that went does not stay"
    history.drop_summaries([hour(0), hour(7)])
    assert [own.hour for own in kept(history)] == [hour(1), hour(2), hour(3)]


def test_an_hour_of_rows_and_its_summary(history: History) -> None:
    cells = {"speed_cm_s": lambda seq: [10, None, 30][seq - 1], "time_ms": lambda seq: BEGIN_MS + seq}
    history.write(fix_chunks(range(1, 4), **cells))
    history.settle()
    columns = history.read(UNIT, "fix", "gnss", BEGIN_MS, BEGIN_MS + HOUR_MS - 1).columns
    made = summarised(hour(), columns)
    assert made == Summary(hour(), 3, {"speed_cm_s": Stat(2, 10, 30, 40)})
    history.put_summaries([made])
    assert kept(history) == [made]


def test_erasing_takes_rows_and_summaries_of_one_unit(history: History) -> None:
    for unit in (UNIT, OTHER):
        written(history, range(1, 10), BEGIN_MS, 1000, unit)
        history.put_summaries([summary(0, unit=unit)])
    history.take_touched()
    history.erase(UNIT)
    history.erase(UNIT)
    assert everything(history).rows == 0
    assert kept(history) == []
    assert history.sources(UNIT) == []
    assert everything(history, OTHER).rows == 9
    assert len(kept(history, OTHER)) == 1
    written(history, range(10, 12), BEGIN_MS, 1000)
    assert everything(history).rows == 2


def test_erasing_what_is_older_leaves_what_is_newer(history: History) -> None:
    written(history, range(1, 10), BEGIN_MS, 1000)
    written(history, range(10, 20), BEGIN_MS + 3 * HOUR_MS, 1000)
    history.write(fix_chunks(range(1, 4), B, "00000000000000bb", time_ms=lambda seq: BEGIN_MS + seq))
    history.settle()
    history.put_summaries([summary(0), summary(3)])
    history.erase(UNIT, BEGIN_MS + 2 * HOUR_MS)
    assert everything(history).columns["seq"] == list(range(10, 20))
    assert [own.hour for own in kept(history)] == [hour(3)]


@pytest.mark.parametrize("most", [1, 100])
def test_expiry_never_takes_what_is_newer_or_of_another_kind(history: History, most: int) -> None:
    written(history, range(1, 10), BEGIN_MS, 1000)
    written(history, range(10, 20), BEGIN_MS + 3 * HOUR_MS, 1000)
    history.write(chunks(batch_of([group("power", [1], supply_mv=1, time_ms=BEGIN_MS)])))
    history.settle()
    while history.expire("fix", BEGIN_MS + HOUR_MS, most):
        pass
    assert set(range(10, 20)) <= set(everything(history).columns["seq"])
    assert everything(history, kind="power").rows == 1
