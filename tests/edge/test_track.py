"""The bound holds at every original fix, measured independently on the ellipsoid."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.record import Reading
from edge.track import Point, distance_m, error_m, point_of, simplified, thinned
from tests.edge.drives import drift, drive

A_M, E2 = 6_378_137.0, 0.00669437999014


def ellipsoid_m(lat_e7, lon_e7, other_lat_e7, other_lon_e7):
    """Metres between near places by the radii of curvature of WGS-84 between them."""
    lat = math.radians((lat_e7 + other_lat_e7) / 2e7)
    w = math.sqrt(1 - E2 * math.sin(lat) ** 2)
    north = math.radians((lat_e7 - other_lat_e7) / 1e7) * A_M * (1 - E2) / w**3
    east = math.radians((lon_e7 - other_lon_e7) / 1e7) * A_M / w * math.cos(lat)
    return math.hypot(north, east)


def errors_m(points, kept):
    """Of every original point, from where the kept line is at its moment."""
    after = 0
    for index, point in enumerate(points):
        while kept[after] < index:
            after += 1
        if kept[after] == index:
            yield 0.0
            continue
        a, b = points[kept[after - 1]], points[kept[after]]
        share = (point.t_ms - a.t_ms) / (b.t_ms - a.t_ms) if b.t_ms > a.t_ms else 0.0
        lat_e7 = a.lat_e7 + share * (b.lat_e7 - a.lat_e7)
        lon_e7 = a.lon_e7 + share * (b.lon_e7 - a.lon_e7)
        yield ellipsoid_m(point.lat_e7, point.lon_e7, lat_e7, lon_e7)


@st.composite
def walks(draw):
    lat_e7 = draw(st.integers(-800_000_000, 800_000_000))
    lon_e7 = draw(st.integers(-1_790_000_000, 1_790_000_000))
    points, t_ms = [], 0
    for step in draw(
        st.lists(
            st.tuples(st.integers(0, 9000), st.integers(-9000, 9000), st.integers(-9000, 9000)),
            min_size=1,
            max_size=150,
        )
    ):
        t_ms, lat_e7, lon_e7 = t_ms + step[0], lat_e7 + step[1], lon_e7 + step[2]
        points.append(Point(t_ms, lat_e7, lon_e7))
    return points


@given(walks(), st.floats(0.1, 200))
def test_no_original_fix_is_farther_than_the_bound(points, tolerance_m):
    kept = simplified(points, tolerance_m)
    assert kept[0] == 0
    assert kept[-1] == len(points) - 1
    assert kept == sorted(set(kept))
    assert max(errors_m(points, kept)) <= tolerance_m
    assert error_m(points, kept) <= tolerance_m


@given(walks(), st.integers(2, 40))
def test_thinned_holds_the_bound_that_it_states(points, most):
    kept, bound_m = thinned(points, most)
    assert len(kept) <= max(most, 2)
    assert kept[0] == 0
    assert kept[-1] == len(points) - 1
    assert max(errors_m(points, kept)) <= bound_m


@pytest.mark.parametrize("seed", range(5))
def test_an_hour_of_driving(seed):
    points = drive(seed, 3600)
    kept = simplified(points, 5.0)
    assert max(errors_m(points, kept)) <= 5.0
    assert len(kept) < 0.25 * len(points)


def test_a_stop_is_kept_although_it_lies_on_a_straight_road():
    moving = [Point(second * 1000, 440_000_000, 1_160_000_000 + second * 1500) for second in range(60)]
    standing = [moving[-1]._replace(t_ms=60_000 + second * 1000) for second in range(300)]
    again = [
        Point(360_000 + second * 1000, 440_000_000, standing[-1].lon_e7 + second * 1500)
        for second in range(60)
    ]
    points = moving + standing + again
    for kept in (simplified(points, 5.0), thinned(points, 10).kept):
        times = [points[index].t_ms for index in kept]
        assert any(abs(time_ms - 59_000) <= 2000 for time_ms in times)
        assert any(abs(time_ms - 360_000) <= 2000 for time_ms in times)


def test_a_turn_survives_thinning():
    east = [Point(second * 1000, 440_000_000, 1_160_000_000 + second * 1500) for second in range(600)]
    north = [
        Point((600 + second) * 1000, 440_000_000 + second * 1000, east[-1].lon_e7) for second in range(600)
    ]
    kept, bound_m = thinned(east + north, 3)
    assert any(abs(index - 600) < 20 for index in kept)
    assert bound_m < 500


def test_drift_at_rest_costs_little():
    kept = simplified(drift(1, 3600, sigma_m=2.0), 5.0)
    assert len(kept) < 360


@pytest.mark.parametrize("count", range(4))
def test_few_points_stay_as_they_are(count):
    points = drive(1, count)
    assert simplified(points, 0.0) == list(range(count))
    assert simplified(points[:2], 5.0) == list(range(min(count, 2)))
    assert error_m(points, list(range(count))) == 0


def test_tolerance_0_keeps_all():
    points = [Point(second, 0, 0) for second in range(100)]
    assert simplified(points, 0) == list(range(100))


def test_a_clock_that_runs_backwards_ends_and_keeps_the_ends():
    points = [Point(-second, second * 100, 0) for second in range(100)]
    kept = simplified(points, 5.0)
    assert (kept[0], kept[-1]) == (0, 99)


@given(
    st.integers(-800_000_000, 800_000_000),
    st.integers(-1_790_000_000, 1_790_000_000),
    st.integers(-100_000, 100_000),
    st.integers(-100_000, 100_000),
)
def test_distance_errs_on_the_safe_side_by_less_than_one_percent(lat_e7, lon_e7, north, east):
    a, b = Point(0, lat_e7, lon_e7), Point(0, lat_e7 + north, lon_e7 + east)
    true_m = ellipsoid_m(a.lat_e7, a.lon_e7, b.lat_e7, b.lon_e7)
    assert true_m <= distance_m(a, b) * (1 + 1e-9) + 1e-6
    assert distance_m(a, b) <= true_m * 1.012 + 0.01


def test_distance_across_the_date_line():
    assert distance_m(Point(0, 0, 1_799_999_000), Point(0, 0, -1_799_999_000)) == pytest.approx(22.3, abs=0.1)


def test_point_of_a_fix():
    assert point_of(Reading("fix", "gnss", 7, {"lat_e7": 1, "lon_e7": 2, "fix_mode": 2})) == Point(7, 1, 2)
    assert point_of(Reading("fix", "gnss", 7, {"lat_e7": None, "lon_e7": None, "fix_mode": 0})) is None
