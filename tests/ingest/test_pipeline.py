"""What the pipeline stores and answers, case by case, with a broker on paper and a real store."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from firmware import wire
from ingest.bulk import Decoded
from ingest.history import StoreBusy
from ingest.ledger import last_values, marks, units
from ingest.ledger.files import open_reading
from ingest.ledger.quarantine import Bounds
from ingest.pipeline import Limits
from ingest.salvage import HOPELESS_TIMES
from tests.fixtures.waiting import wait_until
from tests.ingest.made import EPOCH, NOW_MS, OTHER_EPOCH, UNIT, A, B, C, Desk, batch_of, birth, fixes, group


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.connection.close()


def test_a_batch_is_stored_acknowledged_and_receipted(desk: Desk) -> None:
    receipt = desk.send(fixes(range(1, 61)))
    assert receipt == {
        "v": 1,
        "conn": 0,
        "epoch": EPOCH,
        "lanes": {
            "event": {"mark": 0, "runs": []},
            "sense": {"mark": 0, "runs": []},
            "track": {"mark": 60, "runs": [[1, A]]},
        },
    }
    assert desk.broker.published[0][0] == "ortoo/v1/library-01/receipt"
    assert desk.broker.acked == [1]
    assert desk.seqs() == list(range(1, 61))


def test_one_receipt_per_unit_and_group(desk: Desk) -> None:
    for first in (1, 11, 21):
        desk.put(fixes(range(first, first + 10)))
    desk.put(fixes(range(1, 3)), unit="police-07")
    desk.pipeline.step(desk.stop)
    assert [topic.split("/")[2] for topic, _ in desk.broker.published] == [UNIT, "police-07"]
    assert desk.mark(desk.broker.published[0][1]) == 30


def test_nothing_is_answered_before_the_commit(desk: Desk) -> None:
    """Kill the process at the last moment before the commit: nothing was promised, nothing is there."""
    desk.put(fixes(range(1, 4)))
    desk.connection.execute("BEGIN IMMEDIATE")
    group_ = desk.intake.take(10)
    desk.kill()
    assert (desk.broker.acked, desk.broker.published, desk.seqs()) == ([], [], [])
    desk.intake.put(group_[0])
    desk.pipeline.step(desk.stop)
    assert desk.seqs() == [1, 2, 3]


def test_committed_before_the_answer_is_answered_when_it_comes_again(desk: Desk) -> None:
    desk.send(fixes(range(1, 4)))
    desk.kill()
    assert desk.mark(desk.send(fixes(range(1, 4)))) == 3
    assert desk.seqs() == [1, 2, 3]


def test_a_repeat_changes_nothing_and_is_answered(desk: Desk) -> None:
    desk.send(fixes(range(1, 11)))
    assert desk.mark(desk.send(fixes(range(1, 11)))) == 10
    assert desk.seqs() == list(range(1, 11))
    assert desk.refused() == []
    assert desk.count("batches", "repeat") == 1


def test_a_resend_cut_differently_stores_only_what_is_new(desk: Desk) -> None:
    desk.send(fixes(range(1, 11)))
    assert desk.mark(desk.send(fixes(range(6, 21)))) == 20
    assert desk.seqs() == list(range(1, 21))
    assert desk.refused() == []


def test_overlapping_batches_in_one_group(desk: Desk) -> None:
    desk.send(fixes(range(1, 11)), fixes(range(6, 16)), fixes(range(1, 31)))
    assert desk.seqs() == list(range(1, 31))
    assert desk.refused() == []


def test_a_batch_beyond_the_mark_is_answered_with_the_mark(desk: Desk) -> None:
    desk.send(fixes(range(1, 11)))
    receipt = desk.send(fixes(range(21, 31)))
    assert desk.mark(receipt) == 10
    assert desk.seqs() == list(range(1, 11))


def test_a_fork_is_answered_with_the_runs_and_raised(desk: Desk) -> None:
    desk.send(fixes(range(1, 101)))
    receipt = desk.send(fixes(range(91, 121), boot=B, prev_boot=A))
    assert receipt["lanes"]["track"] == {"mark": 100, "runs": [[1, A]]}
    assert desk.seqs() == list(range(1, 101))
    assert [refused.cause for refused in desk.refused()] == ["fork"]


def test_the_forked_rows_come_in_a_new_epoch(desk: Desk) -> None:
    desk.send(fixes(range(1, 4)))
    receipt = desk.send(fixes(range(1, 3), boot=B, epoch=OTHER_EPOCH))
    assert receipt["epoch"] == OTHER_EPOCH
    assert desk.mark(receipt) == 2
    assert desk.seqs() == [1, 1, 2, 2, 3]


def test_the_same_identity_with_other_content_is_set_aside_and_raised(desk: Desk) -> None:
    desk.send(fixes(range(1, 11)))
    receipt = desk.send(fixes(range(6, 21), lat_e7=lambda seq: 1 if seq == 8 else 492122000))
    assert desk.mark(receipt) == 20
    assert desk.seqs() == list(range(1, 21))
    assert 1 not in desk.stored().columns["lat_e7"]
    (refused,) = desk.refused()
    assert (refused.cause, refused.detail) == ("conflict", "1 rows from seq 8 are stored with other content")
    assert desk.count("rows_conflicting", "track") == 1


def test_a_conflict_within_one_group_is_seen(desk: Desk) -> None:
    desk.send(fixes(range(1, 11)), fixes(range(1, 11), speed_cm_s=7))
    assert [refused.cause for refused in desk.refused()] == ["conflict"]


def test_lost_rows_are_booked_and_the_lane_goes_on(desk: Desk) -> None:
    desk.send(fixes(range(1, 51)))
    assert desk.mark(desk.send(fixes(range(81, 91), prev=50))) == 90
    (lane,) = marks.lanes(desk.connection, UNIT)
    assert (lane.mark, lane.stored, lane.gone) == (90, 60, 30)
    (gap,) = marks.gaps(desk.connection, UNIT)
    assert (gap.first_seq, gap.last_seq, gap.count) == (51, 80, 30)


def test_rows_that_were_booked_as_gone_and_come_after_all_are_taken_once(desk: Desk) -> None:
    desk.send(fixes(range(1, 51)))
    desk.send(fixes(range(81, 91), prev=50))
    for _ in range(2):
        desk.send(fixes(range(41, 86)))
    assert desk.seqs() == list(range(1, 91))
    assert desk.count("rows_filled", "track") == 30
    assert desk.refused() == []


def test_lanes_do_not_wait_for_each_other(desk: Desk) -> None:
    receipt = desk.send(
        fixes(range(5, 8)), wire.encode_batch(batch_of([group("fault", [1])])), fixes(range(1, 3))
    )
    assert receipt["lanes"]["event"]["mark"] == 1
    assert desk.mark(receipt) == 2


def test_a_birth_is_answered_and_its_connection_echoed(desk: Desk) -> None:
    receipt = desk.send(birth(7), leaf="birth")
    assert (receipt["conn"], receipt["epoch"], desk.mark(receipt)) == (7, EPOCH, 0)
    assert desk.send(fixes([1]))["conn"] == 7
    assert desk.send(fixes([1], epoch=OTHER_EPOCH))["conn"] == 7, "an older epoch of the same outbox"
    desk.kill()
    assert desk.send(fixes([2]))["conn"] == 7


def test_a_card_that_counts_its_connections_from_lower_down_is_answered(desk: Desk) -> None:
    desk.send(birth(7), leaf="birth")
    assert desk.send(birth(6), leaf="birth")["conn"] == 6
    assert desk.send(birth(1, epoch=OTHER_EPOCH), leaf="birth")["conn"] == 1
    desk.kill()
    assert desk.send(fixes([1], epoch=OTHER_EPOCH))["conn"] == 1


def test_a_will_is_not_answered(desk: Desk) -> None:
    assert desk.send(birth(7, "offline"), leaf="birth") == {}


def test_a_birth_is_told_all_runs_and_a_batch_the_last(desk: Desk) -> None:
    boots = [f"{number:016x}" for number in range(1, 41)]
    for seq, boot in enumerate(boots, 1):
        prev_boot = boots[seq - 2] if seq > 1 else None
        receipt = desk.send(fixes([seq], boot=boot, prev_boot=prev_boot))
    assert receipt["lanes"]["track"]["runs"] == [[seq, boots[seq - 1]] for seq in range(37, 41)]
    receipt = desk.send(birth(1), leaf="birth")
    assert receipt["lanes"]["track"]["runs"] == [[seq, boots[seq - 1]] for seq in range(9, 41)]


# --- what cannot be accepted


def unknown_field(payload: bytes) -> bytes:
    """As a newer unit may send: one more varint, number 99, in the last group of the batch."""
    field = b"\x98\x06\x01"
    at = payload.rindex(b"\x82\x01") + 2  # the tag of kind fix
    return payload[:at] + bytes([payload[at] + len(field)]) + payload[at + 1 :] + field


def test_what_cannot_be_accepted_is_set_aside_and_receipted(desk: Desk) -> None:
    desk.send(fixes([1, 2]))
    bad = unknown_field(fixes([3, 4]))
    with pytest.raises(wire.WireError):
        wire.decode_batch(bad)
    assert desk.mark(desk.send(bad)) == 4
    assert desk.mark(desk.send(fixes([5]))) == 5
    assert desk.seqs() == [1, 2, 5]
    (refused,) = desk.refused()
    assert (refused.unit, refused.cause, refused.size_bytes) == (UNIT, "shape", len(bad))
    assert desk.broker.acked == [1, 2, 3]


def test_what_cannot_be_accepted_still_has_to_fit_its_lane(desk: Desk) -> None:
    desk.send(fixes([1, 2]))
    assert desk.mark(desk.send(unknown_field(fixes([5, 6])))) == 2
    assert desk.mark(desk.send(unknown_field(fixes([3, 4], boot=B)))) == 2


def test_damaged_rows_under_a_good_header_are_passed_one_by_one_at_last(desk: Desk) -> None:
    good = fixes([1, 2, 3])
    bad = good[: good.rindex(b"\x82\x01")] + b"\x82\x01\x01\xff"  # a group of one byte that is no protobuf
    for _ in range(HOPELESS_TIMES - 1):
        assert desk.mark(desk.send(bad)) == 0
    assert desk.mark(desk.send(bad)) == 1
    (refused,) = desk.refused()
    assert refused.times == HOPELESS_TIMES


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x78\x9c garbage", b"\x08\x02", b"\xff" * 40])
def test_what_says_nothing_moves_nothing(desk: Desk, payload: bytes) -> None:
    desk.send(fixes([1]))
    desk.send(payload)
    desk.send(payload)
    (refused,) = desk.refused()
    assert refused.times == 2
    assert desk.broker.acked == [1, 2, 3]
    assert desk.mark(desk.send(fixes([2]))) == 2


def test_the_quarantine_is_bounded_and_what_falls_out_is_counted(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Limits(group_ms=0, quarantine=Bounds(max_rows=20, max_bytes=1000)))
    for number in range(50):
        desk.send(b"%d" % number, unit=f"u-{number % 25}")
    assert len(desk.refused()) == 20
    for number in range(10):
        desk.send(b"%d" % number * 150, unit=f"u-{number}")
    assert sum(refused.size_bytes for refused in desk.refused()) <= 1000
    assert desk.count("refused_dropped", "bounds") > 30
    desk.connection.close()


def test_the_first_refusal_of_a_sort_is_said_aloud_the_rest_quietly(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20):
        desk.send(b"%d" % number)
    assert [record.levelname for record in caplog.records if "set aside" in record.message] == ["WARNING"]


def test_a_noisy_unit_does_not_push_the_others_out(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Limits(group_ms=0, quarantine=Bounds(max_rows=50)))
    desk.send(b"quiet", unit="quiet")
    for number in range(200):
        desk.send(b"%d" % number, unit="noisy")
    assert len(desk.refused()) == 6
    assert desk.refused()[-1].unit == "quiet"
    desk.connection.close()


def test_a_bad_birth_and_a_bad_live_are_set_aside(desk: Desk) -> None:
    desk.send(b"{", leaf="birth")
    desk.send(b'{"v":1}', leaf="live")
    desk.time.now_ms += 2000
    desk.pipeline.step(desk.stop)
    assert sorted((refused.topic.split("/")[-1], refused.cause) for refused in desk.refused()) == [
        ("birth", "not_json"),
        ("live", "missing"),
    ]


def test_a_message_that_breaks_the_program_is_alone_set_aside(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong with one message, the others of its group pass, and its lane goes on."""
    from ingest import group as module

    breaking, decode_all = fixes([3]), module.decode_all

    def breaks(payloads: Sequence[bytes]) -> list[Decoded | wire.WireError]:
        if breaking in payloads:
            raise ZeroDivisionError
        return decode_all(payloads)

    monkeypatch.setattr(module, "decode_all", breaks)
    desk.send(*(fixes([seq]) for seq in range(1, 6)))
    assert desk.seqs() == [1, 2, 4, 5]
    assert [refused.cause for refused in desk.refused()] == ["internal"]
    assert sorted(desk.broker.acked) == [1, 2, 3, 4, 5]
    assert desk.mark(desk.broker.published[-1][1]) == 5


