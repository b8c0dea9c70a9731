"""Top-down time-ratio (TD-TR): few fixes that tell where a unit was at every moment, within a hard bound.

It is Douglas-Peucker with a clock: a fix is compared with where the kept line puts the unit *at that fix's
moment*, so a stop is kept as well as a turn. Whoever draws the kept fixes, interpolating latitude and
longitude linearly over time, is at no original fix farther off than the tolerance. A unit simplifies what it
sends, and the service what it shows.

Fixes are (ms, latitude in 1e-7 deg, longitude in 1e-7 deg). Distances are metres on a local plane, scaled by
the Earth's largest radius of curvature (6,399,594 m, at the poles) and the cosine of the latitude nearest
the equator: never less than the distance on the ellipsoid, and less than 1 % more over some kilometres below
80 degrees. So the bound errs on the safe side. A line across the 180th meridian is not interpolated across
it, and simply keeps more.
"""

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Fix = tuple[int, int, int]

_LARGEST_RADIUS_M = 6399594.0
METRES_PER_E7 = math.radians(_LARGEST_RADIUS_M) / 1e7


def simplified(points: "Sequence[Fix]", tolerance_m: float) -> "list[int]":
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


def error_m(points: "Sequence[Fix]", kept: "Sequence[int]") -> float:
    """The largest distance of any point from where the kept points put the unit at its moment."""
    if not points:
        return 0.0
    ts, xs, ys = _plane(points)
    worst = 0.0
    for first, last in zip(kept, kept[1:]):
        worst = max(worst, _farthest(ts, xs, ys, first, last)[1])
    return math.sqrt(worst)


def _plane(points: "Sequence[Fix]") -> "tuple[list[int], list[float], list[float]]":
    nearest_e7 = min([abs(lat_e7) for _, lat_e7, _ in points])
    scale = math.cos(math.radians(nearest_e7 / 1e7)) * METRES_PER_E7
    return (
        [t_ms for t_ms, _, _ in points],
        [lon_e7 * scale for _, _, lon_e7 in points],
        [lat_e7 * METRES_PER_E7 for _, lat_e7, _ in points],
    )


def _farthest(
    ts: "list[int]", xs: "list[float]", ys: "list[float]", first: int, last: int
) -> "tuple[int, float]":
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
