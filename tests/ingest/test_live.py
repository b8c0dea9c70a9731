"""The live state: the newest by event time, never by arrival."""

import json
import random
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import wire
from ingest.live import AHEAD_MS, Live
from tests.ingest.made import EPOCH, GNSS, NONE, NOW_MS, OTHER_EPOCH, UNIT, A

FIX = {"lat_e7": 492122000, "lon_e7": 1197658000, "altitude_msl_dm": 6120, "speed_cm_s": 1250}
FIX |= {"course_ddeg": 905, "satellites": 9, "hdop_c": 92, "fix_mode": 2, "quality": 0}


@pytest.fixture
def live() -> Live:
    return Live()


def shown(live: Live) -> dict[str, Any]:
    (unit,) = live.snapshot()[1]
    return unit


def fix(live: Live, time_ms: int, clock: int = GNSS, now_ms: int = NOW_MS, **changes: Any) -> bool:
    return live.apply_fix(UNIT, time_ms, clock, FIX | changes, now_ms)


def message(time_ms: int, conn: int = 1, clock: str = "gnss", **more: Any) -> dict[str, Any]:
    return {"v": 1, "conn": conn, "time_ms": time_ms, "clock": clock, **more}


def birth(conn: int, state: str = "online", epoch: str = EPOCH, **more: Any) -> dict[str, Any]:
    said = {"v": 1, "conn": conn, "state": state}
    return said if state == "offline" else said | {"epoch": epoch, "boot": A, "software": "x", **more}


def test_a_fix_is_shown_in_si_units_and_words(live: Live) -> None:
    fix(live, NOW_MS - 1000)
    assert shown(live) == {
        "unit": UNIT,
        "name": None,
        "capabilities": [],
        "is_registered": False,
        "connection": "unknown",
        "sampled_at": "2026-11-21T08:59:59.000Z",
        "received_at": "2026-11-21T09:00:00.000Z",
        "clock": "gnss",
        "lat_deg": 49.2122,
        "lon_deg": 119.7658,
        "altitude_msl_m": 612.0,
        "speed_m_s": 12.5,
        "course_deg": 90.5,
        "satellites": 9,
        "hdop": 0.92,
        "fix_mode": "3d",
        "quality": "gnss",
        "vitals": {},
    }


def test_an_older_fix_never_moves_the_marker_back(live: Live) -> None:
    fix(live, NOW_MS)
    fix(live, NOW_MS - 3_600_000, lat_e7=0)
    assert shown(live)["lat_deg"] == 49.2122
    live.apply_live(UNIT, message(NOW_MS - 1, lat_e7=5, lon_e7=5, fix_mode="3d"), NOW_MS)
    assert shown(live)["lat_deg"] == 49.2122


def test_a_fix_from_the_future_never_owns_the_marker(live: Live) -> None:
    fix(live, NOW_MS - 1000)
    assert not fix(live, NOW_MS + AHEAD_MS + 1, lat_e7=0)
    assert not live.apply_live(UNIT, message(NOW_MS + AHEAD_MS + 1, lat_e7=0, lon_e7=0), NOW_MS)
    assert shown(live)["lat_deg"] == 49.2122


def test_a_clock_a_little_ahead_is_not_believed_for_longer_than_the_next_fix(live: Live) -> None:
    fix(live, NOW_MS + 60_000, lat_e7=10)
    fix(live, NOW_MS + 1000, now_ms=NOW_MS + 1000)
    assert shown(live)["lat_deg"] == 49.2122


def test_no_fix_is_no_position_and_keeps_the_last_known(live: Live) -> None:
    fix(live, NOW_MS - 2000)
    fix(live, NOW_MS, lat_e7=None, lon_e7=None, speed_cm_s=None, fix_mode=0)
    unit = shown(live)
    assert (unit["lat_deg"], unit["fix_mode"], unit["speed_m_s"]) == (49.2122, "none", None)
    assert unit["sampled_at"] == "2026-11-21T08:59:58.000Z"


def test_the_equator_is_a_place(live: Live) -> None:
    fix(live, NOW_MS, lat_e7=0, lon_e7=0, speed_cm_s=0)
    unit = shown(live)
    assert (unit["lat_deg"], unit["lon_deg"], unit["speed_m_s"]) == (0.0, 0.0, 0.0)


