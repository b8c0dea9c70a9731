"""A vehicle on its round: pure, deterministic from its seed, stepped by seconds.

    place --leg--> place (stop of minutes to hours) --leg--> place ...

Each leg leads to one of the nearest places of the league. A `Motion` is all that must be kept to go on later:
what lies ahead of it follows from the seed. The vehicle accelerates and brakes as a loaded truck does, looks
ahead for bends, towns and its stop, and never turns on the spot, since the road is smooth.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from edge.simulate.dice import dice
from edge.simulate.places import neighbours, places
from edge.simulate.road import Road, road_between

ACCELERATION_M_S2 = 0.7
BRAKING_M_S2 = 1.2
PLANNED_BRAKING_M_S2 = 0.7  # leaves room for what the look-ahead samples miss
LOOK_M = 20.0
CREEP_M_S = 0.5
ENGINE_ON_S = 90  # before departure and after arrival
HOLD_UP_S = 900  # the unit stays on so long without ignition
LONG_STOP_S = 2700  # from here on the unit is switched off after the hold-up


@dataclass(frozen=True, slots=True)
class Motion:
    """Where a vehicle is on its round: on leg `leg`, `along_m` from `start_id` on the line to `goal_id`."""

    leg: int
    start_id: int
    goal_id: int
    along_m: float
    speed_m_s: float
    stop_left_s: float


@dataclass(frozen=True, slots=True)
class Scene:
    """What the world does to the unit at a moment; `course_deg` is where it looks."""

    lat_deg: float
    lon_deg: float
    altitude_m: float
    speed_m_s: float
    course_deg: float
    is_open: bool
    is_covered: bool
    is_ignition_on: bool
    is_powered: bool
    parked_s: float


def _slowing_m_s(limit_m_s: float, far_m: float) -> float:
    """The speed to keep for one more second so as to meet a limit so far ahead."""
    planned = PLANNED_BRAKING_M_S2
    return math.sqrt(planned**2 + limit_m_s**2 + 2 * planned * far_m) - planned


class Vehicle:
    """One vehicle's round from its home; the same seed and home always make the same round."""

    def __init__(self, seed: str, home_id: int) -> None:
        self._seed = seed
        self._home_id = home_id
        self._haste = dice(seed, "driver").uniform(0.25, 0.9)
        self._limits: dict[int, float] = {}  # of this leg, by the sample's number
        self._limits_leg: int | None = None

    def start(self) -> Motion:
        """Somewhere on its first leg where there is coverage, or early in the stop before it."""
        chance = dice(self._seed, "start")
        motion = Motion(0, self._home_id, self._goal(0, self._home_id, None), 0.0, 0.0, 0.0)
        if chance.random() < 0.2:
            return replace(motion, stop_left_s=self.stop_s(0) - chance.uniform(0, 240))
        road = self._road(motion)
        while True:
            along_m = road.length_m * chance.uniform(0.03, 0.9)
            if road.is_covered(self._on_road_m(motion, along_m)):
                return replace(motion, along_m=along_m)

    def stop_s(self, leg: int) -> float:
        """How long the stop before a leg is: minutes to hours."""
        chance = dice(self._seed, "stop", leg)
        if chance.random() < 0.75:
            return chance.uniform(240, 2400)
        return chance.uniform(2400, 12_000)

    def _goal(self, leg: int, start_id: int, before_id: int | None) -> int:
        near = [place.geonameid for place in neighbours(start_id)[:5]]
        fresh = [geonameid for geonameid in near if geonameid != before_id]
        return dice(self._seed, "goal", leg).choice(fresh or near)

    def _road(self, motion: Motion) -> Road:
        return road_between(places()[motion.start_id], places()[motion.goal_id])

    def _on_road_m(self, motion: Motion, along_m: float) -> float:
        """`along_m` as the road counts it, from the end with the lower id."""
        return along_m if motion.start_id < motion.goal_id else self._road(motion).length_m - along_m

    def after(self, motion: Motion, seconds: int) -> Motion:
        """The motion so many seconds later."""
        left = seconds
        while left:
            if motion.stop_left_s > 0:
                halted = min(left, math.ceil(motion.stop_left_s))
                motion = replace(motion, stop_left_s=max(0.0, motion.stop_left_s - halted))
            else:
                halted = 1
                motion = self._after_second(motion)
            left -= halted
        return motion

    def _after_second(self, motion: Motion) -> Motion:
        road = self._road(motion)
        slope, _ = road.shape(self._on_road_m(motion, motion.along_m))
        stretch = math.sqrt(1 + slope * slope)
        speed = self._speed_m_s(motion, road, stretch)
        along_m = motion.along_m + speed / stretch
        if along_m >= road.length_m - 0.05:
            return self._arrived(motion)
        return replace(motion, along_m=along_m, speed_m_s=speed)

    def _speed_m_s(self, motion: Motion, road: Road, stretch: float) -> float:
        now = motion.speed_m_s
        wanted = min(now + ACCELERATION_M_S2, self._allowed_m_s(motion, road, stretch))
        return max(wanted, now - BRAKING_M_S2, CREEP_M_S)

    def _allowed_m_s(self, motion: Motion, road: Road, stretch: float) -> float:
        """The speed from which every limit ahead can still be kept."""
        ahead_m = motion.speed_m_s**2 / (2 * PLANNED_BRAKING_M_S2) + 2 * LOOK_M
        left_m = (road.length_m - motion.along_m) * stretch
        allowed = _slowing_m_s(0.0, left_m)
        here = int(motion.along_m / LOOK_M)
        last = int(min(motion.along_m + ahead_m / stretch, road.length_m) / LOOK_M)
        for sample in range(here, last + 1):
            limit, far_m = self._limit_m_s(motion, road, sample), (sample * LOOK_M - motion.along_m) * stretch
            allowed = min(allowed, limit if far_m <= 0 else _slowing_m_s(limit, far_m))
        return allowed

    def _limit_m_s(self, motion: Motion, road: Road, sample: int) -> float:
        """The limit at a sample of the leg; each is computed once."""
        if self._limits_leg != motion.leg:
            self._limits_leg, self._limits = motion.leg, {}
        limit = self._limits.get(sample)
        if limit is None:
            limit = road.limit_m_s(self._on_road_m(motion, sample * LOOK_M), self._haste)
            self._limits[sample] = limit
        return limit

    def _arrived(self, motion: Motion) -> Motion:
        leg = motion.leg + 1
        goal_id = self._goal(leg, motion.goal_id, motion.start_id)
        return Motion(leg, motion.goal_id, goal_id, 0.0, 0.0, self.stop_s(leg))

    def scene(self, motion: Motion) -> Scene:
        """What is to be seen at a motion."""
        road = self._road(motion)
        on_m = self._on_road_m(motion, motion.along_m)
        spot = road.spot(on_m)
        left_s = motion.stop_left_s
        stop_s = self.stop_s(motion.leg)
        parked_s = max(0.0, stop_s - left_s) if left_s > 0 else 0.0
        is_ignition_on = left_s <= ENGINE_ON_S or parked_s < ENGINE_ON_S
        is_resting = stop_s > LONG_STOP_S and parked_s > HOLD_UP_S
        back_deg = 0 if motion.start_id < motion.goal_id else 180
        return Scene(
            lat_deg=spot.lat_deg,
            lon_deg=spot.lon_deg,
            altitude_m=spot.altitude_m,
            speed_m_s=motion.speed_m_s,
            course_deg=(spot.course_deg + back_deg) % 360,
            is_open=road.is_open(on_m),
            is_covered=road.is_covered(on_m),
            is_ignition_on=is_ignition_on,
            is_powered=is_ignition_on or not is_resting,
            parked_s=parked_s,
        )


def scenes(vehicle: Vehicle, motion: Motion, seconds: int) -> Iterator[Scene]:
    """The scenes of so many seconds, one each, from the motion on."""
    for _ in range(seconds):
        yield vehicle.scene(motion)
        motion = vehicle.after(motion, 1)
