"""What every history owes: rows in, rows out by time, each once; times corrected by what is learnt later."""

from ingest.history import Bucket, History
from ingest.history.chunk import rows_by_seq
from tests.ingest.history.chunks import DAY_MS, chunks, clock_set, everything, fix_chunks, keep, untimed
from tests.ingest.made import (
    BOOT_AT_MS,
    EPOCH,
    GNSS,
    NONE,
    NOW_MS,
    OTHER_EPOCH,
    RTC,
    UNIT,
    A,
    B,
    batch_of,
    group,
)


def test_rows_come_back_as_they_were(history: History) -> None:
    cells = {"altitude_msl_dm": lambda seq: None if seq % 3 else seq, "source": "gnss-2"}
    (chunk,) = fix_chunks(range(1, 61), **cells)
    keep(history, [chunk])
    read = everything(history)
    assert {name: read.columns[name] for name in chunk.group.columns} == dict(chunk.group.columns)
    assert read.columns["source"] == ["gnss-2"] * 60
    assert history.sources(UNIT) == [("fix", "gnss-2")]


def test_writing_again_changes_nothing(history: History) -> None:
    made = fix_chunks(range(1, 61))
    for _ in range(3):
        keep(history, made)
    assert everything(history).columns["seq"] == list(range(1, 61))


def test_a_range_is_cut_to_the_row_and_sorted(history: History) -> None:
    begin_ms = NOW_MS - 3_600_000
    for seqs in (range(121, 181), range(1, 61), range(61, 121)):
        keep(history, fix_chunks(seqs))
    read = history.read(UNIT, "fix", None, begin_ms + 50_000, begin_ms + 130_000)
    assert read.columns["seq"] == list(range(50, 131))
    assert history.read(UNIT, "fix", None, begin_ms + 50_000, NOW_MS, 7).columns["seq"] == list(range(50, 57))
    assert history.read(UNIT, "fix", None, begin_ms + 50_500, begin_ms + 50_600).rows == 0
    assert history.read(UNIT, "fix", "gnss-9", 0, NOW_MS).rows == 0
    assert history.read("nobody", "fix", None, 0, NOW_MS).rows == 0


def test_sources_are_merged_in_time(history: History) -> None:
    keep(history, fix_chunks(range(1, 5), source="gnss-1", time_ms=lambda seq: NOW_MS + 2000 * seq - 20_000))
    keep(
        history,
        fix_chunks(range(5, 9), source="gnss-2", time_ms=lambda seq: NOW_MS + 2000 * (seq - 4) - 19_000),
    )
    read = everything(history)
    assert read.columns["seq"] == [1, 5, 2, 6, 3, 7, 4, 8]
    assert read.columns["source"][:2] == ["gnss-1", "gnss-2"]
    assert history.read(UNIT, "fix", "gnss-2", 0, NOW_MS, 2).columns["seq"] == [5, 6]
    assert history.read(UNIT, "fix", None, 0, NOW_MS, 3).columns["seq"] == [1, 5, 2]


def test_a_chunk_that_begins_long_before_is_found(history: History) -> None:
    keep(history, fix_chunks(range(1, 3), time_ms=lambda seq: NOW_MS - DAY_MS * (3 - seq)))
    assert history.read(UNIT, "fix", None, NOW_MS - DAY_MS, NOW_MS).columns["seq"] == [2]


def test_rows_between_are_as_sent(history: History) -> None:
    for seqs in (range(1, 61), range(61, 121)):
        keep(history, fix_chunks(seqs))
    keep(history, fix_chunks(range(1, 61), epoch=OTHER_EPOCH))
    (chunk,) = fix_chunks(range(41, 81))
    assert history.rows_between(UNIT, EPOCH, "track", A, 41, 80) == rows_by_seq(chunk.group)
    assert history.rows_between(UNIT, EPOCH, "track", B, 41, 80) == {}
    assert list(history.rows_between(UNIT, EPOCH, "track", A, 119, 500)) == [119, 120]


def test_rows_between_of_kinds_that_share_a_lane(history: History) -> None:
    keep(history, chunks(batch_of([group("power", [1, 4]), group("health", [2, 3])])))
    keep(history, chunks(batch_of([group("power", [6, 7]), group("health", [5, 8])])))
    found = history.rows_between(UNIT, EPOCH, "sense", A, 3, 7)
    assert {seq: row[0] for seq, row in sorted(found.items())} == {
        3: "health",
        4: "power",
        5: "health",
        6: "power",
        7: "power",
    }


