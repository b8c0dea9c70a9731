"""A parked unit stays, a leaving one is noticed in time, a jump is not believed at once."""

import itertools
import math
import random

import pytest

from edge.odometer import Odometer
from edge.record import Reading
from edge.sources import fix
from edge.sources.anchor import AGREEING_AT_REST, AGREEING_CREEPING, AGREEING_DRIVING, AGREEING_JUMP, Anchor
from edge.track import Point, distance_m, point_of
from firmware import wire
from tests.edge.drives import M_PER_E7, drift, drive

HOME = Point(0, 439_300_000, 1_160_900_000)
RADIUS_M = 15.0


def at(second, north_m=0.0, speed_m_s=0.0, hdop_c=90, home=HOME):
    values = dict.fromkeys(fix.FIELDS)
    values.update(
        lat_e7=home.lat_e7 + round(north_m / M_PER_E7),
        lon_e7=home.lon_e7,
        speed_cm_s=None if speed_m_s is None else round(speed_m_s * 100),
        course_ddeg=0,
        hdop_c=hdop_c,
        fix_mode=fix.MODE_3D,
    )
    return Reading("fix", "gnss", second * 1000, values)


def parked(radius_m=RADIUS_M):
    """An anchor that has dropped at HOME, and the second in which it is."""
    anchor = Anchor(radius_m)
    for second in range(100):
        anchor.take(at(second))
    assert anchor.is_holding
    return anchor, 100