# --- time


def test_what_claims_to_be_from_the_future_is_kept_apart(desk: Desk) -> None:
    day_ms = 86_400_000
    desk.send(fixes([1, 2, 3], time_ms=lambda seq: NOW_MS + (day_ms if seq > 1 else 0)))
    assert desk.mark(desk.broker.published[-1][1]) == 3
    assert desk.seqs() == [1]
    assert desk.count("rows_ahead", "fix") == 2
    assert desk.live.snapshot()[1][0]["sampled_at"] is None
    assert desk.mark(desk.send(fixes([4]))) == 4
    assert desk.connection.execute("SELECT COUNT(*) FROM chunk WHERE is_ahead").fetchone() == (1,)


@pytest.mark.parametrize("parts", [[range(1, 7)], [range(1, 4), range(4, 7)], [[seq] for seq in range(1, 7)]])
def test_a_position_lost_within_a_group_is_shown(desk: Desk, parts: list[Sequence[int]]) -> None:
    """The last rows know no position; the marker stands where the last one was."""

    def unless_lost(value: int) -> Callable[[int], int | None]:
        return lambda seq: value + seq if seq < 4 else None

    cells = {"lat_e7": unless_lost(492122000), "lon_e7": unless_lost(1197658000), "speed_cm_s": None}
    desk.send(*(fixes(part, fix_mode=lambda seq: 2 if seq < 4 else 0, **cells) for part in parts))
    (shown,) = desk.live.snapshot()[1]
    assert (shown["lat_deg"], shown["fix_mode"]) == (49.2122003, "none")


