"""A simulated vehicle does what a truck can do, on its road, and again the same from the same seed."""

import itertools
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.simulate.drive import ACCELERATION_M_S2, BRAKING_M_S2, Vehicle, scenes
from edge.simulate.fleet import fleet
from edge.simulate.places import distance_m, places
from edge.simulate.road import LATERAL_M_S2, road_between

HOMES = st.sampled_from(sorted(places()))
SEEDS = st.integers(0, 10**6).map(str)
SECONDS = 900


def run(seed, home_id, seconds=SECONDS, skip_s=0):
    vehicle = Vehicle(seed, home_id)
    motion = vehicle.after(vehicle.start(), skip_s)
    return list(scenes(vehicle, motion, seconds))


@given(SEEDS, HOMES, st.integers(0, 3000))
@settings(max_examples=12)
def test_speed_and_its_change_are_those_of_a_truck(seed, home_id, skip_s):
    driven = run(seed, home_id, skip_s=skip_s)
    for before, after in itertools.pairwise(driven):
        assert 0 <= after.speed_m_s <= 90 / 3.6
        change = after.speed_m_s - before.speed_m_s
        assert -BRAKING_M_S2 - 1e-9 <= change <= ACCELERATION_M_S2 + 1e-9


@given(SEEDS, HOMES)
@settings(max_examples=12)
def test_positions_agree_with_the_speed_and_bends_can_be_driven(seed, home_id):
    driven = run(seed, home_id)
    for before, after in itertools.pairwise(driven):
        step_m = distance_m(before.lat_deg, before.lon_deg, after.lat_deg, after.lon_deg)
        assert abs(step_m - after.speed_m_s) < 1.0
        if min(before.speed_m_s, after.speed_m_s) > 1:
            turn_deg = abs((after.course_deg - before.course_deg + 180) % 360 - 180)
            assert math.radians(turn_deg) * after.speed_m_s < 1.2 * LATERAL_M_S2


@given(SEEDS, HOMES)
@settings(max_examples=12)
def test_the_vehicle_stays_on_its_road(seed, home_id):
    vehicle = Vehicle(seed, home_id)
    motion = vehicle.after(vehicle.start(), 300)
    scene = vehicle.scene(motion)
    road = road_between(places()[motion.start_id], places()[motion.goal_id])
    on_m = motion.along_m if motion.start_id < motion.goal_id else road.length_m - motion.along_m
    spot = road.spot(on_m)
    assert distance_m(scene.lat_deg, scene.lon_deg, spot.lat_deg, spot.lon_deg) < 0.01
    assert abs(road.aside_m(on_m)) < 0.12 * road.length_m + 2000


@given(SEEDS, HOMES)
@settings(max_examples=5)
def test_the_same_seed_makes_the_same_round_and_goes_on_from_any_motion(seed, home_id):
    one, other = Vehicle(seed, home_id), Vehicle(seed, home_id)
    assert one.after(one.start(), 400) == other.after(other.after(other.start(), 150), 250)


def test_a_day_has_drives_and_stops_of_all_lengths_and_switched_off_units():
    vehicle = Vehicle("library-01", fleet(1)[0].home_id)
    motion = vehicle.start()
    seen = []
    for _ in range(86_400 // 20):
        motion = vehicle.after(motion, 20)
        seen.append((motion.leg, vehicle.scene(motion)))
    moving = sum(scene.speed_m_s > 0 for _, scene in seen) / len(seen)
    assert 0.3 < moving < 0.95
    assert seen[-1][0] >= 4
    assert any(not scene.is_covered for _, scene in seen)
    assert any(not scene.is_ignition_on for _, scene in seen)
    assert all(scene.is_powered for _, scene in seen if scene.speed_m_s > 0)
    assert {scene.is_powered for _, scene in seen} == {True, False}


def test_paved_roads_are_faster_than_tracks():
    sumu = next(place for place in places().values() if place.name_en == "Handgai")
    town = next(place for place in places().values() if place.name_en == "Honghuaerji")
    road = road_between(sumu, town)
    near_town_m = road.length_m - 3000 if road.second == town else 3000
    paved = road.limit_m_s(near_town_m, 0.5)
    track = road.limit_m_s(road.length_m - near_town_m, 0.5)
    assert track <= 50 / 3.6 < paved


def test_both_directions_use_one_road():
    first, second = list(places().values())[:2]
    there, back = road_between(first, second), road_between(second, first)
    assert there.spot(5000.0) == back.spot(5000.0)


def test_a_road_begins_and_ends_at_its_places():
    for geonameid, place in list(places().items())[::10]:
        vehicle = Vehicle("ends", geonameid)
        motion = vehicle.start()
        goal = places()[motion.goal_id]
        road = road_between(place, goal)
        begin, end = road.spot(0.0), road.spot(road.length_m)
        assert distance_m(begin.lat_deg, begin.lon_deg, road.first.lat_deg, road.first.lon_deg) < 1
        assert distance_m(end.lat_deg, end.lon_deg, road.second.lat_deg, road.second.lon_deg) < 1


def test_units_are_named_by_kind_and_all_differ():
    units = fleet(100)
    assert units[0].id == "library-01"
    assert len({unit.id for unit in units}) == 100
    assert len({unit.name for unit in units}) == 100
    assert all(unit.capabilities and len(unit.name.encode()) <= 64 for unit in units)
    assert fleet(24) == units[:24]