def fixes_of(points, speed_m_s=0.1):
    for point in points:
        yield at(point.t_ms // 1000, home=point, speed_m_s=speed_m_s)


def test_it_drops_after_a_minute_and_not_before():
    anchor = Anchor(RADIUS_M)
    for second in range(60):
        held = anchor.take(at(second))
        assert held.due == (held.shown,)
        assert not anchor.is_holding
    anchor.take(at(60))
    assert anchor.is_holding


@pytest.mark.parametrize("speed_m_s", [0.1, None])
@pytest.mark.parametrize("seed", range(4))
def test_eight_hours_of_drift(seed, speed_m_s):
    anchor, odometer = Anchor(RADIUS_M), Odometer()
    places, due = set(), 0
    for reading in fixes_of(drift(seed, 8 * 3600), speed_m_s):
        held = anchor.take(reading)
        odometer.take(held.shown)
        if reading.mono_ms > 600_000:
            places.add(point_of(held.shown)[1:])
            due += len(held.due)
            assert held.shown.values["speed_cm_s"] == 0
            wire.check_values("fix", held.shown.values)
    assert len(places) == 1
    assert odometer.metres == 0
    assert due <= 2 * 8


def test_drift_that_seems_to_creep_now_and_then():
    dice = random.Random(5)
    anchor, odometer = Anchor(RADIUS_M), Odometer()
    for point in drift(7, 8 * 3600):
        held = anchor.take(at(point.t_ms // 1000, home=point, speed_m_s=abs(dice.gauss(0, 0.25))))
        for reading in held.due:
            odometer.take(reading)
    assert odometer.metres == 0
    assert anchor.is_holding


def test_a_recorded_receiver_at_rest(shared_data):
    """Eight hours out of eleven real seconds, walked to and fro."""
    import json

    lines = (shared_data / "nmea" / "bu303-stillfix.log.chk").read_text(errors="replace").splitlines()
    reports = [json.loads(line) for line in lines if line.startswith('{"class":"TPV"')]
    points = [Point(0, round(report["lat"] * 1e7), round(report["lon"] * 1e7)) for report in reports]
    to_and_fro = points + points[::-1]
    anchor, odometer, due = Anchor(RADIUS_M), Odometer(), 0
    for second in range(8 * 3600):
        held = anchor.take(at(second, home=to_and_fro[second % len(to_and_fro)], speed_m_s=0.1))
        odometer.take(held.shown)
        due += len(held.due) if second > 60 else 0
    assert odometer.metres == 0
    assert due <= 16


def test_one_jump_of_20_km_shows_nothing_and_is_forgotten():
    anchor, second = parked()
    assert anchor.take(at(second, 20_000)) == (None, ())
    held = anchor.take(at(second + 1))
    assert distance_m(HOME, point_of(held.shown)) < 1
    assert held.due == ()


@pytest.mark.parametrize(
    ("speed_m_s", "needed"), [(0.0, AGREEING_AT_REST), (None, AGREEING_AT_REST), (15.0, AGREEING_DRIVING)]
)
def test_a_jump_that_lasts_is_believed_once_enough_fixes_agree(speed_m_s, needed):
    anchor, second = parked()
    for number in range(needed - 1):
        assert anchor.take(at(second + number, 20_000, speed_m_s)).shown is None
    held = anchor.take(at(second + needed - 1, 20_000, speed_m_s))
    assert distance_m(HOME, point_of(held.shown)) > 19_000
    assert len(held.due) == needed + 1  # the last at the old place, and all that waited


def test_jumps_to_and_fro_never_agree():
    anchor, second = parked()
    for number in range(300):
        assert anchor.take(at(second + number, 20_000 * (1 + number % 2))).shown is None


def test_a_driven_departure_is_told_after_three_fixes_and_loses_none():
    anchor, second = parked()
    waited = []
    for number in range(AGREEING_DRIVING):
        leaving = at(second + number, 3.0 * number * number, 3.0 + number)
        held = anchor.take(leaving)
        waited.append(leaving)
    assert held.shown == waited[-1]
    assert held.due[1:] == tuple(waited)
    assert point_of(held.due[0])[0] == (second - 1) * 1000
    assert not anchor.is_holding


@pytest.mark.parametrize("speed_m_s", [0.5, 0.8, 1.4, 1.9])
def test_a_slow_departure_is_told_within_the_radius_and_five_fixes(speed_m_s):
    anchor, second = parked()
    for number in range(200):
        held = anchor.take(at(second + number, speed_m_s * number, speed_m_s))
        if not anchor.is_holding:
            break
    away_m = distance_m(HOME, point_of(held.shown))
    assert away_m <= RADIUS_M + (AGREEING_CREEPING + 1) * speed_m_s
    assert number <= RADIUS_M / speed_m_s + AGREEING_CREEPING + 1


def test_a_tow_without_speed_is_told_a_minute_after_three_times_the_radius():
    anchor, second = parked()
    for number in range(2000):
        held = anchor.take(at(second + number, 0.4 * number, 0.4))
        if not anchor.is_holding:
            break
    assert distance_m(HOME, point_of(held.shown)) <= 3 * RADIUS_M + 0.4 * (AGREEING_AT_REST + 1)


def test_a_poor_hdop_widens_the_reach():
    anchor, second = parked()
    assert anchor.take(at(second, 30, 0.7, hdop_c=90)).shown is None
    assert anchor.take(at(second + 1, 30, 0.7, hdop_c=500)).shown is not None


def test_a_traffic_light_drops_no_anchor():
    anchor = Anchor(RADIUS_M)
    for second in range(55):
        anchor.take(at(second))
    held = anchor.take(at(55, 5.0, 5.0))
    assert held.due == (held.shown,)
    assert not anchor.is_holding


@pytest.mark.parametrize("seed", range(4))
def test_a_drive_passes_unchanged(seed):
    points = drive(seed, 3600)
    anchor, given = Anchor(RADIUS_M), []
    sent = []
    for before, point in itertools.pairwise(points):
        speed_m_s = max(1.0, distance_m(before, point))
        reading = at(point.t_ms // 1000, home=point, speed_m_s=speed_m_s)
        sent.append(reading)
        given += anchor.take(reading).due
    assert given == sent


def test_while_driving_a_jump_waits_for_five_and_leaves_no_trace():
    anchor = Anchor(RADIUS_M)
    given = []
    for second in range(100):
        jump_m = 20_000 if second == 50 else 0
        given += anchor.take(at(second, 15 * second + jump_m, 15.0)).due
    assert [reading.mono_ms for reading in given] == [second * 1000 for second in range(100) if second != 50]
    for number in range(AGREEING_JUMP - 1):
        assert anchor.take(at(100 + number, 40_000 + 15 * number, 15.0)) == (None, ())
    assert len(anchor.take(at(104, 40_060, 15.0)).due) == AGREEING_JUMP


def test_a_lost_fix_passes_and_the_place_is_kept():
    anchor, second = parked()
    lost = Reading("fix", "gnss", second * 1000, fix.no_fix())
    assert anchor.take(lost) == (lost, (lost,))
    assert distance_m(HOME, point_of(anchor.take(at(second + 600, 8)).shown)) < 1


def test_what_comes_out_is_in_order_of_time():
    dice = random.Random(3)
    anchor, last_ms, second = Anchor(RADIUS_M), -1, 0
    for _ in range(20_000):
        second += dice.choice([1, 1, 1, 1, 60])
        north_m = dice.choice([0, 0, 0, 5, 20, 300, 20_000]) + dice.gauss(0, 3)
        for reading in anchor.take(at(second, north_m, dice.choice([0, 0, 0.6, 5, None]))).due:
            assert reading.mono_ms > last_ms
            last_ms = reading.mono_ms


def test_radius_0_changes_nothing():
    anchor = Anchor(0)
    for second in range(300):
        reading = at(second, 20_000 * math.sin(second))
        assert anchor.take(reading) == (reading, (reading,))