def test_the_newest_value_of_a_series_is_a_row(desk: Desk) -> None:
    rows = group("health", range(1, 4), uptime_s=lambda seq: 60 * seq)
    desk.send(wire.encode_batch(batch_of([rows])), fixes([1]))
    desk.send(wire.encode_batch(batch_of([group("health", [4], uptime_s=1, time_ms=NOW_MS - 90_000_000)])))
    found = {(last.kind, last.source): last for last in last_values.of_unit(desk.connection, UNIT)}
    assert found["health", "unit"].values["uptime_s"] == 180
    assert found["fix", "gnss"].seq == 1


# --- live, units, the store


def test_a_unit_is_known_from_its_first_message_of_any_sort(desk: Desk) -> None:
    live = wire.encode_json("live", {"conn": 1, "time_ms": NOW_MS, "clock": "gnss", "lat_e7": 1, "lon_e7": 2})
    desk.send(live, unit="a-1", leaf="live")
    desk.send(birth(1), unit="b-2", leaf="birth")
    desk.send(b"garbage", unit="c-3")
    desk.time.now_ms += 2000
    desk.pipeline.step(desk.stop)
    assert [unit.unit for unit in units.all_units(desk.connection)] == ["a-1", "b-2", "c-3"]
    assert not units.all_units(desk.connection)[0].is_registered


