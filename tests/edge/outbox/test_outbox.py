"""The outbox on a real file: numbers, times, windows, receipts, commands."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from edge.outbox import Limits, Outbox, OutboxBroken, OutboxDamaged, connect, open_outbox
from edge.record import Record
from firmware import wire
from tests.edge.made import BOOT, BOOT_AT_MS, OTHER_BOOT, fault, fix, health, receipt
from tests.edge.paper_service import rows_of

LIMITS = Limits(max_mib=4, tolerance_m=5.0, window_ms=10_000, batch_rows=10)
ALL_TIME = {"from_ms": 0, "to_ms": wire.MAX_TIME_MS}


@pytest.fixture(params=["sqlite3", "apsw"])
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Outbox]]:
    """open_again(boot): the outbox of this test, closed before if it was open."""
    opened: list[Outbox] = []
    path = tmp_path / "outbox.db"

    def make(boot: str = BOOT, limits: Limits = LIMITS) -> Outbox:
        for outbox in opened:
            outbox.close()
        db: Any = connect(path) if request.param == "sqlite3" else apsw.Connection(str(path))
        opened[:] = [Outbox(db, boot, limits)]
        return opened[0]

    yield make
    for outbox in opened:
        outbox.close()


@pytest.fixture
def outbox(open_again: Callable[..., Outbox]) -> Outbox:
    return open_again()


def seqs(batch: wire.Batch | None) -> list[int]:
    assert batch is not None
    wire.encode_batch(batch)  # what is offered can be sent
    return sorted(seq for group in batch.groups for seq in group.columns["seq"])


def column(batch: wire.Batch | None, name: str) -> list[Any]:
    assert batch is not None
    return [value for group in batch.groups for value in group.columns[name]]


# --- numbers --------------------------------------------------------------------------------------------


def test_numbers_go_on_after_the_lane_was_emptied(open_again: Callable[..., Outbox]) -> None:
    outbox = open_again(limits=Limits(max_mib=4, black_box_days=0))
    outbox.append([fault(1000), fault(2000)])
    outbox.settle(receipt(outbox.epoch, event=(2, [(1, BOOT)])), 1)
    outbox.tidy(3000)
    assert outbox.take("event") is None
    outbox = open_again(OTHER_BOOT)
    outbox.append([fault(10, boot=OTHER_BOOT)])
    batch = outbox.take("event")
    assert seqs(batch) == [3]
    assert batch is not None
    assert (batch.prev, batch.prev_boot, batch.boot) == (0, None, OTHER_BOOT)


def test_a_batch_ends_at_the_boot_and_names_the_row_before(open_again: Callable[..., Outbox]) -> None:
    open_again().append([fault(1000), fault(2000)])
    outbox = open_again(OTHER_BOOT)
    outbox.append([fault(10, boot=OTHER_BOOT)])
    first = outbox.take("event")
    assert first is not None
    assert (seqs(first), first.prev, first.boot) == ([1, 2], 0, BOOT)
    second = outbox.take("event", (first.epoch, first.last_seq))
    assert second is not None
    assert (seqs(second), second.prev, second.prev_boot, second.boot) == ([3], 2, BOOT, OTHER_BOOT)
    assert outbox.take("event", (second.epoch, second.last_seq)) is None


def test_kinds_of_a_lane_share_its_numbers(outbox: Outbox) -> None:
    outbox.append([health(1000), health(2000, source="other"), fault(2500), health(3000)])
    batch = outbox.take("sense")
    assert batch is not None
    assert [(g.source, g.columns["seq"]) for g in batch.groups] == [("unit", [1, 3]), ("other", [2])]


def test_a_record_of_another_boot_is_refused(outbox: Outbox) -> None:
    with pytest.raises(ValueError, match="a record of boot"):
        outbox.append([fault(1, boot=OTHER_BOOT)])
    assert outbox.marks()["event"]["seq"] == 0


def test_the_connection_number_only_grows(open_again: Callable[..., Outbox]) -> None:
    assert [open_again().next_conn(), open_again().next_conn(), open_again(OTHER_BOOT).next_conn()] == [
        1,
        2,
        3,
    ]


def test_a_second_opener_is_refused_with_a_word(tmp_path: Path) -> None:
    outbox, _ = open_outbox(tmp_path / "outbox.db", BOOT, LIMITS)
    with pytest.raises(OutboxBroken, match="locked"):
        open_outbox(tmp_path / "outbox.db", BOOT, LIMITS)
    outbox.close()


# --- time -----------------------------------------------------------------------------------------------


def test_rows_are_timed_when_the_clock_is_won_until_they_are_offered(outbox: Outbox) -> None:
    outbox.append([health(1000, clock="none"), fault(2000, clock="none")])
    assert column(outbox.take("event"), "clock") == [0]  # no clock ever: the time counts from boot, for good
    outbox.append([fault(3000, clock="none")])
    assert outbox.set_clock(BOOT_AT_MS, "ntp") == (BOOT_AT_MS, "none")
    assert column(outbox.take("sense"), "time_ms") == [BOOT_AT_MS + 1000]
    assert column(outbox.take("event"), "time_ms") == [2000, BOOT_AT_MS + 3000]
    assert column(outbox.take("event"), "clock") == [0, wire.CLOCKS.index("ntp")]


def test_what_was_offered_never_changes_but_what_was_not_climbs_the_ladder(outbox: Outbox) -> None:
    outbox.append([health(1000, clock="none"), health(2000, clock="none")])
    outbox.set_clock(BOOT_AT_MS, "ntp")
    offered = column(outbox.take("sense", most=1), "time_ms")
    assert outbox.set_clock(BOOT_AT_MS + 700, "gnss") == (700, "ntp")
    assert column(outbox.take("sense"), "time_ms") == [*offered, BOOT_AT_MS + 2700]


def test_waiting_for_the_clock_holds_this_boot_only(open_again: Callable[..., Outbox]) -> None:
    open_again().append([health(1000)])
    outbox = open_again(OTHER_BOOT)
    outbox.append([health(10, boot=OTHER_BOOT, clock="none")])
    batch = outbox.take("sense", is_waiting=True)
    assert batch is not None
    assert seqs(batch) == [1]
    after = (batch.epoch, 1)
    assert outbox.take("sense", after, is_waiting=True) is None
    assert outbox.take("sense", after) is not None


def test_a_boot_without_a_clock_is_estimated_from_the_last_good_time(
    open_again: Callable[..., Outbox],
) -> None:
    outbox = open_again()
    outbox.set_clock(BOOT_AT_MS, "gnss")
    outbox.append([health(60_000)])
    outbox = open_again(OTHER_BOOT)
    assert outbox.last_good_ms() == BOOT_AT_MS + 60_000
    outbox.append([health(5000, boot=OTHER_BOOT, clock="none")])
    first = outbox.take("sense")
    assert first is not None
    second = outbox.take("sense", (first.epoch, 1))
    assert column(second, "time_ms") == [BOOT_AT_MS + 65_000]
    assert column(second, "clock") == [wire.CLOCKS.index("estimated")]
    # The clock is won after all: the step for what was estimated is told against the estimate.
    assert outbox.set_clock(BOOT_AT_MS + 90_000, "gnss") == (30_000, "estimated")
    assert column(outbox.take("sense", (first.epoch, 1)), "time_ms") == [BOOT_AT_MS + 65_000]


def test_a_boot_that_never_knew_is_bounded_by_both_neighbours(open_again: Callable[..., Outbox]) -> None:
    outbox = open_again()
    outbox.set_clock(BOOT_AT_MS, "gnss")
    outbox.append([fault(1000)])
    open_again(OTHER_BOOT).append([health(4000, boot=OTHER_BOOT, clock="none")])
    outbox = open_again("d" * 16)
    outbox.set_clock(BOOT_AT_MS + 100_000, "gnss")
    assert BOOT_AT_MS + 5000 <= column(outbox.take("sense"), "time_ms")[0] <= BOOT_AT_MS + 100_000


def content(batch: wire.Batch | None) -> list[Any]:
    assert batch is not None
    return rows_of(batch)


def test_what_was_sent_without_a_time_gets_one_from_a_later_boot(open_again: Callable[..., Outbox]) -> None:
    """The rows stay as they were sent; a correction of their own boot goes after them."""
    outbox = open_again()
    outbox.append([health(4000, clock="none"), health(9000, clock="none")])
    sent = content(outbox.take("sense"))
    outbox = open_again(OTHER_BOOT)
    outbox.tidy(1000)
    assert outbox.take("event") is None, "nobody knows yet"
    outbox.set_clock(BOOT_AT_MS + 60_000, "gnss")
    outbox.tidy(2000)
    assert column(outbox.take("sense"), "clock") == [0, 0]
    assert content(outbox.take("sense")) == sent
    correction = outbox.take("event")
    assert correction is not None
    assert correction.boot == BOOT
    assert correction.epoch == outbox.epoch, "a number that the boot itself cannot have given"
    assert column(correction, "clock") == [wire.CLOCKS.index("estimated")]
    assert column(correction, "boot_at_ms") == column(correction, "step_ms") == [BOOT_AT_MS + 51_000]
    assert outbox.set_clock(BOOT_AT_MS + 70_000, "gnss") is not None
    outbox.tidy(3000)
    assert outbox.take("event", (correction.epoch, 1)) is None, "one correction is enough"


def test_what_was_never_sent_needs_no_correction(open_again: Callable[..., Outbox]) -> None:
    epoch = open_again().epoch
    open_again().append([health(4000, clock="none")])
    outbox = open_again(OTHER_BOOT)
    outbox.set_clock(BOOT_AT_MS + 60_000, "gnss")
    outbox.tidy(1000)
    assert outbox.take("event") is None
    assert outbox.epoch == epoch
    assert column(outbox.take("sense"), "time_ms") == [BOOT_AT_MS + 60_000]


# --- the track ------------------------------------------------------------------------------------------


def drive(start: int, end: int, boot: str = BOOT) -> list[Any]:
    """A straight drive with a turn at second 25."""
    return [
        fix(s * 1000, 411_234_567 + 1000 * min(s, 25), 1_070_000_000 + 1500 * max(0, s - 25), boot)
        for s in range(start, end)
    ]


def test_a_window_goes_into_the_lane_simplified(outbox: Outbox) -> None:
    for record in drive(0, 60):
        outbox.append([record])
        outbox.close_windows(record.mono_ms)
    outbox.close_windows(60_000, is_final=True)
    seconds = [(ms - BOOT_AT_MS) // 1000 for ms in column(outbox.take("track"), "time_ms")]
    assert {0, 59} <= set(seconds)
    assert 25 in seconds
    assert len(seconds) <= 10


def test_an_open_window_is_resumed_after_a_restart(open_again: Callable[..., Outbox]) -> None:
    open_again().append(drive(0, 5))
    outbox = open_again(OTHER_BOOT)
    assert outbox.take("track") is None
    assert outbox.close_windows(100) == 2
    assert outbox.close_windows(200, is_final=True) == 0
    assert seqs(outbox.take("track")) == [1, 2]


def test_no_tolerance_sends_every_fix(open_again: Callable[..., Outbox]) -> None:
    outbox = open_again(limits=Limits(max_mib=4, tolerance_m=0.0, window_ms=1000))
    outbox.append(drive(0, 30))
    outbox.close_windows(30_000)
    assert len(seqs(outbox.take("track"))) == 30


def test_a_lost_position_is_told_and_cuts_the_line(outbox: Outbox) -> None:
    lost = health(5500).__class__(
        "fix", "gnss", BOOT, 5500, BOOT_AT_MS + 5500, BOOT_AT_MS, "gnss", {"fix_mode": 0}
    )
    outbox.append([*drive(0, 5), lost, *drive(6, 12)])
    outbox.close_windows(12_000, is_final=True)
    batch = outbox.take("track")
    assert column(batch, "lat_e7").count(None) == 1
    seconds = [(ms - BOOT_AT_MS) / 1000 for ms in column(batch, "time_ms")]
    assert seconds == [0, 4, 5.5, 6, 11]


def test_a_parked_unit_says_so_twice_an_hour(outbox: Outbox) -> None:
    for minute in range(8 * 60):
        outbox.append([fix(minute * 60_000 + second * 1000) for second in range(0, 60, 10)])
        outbox.close_windows(minute * 60_000 + 50_000)
    assert outbox.marks()["track"]["seq"] <= 17


def test_the_raw_track_is_sent_when_asked_for_once(outbox: Outbox) -> None:
    outbox.append(drive(0, 20))
    outbox.close_windows(20_000)
    before = outbox.marks()["track"]["seq"]
    command = {"id": "c1", "what": "raw_track", "from_ms": BOOT_AT_MS + 5000, "to_ms": BOOT_AT_MS + 9000}
    assert outbox.obey(command)
    assert not outbox.obey(command)
    batch = outbox.take("track", (outbox.epoch, before))
    assert batch is not None
    assert [group.source for group in batch.groups] == ["gnss-raw"]
    assert [(ms - BOOT_AT_MS) // 1000 for ms in column(batch, "time_ms")] == [5, 6, 7, 8, 9]
    answer = outbox.take("event")
    assert (column(answer, "command_id"), column(answer, "state"), column(answer, "rows")) == (
        ["c1"],
        [0],
        [5],
    )


# --- receipts -------------------------------------------------------------------------------------------


def test_a_receipt_marks_and_the_black_box_is_sent_again_when_asked(outbox: Outbox) -> None:
    outbox.append([fault(s * 1000, str(s)) for s in range(1, 31)])
    (settled,) = outbox.settle(receipt(outbox.epoch, event=(20, [(1, BOOT)])), 1)
    assert (settled.mark, settled.was, settled.is_lowered) == (20, 0, False)
    assert seqs(outbox.take("event")) == list(range(21, 31))
    assert outbox.obey({"id": "again", "what": "resend", "lane": "event", "first_seq": 5, "last_seq": 25})
    sent = []
    while (found := outbox.take_resend()) is not None:
        number, batch = found
        sent += seqs(batch)
        outbox.resent(number, batch)
    assert sent == list(range(5, 21))
    assert outbox.obey({"id": "gone", "what": "resend", "lane": "sense", "first_seq": 1, "last_seq": 9})
    assert column(outbox.take("event", (outbox.epoch, 30)), "state") == [0, 1]


def test_an_erased_unit_holds_only_what_nobody_has_yet(outbox: Outbox) -> None:
    outbox.append([fault(s * 1000, str(s)) for s in range(1, 31)])
    outbox.append(drive(0, 20))
    outbox.close_windows(20_000)
    outbox.append([health(60_000)])
    outbox.settle(receipt(outbox.epoch, event=(20, [(1, BOOT)])), 1)
    assert outbox.obey({"id": "forget", "what": "erase"})
    assert not outbox.obey({"id": "forget", "what": "erase"})
    assert seqs(outbox.take("event", (outbox.epoch, 29))) == [30, 31]
    answer = outbox.take("event", (outbox.epoch, 30))
    assert (column(answer, "command_id"), column(answer, "state")) == (["forget"], [0])
    assert column(answer, "rows")[0] >= 20
    assert outbox.obey({"id": "held", "what": "resend", "lane": "event", "first_seq": 1, "last_seq": 20})
    assert column(outbox.take("event", (outbox.epoch, 31)), "detail") == ["no such receipted rows"]
    assert outbox.obey({"id": "raw", "what": "raw_track", **ALL_TIME})
    assert column(outbox.take("event", (outbox.epoch, 32)), "rows") == [1], "but for the newest fix"
    assert seqs(outbox.take("track"))[0] == 1, "what waits for its first sending stays"
    assert outbox.take("sense") is not None


@pytest.mark.parametrize(
    ("asked", "detail"),
    [
        ({"what": "settings", "settings": {"version": 2}}, "the settings of this unit are a file on it"),
        ({"what": "update", "release": "00" * 32, "bytes": 9}, "this unit takes no updates"),
    ],
)
def test_what_is_not_for_a_pi_is_refused_with_words(
    outbox: Outbox, asked: dict[str, Any], detail: str
) -> None:
    assert outbox.obey({"id": "c1", **asked})
    answer = outbox.take("event")
    assert column(answer, "state") == [1]
    assert column(answer, "detail")[0].startswith(detail)


def test_receipts_of_others_change_nothing_and_a_lower_one_must_echo(outbox: Outbox) -> None:
    outbox.append([fault(s * 1000) for s in range(1, 11)])
    assert outbox.settle(receipt("f" * 16, event=(5, [(1, BOOT)])), 1) == []
    outbox.settle(receipt(outbox.epoch, event=(8, [(1, BOOT)])), 1)
    (late,) = outbox.settle(receipt(outbox.epoch, conn=3, event=(2, [(1, BOOT)])), 4)
    assert late.mark == 8
    (restored,) = outbox.settle(receipt(outbox.epoch, conn=4, event=(2, [(1, BOOT)])), 4)
    assert restored.is_lowered
    assert seqs(outbox.take("event")) == list(range(3, 11))


def test_a_fork_moves_rows_to_a_new_epoch(outbox: Outbox) -> None:
    outbox.append([health(s * 1000, s) for s in range(1, 11)])
    outbox.append([fault(500)])
    old = outbox.epoch
    offered = column(outbox.take("sense"), "time_ms")
    (settled,) = outbox.settle(receipt(old, sense=(8, [(1, BOOT), (6, OTHER_BOOT)])), 1)
    assert (settled.mark, settled.moved) == (5, 5)
    assert outbox.epoch != old
    batch = outbox.take("sense")
    assert batch is not None
    assert (batch.epoch, seqs(batch), batch.prev) == (outbox.epoch, [1, 2, 3, 4, 5], 0)
    assert column(batch, "uptime_s") == [6, 7, 8, 9, 10]
    assert column(batch, "time_ms") == offered[5:]
    event = outbox.take("event")
    assert event is not None
    assert event.epoch == old  # other lanes drain under the identity that the service may know already
    assert [s.moved for s in outbox.settle(receipt(old, sense=(8, [(1, BOOT), (6, OTHER_BOOT)])), 1)] == [
        None
    ]


def test_a_store_that_is_ahead_begins_a_new_epoch_once(outbox: Outbox) -> None:
    outbox.append([health(s * 1000, s) for s in range(1, 4)])
    old = outbox.epoch
    told = receipt(old, sense=(100, [(1, BOOT)]))
    assert outbox.settle(told, 1)[0].is_ahead
    assert outbox.epoch != old
    new = outbox.epoch
    assert not outbox.settle(told, 1)[0].is_ahead
    assert outbox.epoch == new
    outbox.append([health(9000, 9)])
    batch = outbox.take("sense")
    assert batch is not None
    assert (batch.epoch, seqs(batch)) == (new, [1])


def test_what_was_rolled_back_is_issued_again_under_the_same_number_but_never_receipted(
    open_again: Callable[..., Outbox], tmp_path: Path
) -> None:
    """The card lied: it falls back to 5 rows, and the unit goes on while the service holds 10."""
    outbox = open_again()
    outbox.append([health(s * 1000, s) for s in range(1, 6)])
    outbox.close()
    image = (tmp_path / "outbox.db").read_bytes()
    outbox = open_again()
    outbox.append([health(s * 1000, s) for s in range(6, 11)])
    told = receipt(outbox.epoch, sense=(10, [(1, BOOT)]))
    outbox.close()
    (tmp_path / "outbox.db").write_bytes(image)
    outbox = open_again(OTHER_BOOT)
    outbox.append([health(s, 100 + s, OTHER_BOOT) for s in range(1, 9)])
    (settled,) = outbox.settle(told, 1)
    assert (settled.mark, settled.moved) == (5, 8)
    assert column(outbox.take("sense"), "uptime_s") == list(range(101, 109))


# --- damage in a row ------------------------------------------------------------------------------------


def test_a_damaged_row_is_dropped_and_answered_for(outbox: Outbox) -> None:
    outbox.append([health(s * 1000, s) for s in range(1, 6)])
    outbox._db.execute("UPDATE rows SET body = '[7]' WHERE seq = 3")
    assert seqs(outbox.take("sense")) == [1, 2, 4, 5]
    told = outbox.take("event")
    assert [column(told, name) for name in ("first_seq", "last_seq", "count", "reason")] == [
        [3],
        [3],
        [1],
        [1],
    ]
    assert outbox.depth(6000).dropped == 1


@pytest.mark.parametrize(
    ("kind", "values", "mono_ms"),
    [("fault", {"part": "x", "code": "y", "state": 77}, 2000), ("fault", {"code": "y"}, 2000)],
)
def test_a_row_of_a_newer_program_does_not_block_its_lane(
    outbox: Outbox, kind: str, values: Any, mono_ms: int
) -> None:
    """After going back to an older one: it could never be put on the wire, and the agent would die of it."""
    newer = Record(kind, "test", BOOT, mono_ms, BOOT_AT_MS + mono_ms, BOOT_AT_MS, "gnss", values)
    outbox.append([fault(1000, "before"), newer, fault(3000, "behind")])
    batch = outbox.take("event")
    assert batch is not None
    wire.encode_batch(batch)
    assert column(batch, "code") == ["before", "behind"]
    assert outbox.depth(6000).dropped == 1


def test_a_file_of_something_else_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    db = connect(path)
    db.execute("CREATE TABLE songs (name)")
    with pytest.raises(OutboxDamaged):
        Outbox(db, BOOT, LIMITS)
    db.close()


def test_the_last_good_time_is_that_of_the_last_boot_that_had_one(open_again: Callable[..., Outbox]) -> None:
    """A date that was once wrong must not count for ever, and a clock on board may be off by minutes."""
    for boot, boot_at_ms, clock in (
        ("a" * 16, BOOT_AT_MS + 20 * 365 * 86_400_000, "gnss"),
        ("b" * 16, BOOT_AT_MS, "ntp"),
        ("c" * 16, BOOT_AT_MS + 300_000, "rtc"),
    ):
        outbox = open_again(boot)
        outbox.set_clock(boot_at_ms, clock)
    assert open_again("d" * 16).last_good_ms() == BOOT_AT_MS
