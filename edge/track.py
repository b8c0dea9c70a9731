"""The track: few fixes that tell where the unit was at every moment, within a hard bound.

Top-down time-ratio (TD-TR) is Douglas-Peucker with a clock: an original fix is compared with where the kept
line puts the unit *at that fix's moment*, so a stop is kept as well as a turn. Whoever draws the kept fixes,
interpolating latitude and longitude linearly over time, is at no original fix farther off than the tolerance.

Distances are metres on a local plane, scaled by the Earth's largest radius of curvature (6,399,594 m, at the
poles) and the cosine of the latitude nearest the equator: never less than the distance on the ellipsoid, and
less than 1 % more in a window of some kilometres below 80 degrees. So the bound errs on the safe side. A
window that crosses the 180th meridian is not interpolated across it, and simply keeps more.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_RADIUS_M = 6_399_594.0
METRES_PER_E7 = math.radians(LARGEST_RADIUS_M) / 1e7


class Point(NamedTuple):
    t_ms: int
    lat_e7: int
    lon_e7: int


class Thinned(NamedTuple):
    """Indices that stay, and the bound in whole metres within which they describe all points."""

    kept: list[int]
    bound_m: int


def simplified(points: Sequence[Point], tolerance_m: float) -> list[int]:
    """Indices of the points to keep, in order; always the first and the last. Tolerance 0 keeps all."""
    if tolerance_m <= 0 or len(points) < 3:
        return list(range(len(points)))
    ts, xs, ys = _plane(points)
    limit = tolerance_m * tolerance_m
    kept = [0, len(points) - 1]
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        far, worst = _farthest(ts, xs, ys, first, last)
        if worst > limit:
            kept.append(far)
            spans.append((first, far))
            spans.append((far, last))
    kept.sort()
    return kept


def thinned(points: Sequence[Point], most: int, start_m: float = 10.0) -> Thinned:
    """At most `most` points (two at least): ends first, then the turns and stops that matter most.

    The bound is against `points`: whoever thins what was simplified before adds that tolerance.
    """
    tolerance_m = start_m
    kept = simplified(points, tolerance_m)
    while len(kept) > max(2, most):
        tolerance_m *= 2
        kept = simplified(points, tolerance_m)
    return Thinned(kept, math.ceil(error_m(points, kept)))


def error_m(points: Sequence[Point], kept: Sequence[int]) -> float:
    """The largest distance of any point from where the kept points put the unit at its moment."""
    if not points:
        return 0.0
    ts, xs, ys = _plane(points)
    spans = itertools.pairwise(kept)
    return math.sqrt(max((_farthest(ts, xs, ys, first, last)[1] for first, last in spans), default=0.0))


def distance_m(a: Point, b: Point) -> float:
    """Metres between two near points, never less than on the ellipsoid."""
    scale = math.cos(math.radians(min(abs(a.lat_e7), abs(b.lat_e7)) / 1e7))
    lon_e7 = (b.lon_e7 - a.lon_e7 + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
    return math.hypot(b.lat_e7 - a.lat_e7, lon_e7 * scale) * METRES_PER_E7


def _plane(points: Sequence[Point]) -> tuple[list[int], list[float], list[float]]:
    nearest_e7 = min(abs(point.lat_e7) for point in points)
    scale = math.cos(math.radians(nearest_e7 / 1e7)) * METRES_PER_E7
    return (
        [point.t_ms for point in points],
        [point.lon_e7 * scale for point in points],
        [point.lat_e7 * METRES_PER_E7 for point in points],
    )


def _farthest(ts: list[int], xs: list[float], ys: list[float], first: int, last: int) -> tuple[int, float]:
    """The point between two kept ones that is farthest from the line between them, and its square."""
    t0, x0, y0 = ts[first], xs[first], ys[first]
    span = ts[last] - t0
    vx = (xs[last] - x0) / span if span > 0 else 0.0
    vy = (ys[last] - y0) / span if span > 0 else 0.0
    far, worst = first, -1.0
    for i in range(first + 1, last):
        dt = ts[i] - t0
        dx = xs[i] - x0 - vx * dt
        dy = ys[i] - y0 - vy * dt
        square = dx * dx + dy * dy
        if square > worst:
            far, worst = i, square
    return far, max(worst, 0.0)
