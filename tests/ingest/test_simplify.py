"""Many windows at once keep what the unit's own code keeps, within the same hard bound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import tdtr
from ingest.simplify import WINDOW_FIXES, rows_kept
from tests.bench.tracks import drive

Fix = tuple[int, int, int]


def kept(points: list[Fix], tolerance_m: float) -> list[int]:
    return rows_kept(
        *(np.array(column, np.int64) for column in zip(*points, strict=True)), tolerance_m
    ).tolist()


def one_by_one(points: list[Fix], tolerance_m: float) -> list[int]:
    rows = [0]
    for at in range(0, len(points) - 1, WINDOW_FIXES):
        rows += [at + row for row in tdtr.simplified(points[at : at + WINDOW_FIXES + 1], tolerance_m)[1:]]
    return rows


@pytest.mark.parametrize("tolerance_m", [1, 5, 100])
def test_a_drive_keeps_the_same_fixes(tolerance_m: float) -> None:
    points = [(fix["time_ms"], fix["lat_e7"], fix["lon_e7"]) for fix in drive(2000)]
    assert kept(points, tolerance_m) == one_by_one(points, tolerance_m)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(-900_000_000, 900_000_000), st.integers(-(18 * 10**8), 18 * 10**8)
        ),
        min_size=1,
        max_size=300,
    ),
    st.sampled_from([0.5, 1e4, 1e6, 1e7]),
)
def test_no_fix_is_farther_off_than_asked(steps: list[Fix], tolerance_m: float) -> None:
    times = np.cumsum([step_ms for step_ms, _, _ in steps]).tolist()
    points = [(time_ms, lat, lon) for time_ms, (_, lat, lon) in zip(times, steps, strict=True)]
    rows = kept(points, tolerance_m)
    assert (rows[0], rows[-1]) == (0, len(points) - 1)
    assert rows == sorted(set(rows))
    for at in range(0, len(points), WINDOW_FIXES):
        last = min(at + WINDOW_FIXES, len(points) - 1)
        own = [row - at for row in rows if at <= row <= last]
        assert tdtr.error_m(points[at : last + 1], own) <= tolerance_m * (1 + 1e-9)