def test_live_state_outlives_a_restart(desk: Desk) -> None:
    desk.send(birth(1, name="Bookmobile"), leaf="birth")
    desk.send(fixes(range(1, 4)))
    desk.time.now_ms += 2000
    desk.pipeline.step(desk.stop)
    before = desk.live.snapshot()[1][0]
    desk.kill()
    assert desk.live.snapshot()[1] == [before | {"connection": "unknown"}]


def test_registering_a_unit(desk: Desk) -> None:
    desk.send(fixes([1]))
    found: list[bool] = []
    asker = threading.Thread(
        target=lambda: found.extend(
            [
                desk.pipeline.register_unit(UNIT, "Bookmobile", ["library"]),
                desk.pipeline.register_unit("nobody", None, []),
            ]
        )
    )
    asker.start()

    def is_answered() -> bool:
        desk.pipeline.step(desk.stop)
        return len(found) == 2

    wait_until(is_answered)
    asker.join()
    assert found == [True, False]
    shown = desk.live.snapshot()[1][0]
    assert (shown["name"], shown["capabilities"], shown["is_registered"]) == ("Bookmobile", ["library"], True)


class StubbornStore(threading.Event):
    """Stands for the stop event: counts the waits, and frees the store after some of them."""

    def __init__(self, after: int, free: "object") -> None:
        super().__init__()
        self.waits: list[float] = []
        self._after, self._free = after, free

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        if len(self.waits) == self._after:
            self._free()  # type: ignore[operator]
        return False


