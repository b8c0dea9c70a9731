"""A road between two places: winding, paved or a track, with valleys that no radio reaches, and tunnels.

No road data is shipped. A road is the great circle between its ends, moved sideways by a sum of sines: long
ones that carry it round hills, short ones in hilly stretches that make bends a truck must slow for. It is a
function of `along_m` (metres on the great circle), the same for every unit and in both directions, so nothing
is stored.
"""

import functools
import math
import random
from dataclasses import dataclass

from edge.simulate.dice import dice
from edge.simulate.places import EARTH_RADIUS_M, Place

LATERAL_M_S2 = 1.5  # what crew and shelves bear in a bend
TRACK_M = 25_000  # a sumu's last stretch is unpaved at most so long
TOWN_M = 1500
TOWN_M_S = 40 / 3.6
TRACK_M_S = 30 / 3.6, 50 / 3.6
PAVED_M_S = 62 / 3.6, 88 / 3.6
# (wavelength m, slope): amplitude = slope * wavelength / 2 pi. The last two live in hilly stretches only.
WINDING = ((20_000, 0.14), (6_000, 0.12), (2_000, 0.10), (700, 0.12), (300, 0.24))
HILLY_FROM = 3
HILLS_M = 15_000
ALTITUDE_M = {
    "Hulunbuir": 650,
    "Hinggan": 500,
    "Tongliao": 250,
    "Chifeng": 750,
    "Xilingol": 1050,
    "Ulanqab": 1400,
    "Hohhot": 1150,
    "Baotou": 1250,
    "Ordos": 1350,
    "Bayannur": 1050,
    "Wuhai": 1100,
    "Alxa": 1200,
}

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of a road; `course_deg` looks from the first end to the second."""

    lat_deg: float
    lon_deg: float
    altitude_m: float
    course_deg: float


def _vector(lat_deg: float, lon_deg: float) -> Vector:
    lat, lon = math.radians(lat_deg), math.radians(lon_deg)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def _mixed(a: Vector, weight_a: float, b: Vector, weight_b: float) -> Vector:
    return (
        a[0] * weight_a + b[0] * weight_b,
        a[1] * weight_a + b[1] * weight_b,
        a[2] * weight_a + b[2] * weight_b,
    )


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _unit(a: Vector) -> Vector:
    size = math.sqrt(a[0] ** 2 + a[1] ** 2 + a[2] ** 2)
    return a[0] / size, a[1] / size, a[2] / size


def _smooth(share: float) -> float:
    """0 at 0 and 1 at 1, level at both."""
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


class Road:
    """The way between two places; `length_m` is measured on the great circle."""

    def __init__(self, first: Place, second: Place) -> None:
        self.first, self.second = first, second
        start = _vector(first.lat_deg, first.lon_deg)
        end = _vector(second.lat_deg, second.lon_deg)
        self._start = start
        self._normal = _unit(_cross(start, end))
        self._ahead = _cross(self._normal, start)
        dot = sum(a * b for a, b in zip(start, end, strict=True))
        self.length_m = EARTH_RADIUS_M * math.acos(max(-1.0, min(1.0, dot)))
        chance = dice("road", first.geonameid, second.geonameid)
        self._arcs = [chance.uniform(-0.09, 0.09) / order for order in (1, 2, 3)]
        self._phases = [chance.uniform(0, math.tau) for _ in WINDING]
        self._hills = chance.uniform(0, math.tau)
        self._mixture = chance.uniform(0, math.tau)
        self.valleys = self._stretches(chance, 35_000, (1_500, 9_000))
        self.tunnels = self._stretches(chance, 160_000, (300, 1_300))

    def _stretches(
        self, chance: random.Random, every_m: float, size_m: tuple[float, float]
    ) -> tuple[tuple[float, float], ...]:
        """About one stretch in `every_m`, none within 4 km of the ends."""
        room_m = self.length_m - 8000
        number = int(max(0.0, room_m) / every_m + chance.random())
        stretches = []
        for index in range(number):
            cell_m = room_m / number
            long_m = min(chance.uniform(*size_m), 0.8 * cell_m)
            if long_m > 100:
                begin_m = 4000 + index * cell_m + chance.uniform(0, cell_m - long_m)
                stretches.append((begin_m, begin_m + long_m))
        return tuple(stretches)

    def aside_m(self, along_m: float) -> float:
        """How far the road lies to the left of the great circle."""
        turn = math.pi * along_m / self.length_m
        aside_m = 0.0
        for order, slope in enumerate(self._arcs, 1):
            aside_m += slope * self.length_m / (math.pi * order) * math.sin(order * turn)
        hilly = math.sin(math.tau * along_m / HILLS_M + self._hills)
        hilly = hilly * hilly if hilly > 0 else 0.0
        taper = _smooth(min(along_m, self.length_m - along_m) / 3000)
        for index, (wave_m, slope) in enumerate(WINDING):
            size_m = slope * wave_m / math.tau * taper * (hilly if index >= HILLY_FROM else 1.0)
            if size_m:
                aside_m += size_m * math.sin(math.tau * along_m / wave_m + self._phases[index])
        return aside_m

    def shape(self, along_m: float) -> tuple[float, float]:
        """(slope against the great circle, curvature in 1/m) by differences over 10 m."""
        step_m = 5.0
        before, here, after = (self.aside_m(along_m + step) for step in (-step_m, 0.0, step_m))
        slope = (after - before) / (2 * step_m)
        bend = (after - 2 * here + before) / step_m**2
        return slope, bend / (1 + slope * slope) ** 1.5

    def _point(self, along_m: float) -> Vector:
        angle = along_m / EARTH_RADIUS_M
        on_line = _mixed(self._start, math.cos(angle), self._ahead, math.sin(angle))
        aside = self.aside_m(along_m) / EARTH_RADIUS_M
        return _mixed(on_line, math.cos(aside), self._normal, math.sin(aside))

    def spot(self, along_m: float) -> Spot:
        """Where the road is, how high and whither."""
        here, ahead = self._point(along_m), self._point(along_m + 1.0)
        lat = math.asin(max(-1.0, min(1.0, here[2])))
        lon = math.atan2(here[1], here[0])
        step = _mixed(ahead, 1.0, here, -1.0)
        east = -math.sin(lon) * step[0] + math.cos(lon) * step[1]
        north = (
            -math.sin(lat) * math.cos(lon) * step[0]
            - math.sin(lat) * math.sin(lon) * step[1]
            + math.cos(lat) * step[2]
        )
        course_deg = math.degrees(math.atan2(east, north)) % 360
        return Spot(math.degrees(lat), math.degrees(lon), self._altitude_m(along_m), course_deg)

    def _altitude_m(self, along_m: float) -> float:
        base_m = ALTITUDE_M[self.first.league]
        rise = math.sin(math.pi * along_m / self.length_m) * 90 * math.sin(along_m / 9000 + self._hills)
        return base_m + rise * _smooth(self.length_m / 40_000)

    def is_track(self, along_m: float) -> bool:
        """Unpaved: the last stretch to a sumu."""
        rough_m = min(TRACK_M, 0.45 * self.length_m)
        near_first = self.first.size == "sumu" and along_m < rough_m
        near_second = self.second.size == "sumu" and self.length_m - along_m < rough_m
        return near_first or near_second

    def limit_m_s(self, along_m: float, haste: float) -> float:
        """The speed for this place: surface, town and bend; `haste` 0..1 is the driver's."""
        low, high = TRACK_M_S if self.is_track(along_m) else PAVED_M_S
        whim = 0.12 * math.sin(along_m / 4100 + self._mixture)
        limit = low + (high - low) * min(1.0, max(0.0, haste + whim))
        if min(along_m, self.length_m - along_m) < TOWN_M:
            limit = min(limit, TOWN_M_S)
        curvature = abs(self.shape(along_m)[1])
        return limit if curvature < 1e-6 else min(limit, math.sqrt(LATERAL_M_S2 / curvature))

    def is_covered(self, along_m: float) -> bool:
        """False in a valley that no radio reaches."""
        return not any(begin <= along_m <= end for begin, end in self.valleys)

    def is_open(self, along_m: float) -> bool:
        """False in a tunnel, where no satellite is seen."""
        return not any(begin <= along_m <= end for begin, end in self.tunnels)


@functools.lru_cache(maxsize=64)
def road_between(first: Place, second: Place) -> Road:
    """The road of two places, the same whichever is named first."""
    return Road(first, second) if first.geonameid < second.geonameid else Road(second, first)
