"""The track: few fixes that tell where the unit was at every moment, within a hard bound.

The simplification itself is `firmware/tdtr.py`, which the service shares.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from firmware.tdtr import METRES_PER_E7, error_m, simplified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.record import Reading

__all__ = ["Point", "Thinned", "distance_m", "error_m", "point_of", "simplified", "thinned"]


class Point(NamedTuple):
    t_ms: int
    lat_e7: int
    lon_e7: int


class Thinned(NamedTuple):
    """Indices that stay, and the bound in whole metres within which they describe all points."""

    kept: list[int]
    bound_m: int


def point_of(fix: Reading) -> Point | None:
    """Where and when (monotonic) a fix was; None without a position."""
    lat_e7, lon_e7 = fix.values.get("lat_e7"), fix.values.get("lon_e7")
    if not isinstance(lat_e7, int) or not isinstance(lon_e7, int):
        return None
    return Point(fix.mono_ms, lat_e7, lon_e7)


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


def distance_m(a: Point, b: Point) -> float:
    """Metres between two near points, never less than on the ellipsoid."""
    scale = math.cos(math.radians(min(abs(a.lat_e7), abs(b.lat_e7)) / 1e7))
    lon_e7 = (b.lon_e7 - a.lon_e7 + 1_800_000_000) % 3_600_000_000 - 1_800_000_000
    return math.hypot(b.lat_e7 - a.lat_e7, lon_e7 * scale) * METRES_PER_E7
