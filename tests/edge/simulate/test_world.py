"""The world's bytes go through a real pty into the real reader, and come out as fixes of the vehicle."""

import socket
import threading
from collections.abc import Iterator

import pytest

from edge.simulate import journal
from edge.simulate.calendar import Calendar
from edge.simulate.drive import Vehicle
from edge.simulate.fleet import fleet
from edge.simulate.places import distance_m
from edge.simulate.relay import Relay
from edge.simulate.world import World
from edge.sources.gnss import Gnss
from edge.time_source import ScaledTime
from tests.fixtures.waiting import wait_until

SPEED = 10.0
WAIT_S = 60.0


@pytest.fixture
def broker() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def start(target, *arguments):
    thread = threading.Thread(target=target, args=arguments)
    thread.start()
    return thread


def test_fixes_are_those_of_the_vehicle(tmp_path, broker):
    unit, stop, fixes, scenes, power = fleet(1)[0], threading.Event(), [], {}, []
    calendar = Calendar(SPEED, 1_795_262_400_000)
    time = ScaledTime(SPEED)
    world = World(
        unit, tmp_path, Relay(*broker), calendar, power.append, lambda scene, ms: scenes.setdefault(ms, scene)
    )
    source = Gnss("gnss", str(tmp_path / "gnss"), 115200, time.mono_ms, time.pause)
    threads = [start(source.run, fixes.append, stop), start(world.run, stop)]
    try:
        wait_until(lambda: sum(fix.kind == "fix" for fix in fixes) >= 20, 20)
    finally:
        stop.set()
        world.wake()
        for thread in threads:
            thread.join(WAIT_S)
    placed = [fix for fix in fixes if fix.kind == "fix" and fix.values["lat_e7"] is not None]
    assert len(placed) >= 15
    for fix in placed:
        scene = scenes[fix.utc_ms]
        lat_deg, lon_deg = fix.values["lat_e7"] / 1e7, fix.values["lon_e7"] / 1e7
        assert distance_m(lat_deg, lon_deg, scene.lat_deg, scene.lon_deg) < 5
        assert abs(fix.values["speed_cm_s"] / 100 - scene.speed_m_s) < 0.5
    assert power == [True]


def test_a_second_world_goes_on_where_the_first_one_stopped(tmp_path, broker):
    unit = fleet(1)[0]
    seen, left = [], []
    for _ in range(2):
        stop, scenes = threading.Event(), []
        world = World(
            unit,
            tmp_path,
            Relay(*broker),
            Calendar(SPEED, 1_795_262_400_000),
            lambda _: None,
            lambda scene, ms, scenes=scenes: scenes.append((ms, scene)),
        )
        thread = start(world.run, stop)
        wait_until(lambda scenes=scenes: len(scenes) > 10, 20)
        stop.set()
        world.wake()
        thread.join(WAIT_S)
        assert not thread.is_alive()
        seen.append(scenes)
        left.append(journal.load(tmp_path / "journal.json"))
    (last_ms, _), (first_ms, first) = seen[0][-1], seen[1][0]
    assert first_ms >= left[0].utc_ms >= last_ms
    last = Vehicle(unit.id, unit.home_id).scene(left[0].motion)
    assert (first.lat_deg, first.lon_deg) == (last.lat_deg, last.lon_deg)


def test_a_journal_comes_back_and_a_torn_one_is_no_journal(tmp_path):
    path = tmp_path / "journal.json"
    motion = Vehicle("journal", fleet(1)[0].home_id).start()
    journal.save(path, journal.Entry(1_795_262_400_000, motion))
    assert journal.load(path) == journal.Entry(1_795_262_400_000, motion)
    for torn in ("", "{", "[]", '{"utc_ms": 1}', '{"utc_ms": 1, "motion": {"leg": 1}}'):
        path.write_text(torn)
        assert journal.load(path) is None
    assert journal.load(tmp_path / "absent.json") is None


def test_the_calendar_never_goes_back_and_runs_as_fast_as_told():
    calendar = Calendar(50.0, 1_795_262_400_000)
    told = [calendar.utc_ms() for _ in range(2000)]
    assert told == sorted(told)
    before, other, after = (Calendar(1.0, origin_ms).utc_ms() for origin_ms in (0, 123, 0))
    assert before - 2 <= other <= after + 2  # of rounding