# --- time


def test_a_won_clock_moves_what_came_before(history: History) -> None:
    boot_at_ms = NOW_MS - DAY_MS
    keep(history, untimed(range(1, 11)))
    assert history.read(UNIT, "fix", None, boot_at_ms, NOW_MS).rows == 0
    keep(history, clock_set(1, GNSS, boot_at_ms, boot_at_ms + 60_000))
    read = history.read(UNIT, "fix", None, boot_at_ms, NOW_MS)
    assert read.columns["time_ms"] == [boot_at_ms + 1000 * seq for seq in range(1, 11)]
    assert set(read.columns["clock"]) == {GNSS}
    assert set(read.columns["boot_at_ms"]) == {boot_at_ms}
    assert history.read(UNIT, "fix", None, 0, DAY_MS).rows == 0


def test_a_won_clock_moves_what_comes_after_it_too(history: History) -> None:
    """Lanes do not wait for each other: the event is there before the track."""
    boot_at_ms = NOW_MS - DAY_MS
    keep(history, clock_set(1, GNSS, boot_at_ms, boot_at_ms + 60_000))
    keep(history, untimed(range(1, 11)))
    assert everything(history).columns["time_ms"][0] == boot_at_ms + 1000


def test_a_correction_is_only_for_its_boot_and_for_lower_clocks(history: History) -> None:
    boot_at_ms = NOW_MS - DAY_MS
    keep(history, untimed(range(1, 3)))
    keep(history, untimed(range(3, 5), boot=B))
    keep(history, fix_chunks(range(5, 7), time_ms=lambda seq: NOW_MS - 9000 + seq))
    keep(history, clock_set(1, GNSS, boot_at_ms, boot_at_ms + 60_000))
    times = dict(zip(*(everything(history).columns[name] for name in ("seq", "time_ms")), strict=True))
    assert times == {
        1: boot_at_ms + 1000,
        2: boot_at_ms + 2000,
        3: 3000,
        4: 4000,
        5: NOW_MS - 8995,
        6: NOW_MS - 8994,
    }


def test_the_better_clock_wins_in_any_order(history: History) -> None:
    boot_at_ms = NOW_MS - DAY_MS
    keep(history, untimed(range(1, 3)))
    keep(history, clock_set(1, RTC, boot_at_ms + 5000, boot_at_ms + 60_000))
    assert everything(history).columns["time_ms"] == [boot_at_ms + 6000, boot_at_ms + 7000]
    keep(history, clock_set(3, GNSS, boot_at_ms, boot_at_ms + 90_000))
    keep(history, clock_set(2, RTC, boot_at_ms + 5000, boot_at_ms + 70_000))
    assert everything(history).columns["time_ms"] == [boot_at_ms + 1000, boot_at_ms + 2000]


def test_rows_between_are_not_moved_by_a_correction(history: History) -> None:
    (chunk,) = untimed(range(1, 3))
    keep(history, [chunk])
    keep(history, clock_set(1, GNSS, NOW_MS - DAY_MS, NOW_MS))
    assert history.rows_between(UNIT, EPOCH, "track", A, 1, 2) == rows_by_seq(chunk.group)


def test_a_batch_in_which_the_clock_was_won_is_parted(history: History) -> None:
    boot_at_ms = NOW_MS - DAY_MS
    (chunk,) = fix_chunks(
        range(1, 7),
        clock=lambda seq: NONE if seq < 4 else GNSS,
        boot_at_ms=lambda seq: 0 if seq < 4 else boot_at_ms,
        time_ms=lambda seq: 1000 * seq + (0 if seq < 4 else boot_at_ms),
    )
    keep(history, [chunk])
    assert history.read(UNIT, "fix", None, boot_at_ms, NOW_MS).columns["seq"] == [4, 5, 6]
    assert history.rows_between(UNIT, EPOCH, "track", A, 1, 6) == rows_by_seq(chunk.group)
    keep(history, clock_set(1, GNSS, boot_at_ms, boot_at_ms + 4000))
    read = history.read(UNIT, "fix", None, boot_at_ms, NOW_MS)
    assert read.columns["time_ms"] == [boot_at_ms + 1000 * seq for seq in range(1, 7)]