def test_a_position_without_time_counts_now_when_live_and_last_when_late(live: Live) -> None:
    fix(live, 5000, NONE, lat_e7=10)
    assert (shown(live)["lat_deg"], shown(live)["sampled_at"]) == (1e-6, None)
    live.apply_live(UNIT, message(6000, clock="none", lat_e7=20, lon_e7=1, fix_mode="2d"), NOW_MS)
    fix(live, 7000, NONE, lat_e7=30)
    fix(live, NOW_MS - 1, lat_e7=40)
    assert shown(live)["lat_deg"] == 2e-6
    fix(live, NOW_MS, lat_e7=50)
    assert shown(live)["lat_deg"] == 5e-6


def test_a_late_record_is_not_made_old_by_the_few_vitals_of_a_live_message(live: Live) -> None:
    """Live messages come each second with some fields of a record that comes in a batch, later."""
    live.apply_live(UNIT, message(NOW_MS, outbox_rows=7), NOW_MS)
    late = {"outbox_rows": 9000, "soc_temperature_cc": 5100}
    live.apply_vitals(UNIT, "health", NOW_MS - 9, GNSS, late, NOW_MS)
    assert shown(live)["vitals"] == {"outbox_rows": 7, "soc_temperature_cc": 5100}


def test_a_late_fix_tells_where_the_position_was_lost(live: Live) -> None:
    lost = dict.fromkeys(FIX) | {"fix_mode": 0}
    fix(live, NOW_MS - 9000, lat_e7=491000000)
    live.apply_fix(UNIT, NOW_MS, GNSS, lost, NOW_MS)
    for late_ms, lat_e7 in ((2000, 493000000), (4000, 492000000)):
        fix(live, NOW_MS - late_ms, lat_e7=lat_e7)
    assert (shown(live)["lat_deg"], shown(live)["fix_mode"]) == (49.3, "none")
    assert shown(live)["sampled_at"] == "2026-11-21T08:59:58.000Z"


def test_vitals_come_from_live_and_from_batches_in_order_of_time(live: Live) -> None:
    live.apply_live(UNIT, message(NOW_MS, outbox_rows=7, supply_mv=12100, is_ignition_on="yes"), NOW_MS)
    live.apply_vitals(UNIT, "health", NOW_MS - 9, GNSS, {"outbox_rows": 9000}, NOW_MS)
    live.apply_vitals(UNIT, "power", NOW_MS + 1, GNSS, {"supply_mv": 11900, "is_ignition_on": 0}, NOW_MS + 1)
    assert shown(live)["vitals"] == {"outbox_rows": 7, "supply_mv": 11900, "is_ignition_on": "no"}
    assert shown(live)["lat_deg"] is None


def test_an_old_will_cannot_bury_a_newer_birth(live: Live) -> None:
    live.apply_birth(UNIT, birth(5), NOW_MS, is_retained=False)
    assert live.apply_birth(UNIT, birth(6, name="Bus"), NOW_MS, is_retained=False)
    assert not live.apply_birth(UNIT, birth(5, "offline"), NOW_MS, is_retained=False)
    assert shown(live)["connection"] == "online"
    assert live.apply_birth(UNIT, birth(6, "offline"), NOW_MS, is_retained=False)
    assert (shown(live)["connection"], shown(live)["name"]) == ("offline", "Bus")


@pytest.mark.parametrize("epoch", [EPOCH, OTHER_EPOCH])
def test_a_card_that_fell_back_or_is_new_counts_from_lower_down(live: Live, epoch: str) -> None:
    live.apply_birth(UNIT, birth(900), NOW_MS, is_retained=False)
    live.apply_birth(UNIT, birth(1, epoch=epoch), NOW_MS, is_retained=False)
    assert not live.apply_birth(UNIT, birth(900, "offline"), NOW_MS, is_retained=False)
    assert shown(live)["connection"] == "online"
    assert live.apply_birth(UNIT, birth(1, "offline"), NOW_MS, is_retained=False)
    assert shown(live)["connection"] == "offline"


