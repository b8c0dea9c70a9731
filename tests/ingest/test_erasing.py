"""Erasing: nothing of a unit is left where anybody looks, and nothing old comes back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from firmware import wire
from ingest.erasing import ASK_AGAIN_MS
from ingest.history.sqlite import SqliteHistory
from ingest.ledger import dirty_hours, erasures, last_values, marks
from ingest.ledger.erasures import Erasure
from ingest.rounds import SWEEP_S
from tests.ingest.made import EPOCH, NOW_MS, UNIT, Desk, batch_of, birth, fixes, group

OTHER = "library-02"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.connection.close()


def erase(desk: Desk, unit: str = UNIT, who: str = "the county's office") -> Erasure | None:
    """As the API asks for it from its own thread, while the pipeline works."""
    with ThreadPoolExecutor(1) as api:
        asked = api.submit(desk.pipeline.erase_unit, unit, who)
        while not asked.done():
            desk.pipeline.step(desk.stop)
        return asked.result()


def pass_time(desk: Desk, seconds: float) -> None:
    desk.time.now_ms += int(seconds * 1000)
    desk.pipeline.step(desk.stop)


def everywhere(desk: Desk, unit: str = UNIT) -> dict[str, int]:
    """How much of a unit is in each place that an erasure empties."""
    history = SqliteHistory(desk.connection)
    tables = ("last_value", "quarantine", "dirty_hour", "series", "origin", "correction")
    counts = {
        table: desk.connection.execute(f"SELECT COUNT(*) FROM {table} WHERE unit = ?", (unit,)).fetchone()[0]
        for table in tables
    }
    counts["rows"] = desk.stored(unit=unit).rows
    counts["summaries"] = len(history.summaries(unit, "fix", "gnss", 0, wire.MAX_TIME_MS))
    return counts


def test_everything_of_the_unit_goes_and_nothing_of_others(desk: Desk) -> None:
    for unit in (UNIT, OTHER):
        desk.send(birth(1, name="Nomad"), unit=unit, leaf="birth")
        desk.send(fixes(range(1, 61), time_ms=lambda seq: NOW_MS - 90_000_000 + seq), unit=unit)
        desk.send(fixes(range(61, 99)), b"nonsense", unit=unit)
    pass_time(desk, 30)
    assert all(count for name, count in everywhere(desk).items() if name != "correction")
    before = everywhere(desk, OTHER)
    erasure = erase(desk)
    assert erasure is not None
    assert (erasure.unit, erasure.who, erasure.erased_ms) == (UNIT, "the county's office", desk.time.now_ms)
    assert not any(everywhere(desk).values())
    assert everywhere(desk, OTHER) == before
    shown = desk.live.find(UNIT)
    assert shown is not None
    assert (shown["name"], shown["lat_deg"], shown["sampled_at"], shown["vitals"]) == (
        "Nomad",
        None,
        None,
        {},
    )
    assert marks.lanes(desk.connection, UNIT)[0].mark == 98, "else it would send everything again"
    pass_time(desk, 5)
    desk.kill()
    shown = desk.live.find(UNIT)
    assert shown is not None
    assert shown["lat_deg"] is None
    assert erasures.newest(desk.connection, 9, UNIT)[0].who == "the county's office"


def test_nobody_is_erased_who_was_never_heard_of(desk: Desk) -> None:
    assert erase(desk, "boat") is None
    assert erasures.newest(desk.connection, 9) == []


def test_what_is_sent_again_below_the_mark_is_not_taken_back(desk: Desk) -> None:
    desk.send(fixes(range(1, 61)))
    erase(desk)
    receipt = desk.send(fixes(range(1, 61)))
    assert desk.mark(receipt) == 60
    desk.send(fixes(range(31, 91), time_ms=lambda seq: desk.time.now_ms + seq))
    assert desk.seqs() == list(range(61, 91))


def test_what_waited_on_the_unit_goes_when_it_comes(desk: Desk) -> None:
    desk.send(fixes(range(1, 61)))
    erase(desk)
    late = batch_of([group("fix", range(61, 121), time_ms=lambda seq: NOW_MS - 86_400_000 + seq)])
    desk.send(wire.encode_batch(late))
    pass_time(desk, 1)
    desk.send(fixes(range(121, 125), time_ms=lambda seq: NOW_MS + 500 + seq))
    shown = desk.live.find(UNIT)
    assert shown is not None
    assert shown["sampled_at"] is not None, "what is new is shown"
    pass_time(desk, SWEEP_S + 10)
    assert desk.seqs() == [121, 122, 123, 124]
    assert [value.seq for value in last_values.of_unit(desk.connection, UNIT)] == [124]


def test_an_old_fix_moves_no_marker_after_an_erasure(desk: Desk) -> None:
    desk.send(fixes(range(1, 61)))
    erase(desk)
    desk.send(fixes(range(61, 71), time_ms=lambda seq: NOW_MS - 3_600_000 + seq))
    shown = desk.live.find(UNIT)
    assert shown is not None
    assert shown["lat_deg"] is None
    pass_time(desk, SWEEP_S + 10)
    assert last_values.of_unit(desk.connection, UNIT) == []


def test_the_unit_is_asked_until_it_answers(desk: Desk) -> None:
    desk.send(fixes(range(1, 61)))
    desk.broker.is_connected = False
    erasure = erase(desk)
    assert erasure is not None
    pass_time(desk, 20)
    assert erasures.newest(desk.connection, 1)[0].told_ms is None
    desk.broker.is_connected = True
    desk.broker.commands.clear()
    pass_time(desk, 20)
    pass_time(desk, 20)
    command = {"v": 1, "id": erasure.command_id, "what": "erase"}
    assert desk.broker.commands == [(wire.topic(UNIT, "command"), command)]
    pass_time(desk, ASK_AGAIN_MS / 1000)
    assert len(desk.broker.commands) == 2, "a broker forgets"
    desk.send(wire.encode_batch(answer(erasure, desk.time.now_ms)))
    pass_time(desk, 20)
    (book,) = erasures.newest(desk.connection, 9)
    assert book.answered_ms == desk.time.now_ms
    pass_time(desk, ASK_AGAIN_MS / 1000)
    assert len(desk.broker.commands) == 2


def answer(erasure: Erasure, time_ms: int) -> wire.Batch:
    cells: dict[str, Any] = {"command_id": erasure.command_id, "state": 0, "rows": 9}
    return batch_of([group("answer", [1], time_ms=time_ms, **cells)])


def test_hours_of_the_unit_are_marked_again_afterwards(desk: Desk) -> None:
    """What the pipeline remembers as marked must not outlive the marks."""
    desk.send(fixes(range(1, 61), time_ms=lambda seq: NOW_MS + seq))
    erase(desk)
    assert dirty_hours.count(desk.connection) == 0
    desk.time.now_ms += 60_000
    desk.send(fixes(range(61, 63), time_ms=lambda seq: NOW_MS + 30_000 + seq))
    assert dirty_hours.count(desk.connection) == 1


def test_a_store_that_is_busy_erases_nothing(desk: Desk) -> None:
    desk.send(fixes(range(1, 61)))
    desk.connection.execute("CREATE TRIGGER no BEFORE INSERT ON erasure BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(Exception, match="no"):
        erase(desk)
    assert desk.seqs() == list(range(1, 61))
    assert last_values.of_unit(desk.connection, UNIT)[0].seq == 60
    assert [lane.epoch for lane in marks.lanes(desk.connection, UNIT)] == [EPOCH]


def test_no_byte_of_it_is_left_in_the_file(desk: Desk) -> None:
    """Deleted pages are zeroed, and the log before the file is cut."""
    secret = "the midwife's yurt"
    fault = group("fault", range(1, 61), part="gnss", code="silent", state=0, detail=secret)
    desk.send(wire.encode_batch(batch_of([fault])))
    files = list(desk.folder.glob("store.sqlite3*"))
    assert any(secret.encode() in path.read_bytes() for path in files)
    erase(desk)
    pass_time(desk, 20)
    for path in desk.folder.glob("store.sqlite3*"):
        assert secret.encode() not in path.read_bytes(), path.name
