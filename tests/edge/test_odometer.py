"""The odometer counts what was driven and nothing else."""

import itertools

import pytest

from edge.odometer import Odometer
from edge.record import Reading
from edge.track import Point, distance_m
from tests.edge.drives import drift, drive


def fix(point, speed_cm_s=None):
    values = {"lat_e7": point.lat_e7, "lon_e7": point.lon_e7, "speed_cm_s": speed_cm_s, "fix_mode": 2}
    return Reading("fix", "gnss", point.t_ms, values)


def driven(points, speeds=None):
    odometer = Odometer()
    for index, point in enumerate(points):
        odometer.take(fix(point, None if speeds is None else speeds[index]))
    return odometer.metres


@pytest.mark.parametrize("seed", range(5))
def test_eight_hours_at_rest_are_nothing(seed):
    points = drift(seed, 8 * 3600)
    assert driven(points) == 0
    assert driven(points, [20] * len(points)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_drive_is_counted_within_three_percent(seed):
    points = drive(seed, 3600, noise_m=0.0)
    speeds = [round(100 * distance_m(a, b)) for a, b in itertools.pairwise(points)]
    length_m = sum(distance_m(a, b) for a, b in itertools.pairwise(points))
    assert driven(points, [0, *speeds]) == pytest.approx(length_m, rel=0.03)


def test_a_jump_is_not_driven():
    there = Point(1000, 440_000_000, 1_160_000_000)
    away = Point(2000, 442_000_000, 1_160_000_000)
    assert driven([there, away, there._replace(t_ms=3000)]) == 0


def test_a_tunnel_is_driven():
    begin, end = Point(0, 440_000_000, 1_160_000_000), Point(60_000, 440_090_000, 1_160_000_000)
    assert driven([begin, end]) == pytest.approx(1000, rel=0.01)


def test_it_counts_on_and_passes_over_lost_fixes():
    odometer = Odometer(1234.6)
    odometer.take(Reading("fix", "gnss", 0, {"fix_mode": 0}))
    assert odometer.metres == 1235