def test_a_full_disk_answers_nothing_and_heals(desk: Desk) -> None:
    pages = desk.connection.execute("PRAGMA page_count").fetchone()[0]
    desk.connection.execute(f"PRAGMA max_page_count = {pages}")
    seen: list[object] = []

    def free() -> None:
        seen.extend([desk.pipeline.is_writable, list(desk.broker.acked), list(desk.broker.published)])
        desk.connection.execute("PRAGMA max_page_count = 1000000")

    desk.stop = StubbornStore(5, free)
    payloads = [
        fixes(range(first, first + 500), time_ms=lambda seq: NOW_MS - 50_000_000 + 1000 * seq)
        for first in range(1, 40001, 500)
    ]
    desk.send(*payloads)
    assert seen == [False, [], []]
    assert set(desk.stop.waits) == {0.05}  # in slices, so that live goes on
    assert desk.pipeline.is_writable
    assert len(desk.broker.acked) == len(payloads)
    assert desk.seqs() == list(range(1, 40001))
    assert desk.count("waits", "store") == 0  # counted with the next housekeeping
    desk.time.now_ms += 2000
    desk.pipeline.step(desk.stop)
    assert desk.count("waits", "store") == 2  # for 0.1 s and, free before its end, for 0.2 s


def test_live_goes_on_while_the_store_takes_nothing(desk: Desk) -> None:
    other = sqlite3.connect(desk.folder / "store.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    desk.connection.execute("PRAGMA busy_timeout = 1")
    live = {"conn": 1, "time_ms": NOW_MS, "clock": "gnss", "lat_e7": 10, "lon_e7": 20, "fix_mode": "3d"}
    desk.stop = StubbornStore(3, lambda: other.execute("ROLLBACK"))
    desk.put(fixes([1]))
    desk.intake.put_live(
        desk.intake._waiting[0]._replace(
            topic=wire.topic(UNIT, "live"), payload=wire.encode_json("live", live)
        )
    )
    desk.pipeline.step(desk.stop)
    other.close()
    assert desk.live.snapshot()[1][0]["lat_deg"] == 1e-6
    assert desk.seqs() == [1]


def test_a_change_that_finds_no_turn_says_so(desk: Desk) -> None:
    with pytest.raises(StoreBusy, match="try again"):
        desk.pipeline.change(lambda ledger: ledger, wait_s=0.01)


def test_readers_see_the_marks_move(desk: Desk) -> None:
    reading = open_reading(desk.folder / "store.sqlite3")
    desk.send(fixes([1, 2]))
    assert [lane.mark for lane in marks.lanes(reading, UNIT)] == [2]
    desk.send(fixes([3], boot=C, prev_boot=A))
    assert marks.mark_and_runs(reading, (UNIT, EPOCH, "track")) == (3, [(1, A), (3, C)])
    reading.close()