def test_the_future_is_kept_apart_until_it_is_corrected(history: History) -> None:
    """A clock that is 400 days ahead: not shown; once the clock is known, shown where it belongs."""
    ahead_ms = 400 * DAY_MS
    keep(
        history,
        fix_chunks(
            range(1, 4),
            clock=RTC,
            boot_at_ms=BOOT_AT_MS + ahead_ms,
            time_ms=lambda seq: BOOT_AT_MS + ahead_ms + 1000 * seq,
        ),
    )
    assert everything(history).rows == 0
    keep(history, clock_set(1, GNSS, BOOT_AT_MS, NOW_MS))
    assert everything(history).columns["time_ms"] == [BOOT_AT_MS + 1000 * seq for seq in range(1, 4)]


# --- the newest, and less of it


def test_the_newest_row_is_the_latest_in_time(history: History) -> None:
    keep(history, fix_chunks(range(3, 5), time_ms=lambda seq: NOW_MS - 1000 * seq))
    keep(history, fix_chunks(range(1, 3), time_ms=lambda seq: NOW_MS - 9000 * seq))
    keep(history, fix_chunks(range(5, 7), source="gnss-2"))
    assert history.newest(UNIT, "fix", "gnss").columns["seq"] == [3]
    assert history.newest(UNIT, "fix", "gnss-2").columns["source"] == ["gnss-2"]
    assert history.newest(UNIT, "fix", "gnss-3").rows == 0
    assert history.newest(UNIT, "power", "gnss").rows == 0


def test_the_newest_row_is_so_by_its_corrected_time(history: History) -> None:
    keep(history, fix_chunks([9], boot=B, time_ms=NOW_MS - 2 * DAY_MS))
    keep(history, untimed(range(1, 3)))
    assert history.newest(UNIT, "fix", "gnss").columns["seq"] == [9]
    keep(history, clock_set(1, GNSS, NOW_MS - DAY_MS, NOW_MS))
    assert history.newest(UNIT, "fix", "gnss").columns["time_ms"] == [NOW_MS - DAY_MS + 2000]


def test_a_bucket_has_the_least_the_most_and_the_mean(history: History) -> None:
    begin_ms = NOW_MS - 3_600_000
    speeds = {"speed_cm_s": lambda seq: None if seq > 8 else 100 * seq}
    keep(history, fix_chunks([1, 2, 3, 6, 7, 8, 9, 11], **speeds))
    found = history.buckets(UNIT, "fix", "gnss", ["speed_cm_s"], begin_ms, NOW_MS, 4000)
    assert found.begin_ms == [begin_ms, begin_ms + 4000, begin_ms + 8000]
    assert found.rows == [3, 2, 3]
    assert found.values["speed_cm_s"] == [Bucket(100, 300, 200), Bucket(600, 700, 650), Bucket(800, 800, 800)]
    first = history.buckets(UNIT, "fix", "gnss", ["speed_cm_s"], begin_ms + 2000, begin_ms + 9000, 4000)
    assert first.rows == [2, 2, 2]
    assert first.values["speed_cm_s"][2] == Bucket(800, 800, 800)
    late = history.buckets(UNIT, "fix", "gnss", ["speed_cm_s"], begin_ms + 9000, NOW_MS, 4000)
    assert (late.rows, late.values["speed_cm_s"]) == ([2], [None])


def test_buckets_are_of_corrected_times(history: History) -> None:
    boot_at_ms = NOW_MS - DAY_MS
    keep(history, untimed(range(1, 5)))
    keep(history, clock_set(1, GNSS, boot_at_ms, boot_at_ms + 60_000))
    found = history.buckets(UNIT, "fix", "gnss", ["speed_cm_s"], boot_at_ms, NOW_MS, 2000)
    assert found.begin_ms == [boot_at_ms, boot_at_ms + 2000, boot_at_ms + 4000]
    assert found.rows == [1, 2, 1]


# --- the end of it


def test_an_erased_unit_leaves_nothing_and_the_others_all(history: History) -> None:
    keep(history, fix_chunks(range(1, 4)))
    keep(history, untimed(range(4, 6)))
    keep(history, clock_set(1, GNSS, NOW_MS - DAY_MS, NOW_MS))
    keep(history, fix_chunks(range(1, 4), unit="other-1"))
    for _ in range(2):
        history.erase(UNIT)
    assert everything(history).rows == 0
    assert everything(history, kind="clock_set").rows == 0
    assert history.sources(UNIT) == []
    assert history.rows_between(UNIT, EPOCH, "track", A, 1, 9) == {}
    assert everything(history, "other-1").rows == 3
    keep(history, untimed(range(4, 6)))
    assert everything(history).columns["time_ms"] == [4000, 5000]