def test_live_proves_its_connection_but_does_not_raise_the_dead(live: Live) -> None:
    live.apply_live(UNIT, message(NOW_MS, conn=3), NOW_MS)
    assert shown(live)["connection"] == "online"
    live.apply_birth(UNIT, birth(3, "offline"), NOW_MS, is_retained=False)
    live.apply_live(UNIT, message(NOW_MS, conn=3), NOW_MS)
    assert shown(live)["connection"] == "offline"
    live.apply_live(UNIT, message(NOW_MS, conn=4), NOW_MS)
    assert shown(live)["connection"] == "online"


def test_a_retained_birth_is_no_news(live: Live) -> None:
    live.apply_birth(UNIT, birth(1), NOW_MS, is_retained=True)
    assert (shown(live)["connection"], shown(live)["received_at"]) == ("online", None)


def test_what_a_person_said_stays(live: Live) -> None:
    live.register(UNIT, "Номын сан", ["library"])
    live.apply_birth(UNIT, birth(1, name="raspberrypi", capabilities=["fire"]), NOW_MS, is_retained=False)
    assert (shown(live)["name"], shown(live)["capabilities"]) == ("Номын сан", ["library"])


def test_stored_vitals_are_newer_than_any_field_that_is_older_or_unknown(live: Live) -> None:
    assert live.has_newer_vitals(UNIT, "health", NOW_MS, GNSS)
    assert live.has_newer_vitals(UNIT, "health", NOW_MS, NONE)
    every = dict.fromkeys(wire.KINDS["health"].by_name, 1)
    live.apply_vitals(UNIT, "health", NOW_MS, GNSS, every, NOW_MS)
    assert not live.has_newer_vitals(UNIT, "health", NOW_MS, GNSS)
    assert not live.has_newer_vitals(UNIT, "health", NOW_MS + 1, NONE)
    assert live.has_newer_vitals(UNIT, "health", NOW_MS + 1, GNSS)


def test_changes_since_a_revision(live: Live) -> None:
    for number in range(5):
        live.note_news([f"u-{number}"], NOW_MS)
    revision, everyone = live.snapshot()
    assert [unit["unit"] for unit in everyone] == [f"u-{number}" for number in range(5)]
    assert live.changed_since(revision) == (revision, [])
    live.note_news(["u-3", "u-1"], NOW_MS + 1)
    newer, changed = live.changed_since(revision)
    assert newer > revision
    assert {json.loads(text)["unit"] for text in changed} == {"u-1", "u-3"}
    assert len(live.changed_since(0)[1]) == 5


def test_what_is_written_once_is_written_anew_after_a_change(live: Live) -> None:
    fix(live, NOW_MS)
    before = live.texts()[1]
    assert live.texts()[1][0] is before[0]
    assert [json.loads(text) for text in before] == live.snapshot()[1]
    live.note_news([UNIT], NOW_MS + 1)
    assert [json.loads(text) for text in live.texts()[1]] == live.snapshot()[1]
    assert live.texts()[1] != before


def test_states_are_kept_and_loaded(live: Live) -> None:
    fix(live, NOW_MS)
    live.apply_birth(UNIT, birth(4), NOW_MS, is_retained=False)
    taken = live.take_unkept()
    assert live.take_unkept() == []
    live.give_back(taken)
    assert live.take_unkept() == taken
    again = Live()
    again.load({unit: json.loads(state) for unit, state in taken})
    assert shown(again) == shown(live) | {"connection": "unknown"}
    assert not fix(again, NOW_MS - 5) or shown(again)["sampled_at"] == shown(live)["sampled_at"]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_any_order_of_arrival_ends_at_the_newest(offsets: list[int], chance: random.Random) -> None:
    live = Live()
    chance.shuffle(offsets)
    for offset in offsets:
        if chance.random() < 0.5:
            fix(live, NOW_MS - offset, lat_e7=offset)
        else:
            live.apply_live(UNIT, message(NOW_MS - offset, lat_e7=offset, lon_e7=0, fix_mode="3d"), NOW_MS)
    assert shown(live)["lat_deg"] == min(offsets) / 1e7


def test_many_threads_lose_no_change(live: Live) -> None:
    def work(number: int) -> None:
        for at in range(200):
            live.apply_fix(f"u-{number}", NOW_MS + at, GNSS, FIX | {"lat_e7": at}, NOW_MS + at)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    revision, everyone = live.snapshot()
    assert revision == 800
    assert {unit["lat_deg"] for unit in everyone} == {199 / 1e7}
