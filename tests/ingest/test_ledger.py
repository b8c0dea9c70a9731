"""The ledger's functions, noun by noun, and its files."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import wire
from ingest.ledger import counters, keys, last_values, live_states, marks, quarantine, sessions, units
from ingest.ledger.files import StoreInUse, access_path, lock_store, open_access, open_reading, open_store
from ingest.ledger.marks import MAX_GAPS, Gap
from ingest.ledger.schema import LEDGER_STEPS, SchemaError, advance
from tests.ingest.made import EPOCH, GNSS, NONE, NOW_MS, UNIT, A, B, group

LANE = (UNIT, EPOCH, "track")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "store.sqlite3")
    yield connection
    connection.close()


@pytest.fixture
def access(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_access(tmp_path / "store.sqlite3")
    yield connection
    connection.close()


# --- files


def test_the_store_survives_a_power_cut_after_a_commit(ledger: sqlite3.Connection) -> None:
    assert ledger.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert ledger.execute("PRAGMA synchronous").fetchone() == (2,)


def test_steps_are_taken_once_and_a_newer_file_is_refused(ledger: sqlite3.Connection) -> None:
    advance(ledger, "ledger", LEDGER_STEPS)
    advance(
        ledger, "ledger", (*LEDGER_STEPS, "CREATE TABLE later (id INTEGER); INSERT INTO later VALUES (1)")
    )
    assert ledger.execute("SELECT id FROM later").fetchall() == [(1,)]
    with pytest.raises(SchemaError, match="upgrade"):
        advance(ledger, "ledger", LEDGER_STEPS)


def test_a_step_that_fails_leaves_nothing(ledger: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.Error):
        advance(ledger, "other", ("CREATE TABLE half (id INTEGER); CREATE TABEL",))
    assert ledger.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)


def test_a_second_service_is_kept_away(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "store.sqlite3"
    with lock_store(path), pytest.raises(StoreInUse, match="another ortoo-ingest"):
        lock_store(path)
    lock_store(path).close()


def test_readers_cannot_write(ledger: sqlite3.Connection, tmp_path: Path) -> None:
    reading = open_reading(tmp_path / "store.sqlite3")
    with pytest.raises(sqlite3.OperationalError):
        units.see(reading, [UNIT], NOW_MS)
    reading.close()


# --- marks


def test_marks_and_runs(ledger: sqlite3.Connection) -> None:
    assert marks.mark_and_runs(ledger, LANE) == (0, [])
    marks.move(ledger, [(*LANE, 10, 8, 2, NOW_MS)])
    marks.add_runs(ledger, [(*LANE, 1, A)])
    marks.move(ledger, [(*LANE, 15, 5, 0, NOW_MS + 1)])
    marks.add_runs(ledger, [(*LANE, 11, B)])
    assert marks.mark_and_runs(ledger, LANE) == (15, [(1, A), (11, B)])
    (lane,) = marks.lanes(ledger, UNIT)
    assert (lane.stored, lane.gone, lane.moved_ms) == (13, 2, NOW_MS + 1)


def test_gaps_are_bounded(ledger: sqlite3.Connection) -> None:
    for number in range(MAX_GAPS + 20):
        marks.add_gap(ledger, Gap(*LANE, 10 * number + 1, 10 * number + 2, 2, NOW_MS))
    found = marks.gaps(ledger, UNIT)
    assert len(found) == MAX_GAPS
    assert found[0].first_seq == 10 * (MAX_GAPS + 19) + 1


# --- units


def test_a_unit_is_seen_born_and_registered(ledger: sqlite3.Connection) -> None:
    assert units.find(ledger, UNIT) is None
    assert not units.register(ledger, UNIT, None, [])
    units.see(ledger, [UNIT], NOW_MS)
    units.see(ledger, [UNIT], NOW_MS + 5)
    unit = units.find(ledger, UNIT)
    assert unit is not None
    assert (unit.first_seen_ms, unit.is_registered, unit.name, unit.capabilities) == (NOW_MS, False, None, ())
    birth = {
        "conn": 3,
        "epoch": EPOCH,
        "boot": A,
        "software": "1",
        "name": "Bus",
        "capabilities": ["library"],
    }
    units.note_birth(ledger, UNIT, birth)
    unit = units.find(ledger, UNIT)
    assert unit is not None
    assert (unit.name, unit.capabilities, unit.conn, unit.epoch) == ("Bus", ("library",), 3, EPOCH)
    assert units.register(ledger, UNIT, "Нүүдлийн номын сан", ["library", "health"])
    units.note_birth(ledger, UNIT, birth)
    (unit,) = units.all_units(ledger)
    assert (unit.name, unit.capabilities, unit.is_registered) == (
        "Нүүдлийн номын сан",
        ("library", "health"),
        True,
    )


# --- last values, live states, counters


def test_a_last_value_is_replaced_by_a_newer_one_only(ledger: sqlite3.Connection) -> None:
    def put(time_ms: int, seq: int, clock: int = GNSS) -> None:
        body = wire.encode_group(group("fix", [seq - 1, seq], satellites=lambda seq: seq), seq - 2)
        last_values.put(ledger, [(UNIT, "fix", "gnss", time_ms, seq, clock, NOW_MS, seq - 2, body)])

    def seq() -> int:
        (last,) = last_values.of_unit(ledger, UNIT)
        assert last.values["satellites"] == last.seq
        return last.seq

    put(5000, 2, NONE)
    put(1000, 3)
    assert seq() == 3
    put(900, 4)
    put(999_999, 5, NONE)
    assert seq() == 3
    put(1000, 6)
    assert seq() == 6


def test_live_states_and_counters(ledger: sqlite3.Connection) -> None:
    live_states.put(ledger, [(UNIT, '{"conn":1}')])
    live_states.put(ledger, [(UNIT, '{"conn":2}')])
    assert live_states.all_states(ledger) == {UNIT: {"conn": 2}}
    counters.add(ledger, {("refused", "range"): 2, ("refused", "shape"): 1})
    counters.add(ledger, {("refused", "range"): 3})
    assert counters.all_counts(ledger) == {("refused", "range"): 5, ("refused", "shape"): 1}


# --- quarantine


def test_the_same_payload_is_one_row_with_a_count(ledger: sqlite3.Connection) -> None:
    def put(payload: bytes, now_ms: int) -> int:
        return quarantine.put(ledger, UNIT, "t", "range", "fix[3].lat_e7", "too far", payload, now_ms)

    assert [put(b"bad", NOW_MS), put(b"bad", NOW_MS + 9), put(b"worse", NOW_MS)] == [1, 2, 1]
    worse, bad = quarantine.newest(ledger, 10)
    assert (bad.times, bad.received_ms, bad.latest_ms, bad.place) == (2, NOW_MS, NOW_MS + 9, "fix[3].lat_e7")
    assert quarantine.newest(ledger, 10, before_id=worse.id) == [bad]
    assert quarantine.payload(ledger, bad.id) == b"bad"
    assert quarantine.find(ledger, 99) is quarantine.payload(ledger, 99) is None


# --- keys and sessions


def test_a_key_is_shown_once_and_kept_as_a_hash(access: sqlite3.Connection, tmp_path: Path) -> None:
    assert not keys.has_any(access)
    secret = keys.add(access, "duty officer", NOW_MS)
    assert keys.name_of(access, secret) == "duty officer"
    assert keys.name_of(access, secret + "x") is None
    assert keys.all_keys(access) == [keys.Key("duty officer", NOW_MS, frozenset({keys.VIEWER}))]
    path = access_path(tmp_path / "store.sqlite3")
    assert secret.encode() not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "a" * 65, "\n", "-x", "ключ"])
def test_a_bad_name_of_a_key_is_refused(access: sqlite3.Connection, name: str) -> None:
    with pytest.raises(keys.KeyNameError):
        keys.add(access, name, NOW_MS)


def test_a_name_is_taken_once(access: sqlite3.Connection) -> None:
    keys.add(access, "x", NOW_MS)
    with pytest.raises(keys.KeyNameError, match="already"):
        keys.add(access, "x", NOW_MS)


def test_a_key_has_the_roles_that_it_was_given_last_and_no_others(access: sqlite3.Connection) -> None:
    keys.add(access, "x", NOW_MS, [keys.HEALTH, keys.DISPATCHER, keys.HEALTH])
    assert keys.roles_of(access, "x") == {keys.HEALTH, keys.DISPATCHER}
    assert keys.give(access, "x", [keys.VIEWER])
    assert keys.roles_of(access, "x") == {keys.VIEWER}
    assert not keys.give(access, "nobody", [keys.ADMIN])
    assert keys.roles_of(access, "nobody") == frozenset()
    for wrong in ([], [""], ["boss"], [keys.ADMIN, "boss"], ["viewer admin"]):
        with pytest.raises(keys.RoleError, match="viewer, dispatcher, health, librarian, admin"):
            keys.give(access, "x", wrong)
    assert keys.roles_of(access, "x") == {keys.VIEWER}


def test_a_session_ends_by_time_by_hand_and_with_its_key(access: sqlite3.Connection) -> None:
    keys.add(access, "x", NOW_MS)
    for digest in (b"one", b"two", b"three"):
        sessions.add(access, digest, "x", NOW_MS + 1000, NOW_MS)
    assert sessions.key_name(access, b"one", NOW_MS + 999) == "x"
    assert sessions.key_name(access, b"one", NOW_MS + 1000) is None
    sessions.end(access, b"two")
    assert sessions.key_name(access, b"two", NOW_MS) is None
    assert keys.remove(access, "x")
    assert not keys.remove(access, "x")
    assert sessions.key_name(access, b"three", NOW_MS) is None
