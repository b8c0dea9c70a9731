"""Retention: summaries equal those of all rows whatever came when, and rows go by their own time."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import wire
from ingest.history.sqlite import SqliteHistory
from ingest.history.summary import HOUR_MS, NAMES, Hour, Stat, Summary, begin_of, summarised, together
from ingest.housekeeper import DAY_MS, MOST_EXPIRED, MOST_HOURS, Housekeeper
from ingest.ledger import dirty_hours, horizons, last_values
from ingest.pipeline import Limits
from tests.ingest.made import BOOT_AT_MS, GNSS, NONE, NOW_MS, RTC, UNIT, B, Desk, batch_of, fixes, group

NOON_MS = begin_of(NOW_MS) - 10 * DAY_MS
LATER_MS = NOW_MS + 2 * DAY_MS


def keeper(desk: Desk, **keep_days: int) -> Housekeeper:
    return Housekeeper(desk.connection, SqliteHistory(desk.connection), keep_days, marked(desk))


def marked(desk: Desk) -> set[Hour]:
    """What the pipeline believes to be marked: it has one housekeeper, the tests have many."""
    return desk.pipeline.writer.known.hours


def tidy(desk: Desk, now_ms: int = LATER_MS, **keep_days: int) -> int:
    """Retention until nothing is left to do; in how many steps."""
    housekeeper, steps = keeper(desk, **keep_days), 0
    while housekeeper.step(now_ms):
        steps += 1
    return steps


def kept(desk: Desk, kind: str = "fix", source: str = "gnss") -> list[Summary]:
    history = SqliteHistory(desk.connection)
    return history.summaries(UNIT, kind, source, 0, wire.MAX_TIME_MS)


def recomputed(desk: Desk, kind: str = "fix", source: str = "gnss") -> list[Summary]:
    """What the summaries must be: from all rows, at once."""
    columns = SqliteHistory(desk.connection).read(UNIT, kind, source, 0, wire.MAX_TIME_MS).columns
    begins = [begin_of(time_ms) for time_ms in columns["time_ms"]]
    found = []
    for begin_ms in sorted(set(begins)):
        rows = [row for row, own in enumerate(begins) if own == begin_ms]
        part = {name: [column[row] for row in rows] for name, column in columns.items()}
        found.append(summarised(Hour(begin_ms, kind, UNIT, source), part))
    return [summary for summary in found if summary is not None]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.connection.close()


def at(hours: float, minutes: float = 1) -> dict[str, Any]:
    """Rows some minutes apart, from so many hours after noon."""
    return {"time_ms": lambda seq: int(NOON_MS + hours * HOUR_MS + (seq - 1) * minutes * 60_000)}


def test_an_hour_in_numbers(desk: Desk) -> None:
    cells = {"speed_cm_s": lambda seq: [0, None, 250, 500][seq - 1], "satellites": None}
    desk.send(fixes(range(1, 5), **cells, **at(0)))
    tidy(desk)
    (summary,) = kept(desk)
    assert summary.hour == Hour(NOON_MS, "fix", UNIT, "gnss")
    assert summary.rows == 4
    assert summary.stats == {"speed_cm_s": Stat(3, 0, 500, 750)}
    assert summary.stats["speed_cm_s"].mean == 250


def test_no_place_no_course_no_word_outlives_its_row() -> None:
    assert not {"lat_e7", "lon_e7", "course_ddeg", "fix_mode"} & set(NAMES["fix"])
    assert "altitude_msl_dm" in NAMES["fix"]
    assert NAMES["fault"] == NAMES["answer"] == ()


def test_an_hour_waits_until_it_is_over(desk: Desk) -> None:
    desk.send(fixes(range(1, 5), **at(0)))
    assert tidy(desk, NOON_MS + HOUR_MS) == 0
    assert kept(desk) == []
    assert tidy(desk, NOON_MS + 2 * HOUR_MS) == 1
    assert len(kept(desk)) == 1


def test_late_rows_are_counted_in(desk: Desk) -> None:
    desk.send(fixes(range(1, 5), **at(0)))
    tidy(desk)
    late = batch_of([group("fix", range(1, 4), speed_cm_s=4000, **at(0.5))], boot=B, epoch="00000000000000bb")
    desk.send(wire.encode_batch(late))
    assert kept(desk) != recomputed(desk)
    tidy(desk)
    assert kept(desk) == recomputed(desk)
    assert kept(desk)[0].rows == 7


def test_a_correction_takes_hours_along(desk: Desk) -> None:
    """Rows that an unsure clock put into a wrong hour leave it without a trace."""
    wrong_ms = BOOT_AT_MS - 30 * DAY_MS
    rows: dict[str, Any] = {
        "clock": RTC,
        "boot_at_ms": wrong_ms,
        "time_ms": lambda seq: wrong_ms + 60_000 * seq,
    }
    desk.send(fixes(range(1, 100), **rows))
    tidy(desk)
    before = kept(desk)
    event = group("clock_set", [1], clock=GNSS, boot_at_ms=BOOT_AT_MS, time_ms=BOOT_AT_MS + 9_000_000)
    desk.send(wire.encode_batch(batch_of([event])))
    tidy(desk)
    after = kept(desk)
    assert after == recomputed(desk)
    assert {summary.hour for summary in after}.isdisjoint({summary.hour for summary in before})
    assert sum(summary.rows for summary in after) == 99


def test_rows_without_a_time_are_in_no_hour_and_never_expire(desk: Desk) -> None:
    desk.send(fixes(range(1, 5), clock=NONE, boot_at_ms=0, time_ms=lambda seq: 1000 * seq))
    tidy(desk, track=1)
    assert kept(desk) == []
    assert desk.seqs() == [1, 2, 3, 4]


def test_a_row_goes_when_its_own_time_has_come(desk: Desk) -> None:
    desk.send(fixes(range(1, 61), **at(0, minutes=30)))  # until 29 h after noon
    desk.send(fixes(range(61, 121), **at(0, minutes=30)))
    now_ms = NOON_MS + 40 * HOUR_MS
    tidy(desk, now_ms, track=1)
    assert desk.seqs() == list(range(1, 121)), "a chunk goes as a whole, when its newest row has to"
    tidy(desk, NOON_MS + (30 + 24) * HOUR_MS, track=1)
    assert desk.seqs() == list(range(61, 121))
    tidy(desk)
    assert [summary.rows for summary in kept(desk)] == [2] * 60, "their hours stay"


def test_a_late_row_is_judged_by_its_own_time_not_by_its_arrival(desk: Desk) -> None:
    desk.time.now_ms = NOON_MS + 10 * DAY_MS
    desk.send(fixes(range(1, 5), **at(0)))
    tidy(desk, desk.time.now_ms, track=9)
    assert desk.seqs() == []
    assert [summary.rows for summary in kept(desk)] == [4], "it was summarised first"


def test_what_comes_for_a_closed_hour_changes_no_summary(desk: Desk) -> None:
    desk.send(fixes(range(1, 5), **at(0)))
    now_ms = NOON_MS + 10 * DAY_MS
    tidy(desk, now_ms, track=9)
    before = kept(desk)
    desk.send(fixes(range(5, 7), **at(0.2)))
    tidy(desk, now_ms + HOUR_MS, track=9)
    assert kept(desk) == before
    assert desk.seqs() == []
    assert dirty_hours.count(desk.connection) == 0


def test_rows_wait_for_their_summary(desk: Desk) -> None:
    """Nothing expires that is marked and not summarised yet, however little a step does."""
    for hour in range(2 * MOST_HOURS):
        desk.send(fixes([hour + 1], time_ms=NOON_MS + hour * HOUR_MS))
    housekeeper, now_ms = keeper(desk, track=1), NOON_MS + 500 * DAY_MS
    while housekeeper.step(now_ms):
        gone = 2 * MOST_HOURS - len(desk.seqs())
        assert gone == 0 or len(kept(desk)) >= gone
    assert len(kept(desk)) == 2 * MOST_HOURS
    assert desk.seqs() == []
    assert horizons.all_horizons(desk.connection)["fix"] == begin_of(now_ms - DAY_MS)


def test_steps_are_bounded(desk: Desk) -> None:
    count = MOST_EXPIRED + 10
    for seq in range(1, count + 1):
        desk.put(fixes([seq], **at(0, minutes=0.001)))
    while desk.intake.waiting:
        desk.pipeline.step(desk.stop)
    housekeeper, now_ms = keeper(desk, track=1), NOON_MS + 5 * DAY_MS
    assert housekeeper.step(now_ms)
    assert housekeeper.step(now_ms)
    assert len(desk.seqs()) == 10
    assert housekeeper.step(now_ms)
    assert not housekeeper.step(now_ms)


def test_for_ever_is_for_ever_and_kinds_do_not_mix(desk: Desk) -> None:
    desk.send(fixes(range(1, 3), **at(0)))
    fault = group("fault", [1], time_ms=NOON_MS)
    power = group("power", [1], supply_mv=12000, time_ms=NOON_MS)
    desk.send(wire.encode_batch(batch_of([fault])), wire.encode_batch(batch_of([power])))
    tidy(desk, NOON_MS + 5000 * DAY_MS, track=0, climate=1, event=0)
    assert desk.seqs() == [1, 2]
    assert desk.seqs("fault") == [1]
    assert desk.seqs("power") == []
    assert kept(desk, "power", "unit")[0].stats == {"supply_mv": Stat(1, 12000, 12000, 12000)}


def test_last_values_and_the_live_state_outlive_the_rows(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Limits(group_ms=0, keep_days={"track": 1}))
    desk.send(fixes(range(1, 3), **at(0)))
    desk.time.now_ms += 50 * DAY_MS
    desk.pipeline.step(desk.stop)
    while desk.seqs():
        desk.time.now_ms += 60_000
        desk.pipeline.step(desk.stop)
    (value,) = last_values.of_unit(desk.connection, UNIT)
    assert value.seq == 2
    shown = desk.live.find(UNIT)
    assert shown is not None
    assert shown["lat_deg"] is not None
    desk.kill()
    assert desk.live.find(UNIT) is not None
    desk.connection.close()


def test_days_add_up_from_hours() -> None:
    hours = [Stat(2, -5, 10, 5), Stat(1, 7, 7, 7), Stat(3, 0, 1, 1)]
    assert together(hours) == together(reversed(hours)) == Stat(6, -5, 10, 13)


batches = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 90), st.sampled_from([GNSS, RTC]), st.booleans()),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(batches, st.randoms(use_true_random=False))
def test_any_arrival_order_gives_the_summaries_of_all_rows(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[int, int, int, bool]], dice: Any
) -> None:
    desk = Desk(tmp_path_factory.mktemp("order"))
    payloads = []
    for number, (hour, minutes, clock, _) in enumerate(made):
        speeds = {"speed_cm_s": lambda seq, by=number: 10 * seq + by}
        epoch = f"{number:016x}"  # each from an outbox of its own, so that any order is taken
        payloads.append(
            fixes(range(1, 9), epoch=epoch, boot=epoch, clock=clock, **at(hour, minutes), **speeds)
        )
    order = list(range(len(payloads)))
    dice.shuffle(order)
    for at_once in order:
        desk.send(payloads[at_once])
        if made[at_once][3]:
            tidy(desk, LATER_MS + 30 * DAY_MS)
    tidy(desk, LATER_MS + 30 * DAY_MS)
    assert kept(desk) == recomputed(desk)
    assert sum(summary.rows for summary in kept(desk)) == 8 * len(made)
    desk.connection.close()


def test_an_older_file_is_summarised_from_its_beginning(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.send(fixes(range(1, 200), **at(0, minutes=5)))
    desk.connection.execute("DROP TABLE summary")
    desk.connection.execute("DELETE FROM dirty_hour")
    desk.connection.execute("UPDATE part SET step = 1 WHERE name = 'history'")
    desk.kill()
    tidy(desk)
    assert kept(desk) == recomputed(desk)
    assert len(kept(desk)) == 17
    desk.connection.close()


def test_marks_are_undone_with_their_rows(desk: Desk) -> None:
    desk.connection.execute("CREATE TRIGGER full BEFORE INSERT ON lane BEGIN SELECT RAISE(ABORT, 'no'); END")
    desk.send(fixes(range(1, 5), **at(0)))
    assert dirty_hours.count(desk.connection) == 0
    desk.connection.execute("DROP TRIGGER full")
    desk.kill()
    desk.send(fixes(range(1, 5), **at(0)))
    assert dirty_hours.count(desk.connection) == 1
    with pytest.raises(sqlite3.IntegrityError):
        desk.connection.execute("INSERT INTO dirty_hour VALUES (NULL, 'fix', 'a', 'b')")
