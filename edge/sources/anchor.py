"""The anchor: a parked unit stays where it is. Pure.

A receiver at rest wanders by metres over minutes and jumps now and then, and a map of that looks like
driving. So a unit that has not moved for a while drops its anchor: its fixes are shown at one place, at
rest, and only one every half hour goes into the track.

    drops when    for 60 s every fix was within the radius of the first of them, at less than 0.8 m/s
    holds while   a fix is within reach (the radius and 5 m per unit of HDOP above 1) at less than 2 m/s, or
                  within three times the reach at less than 0.5 m/s or without a speed: drift has no speed
    weighs when   enough fixes in a row are not held and lead on from each other: 3 at 2 m/s and more, 5 at
                  0.5 m/s and more, 60 slower than that or without a speed (a tow, a ferry)

So a departure is told after 3 fixes when it is driven, and at most 5 fixes after it has left the reach when
it creeps; a jump of 20 km by a receiver that says it stands is believed after a minute of fixes there.
While departure is doubtful its fixes wait; they are then given at once, or dropped if the unit turns out to
be at its place, which is the mean of the fixes during which the anchor dropped.

A moving unit's fix that would need more than 360 km/h since the last one waits in the same way, until five
in a row lead on from each other. A radius of 0 switches all of this off.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from edge.track import Point, distance_m, point_of

if TYPE_CHECKING:
    from edge.record import Reading

DROP_MS = 60_000
RESTING_CM_S, CREEPING_CM_S, DRIVING_CM_S = 80, 50, 200
HDOP_M = 5.0
DRIFT = 3  # times the reach, at rest
DUE_MS = 1_800_000
FASTEST_M_S = 100.0
JITTER_M = 50.0  # what a fix may be off, besides all speed
AGREEING_DRIVING, AGREEING_CREEPING, AGREEING_AT_REST, AGREEING_JUMP = 3, 5, 60, 5


class Held(NamedTuple):
    """What to show now (None: nothing new that is believed), and what goes into the track, in order."""

    shown: Reading | None
    due: tuple[Reading, ...]


@dataclass(slots=True)
class _Rest:
    """Fixes near the first of them, all at rest."""

    first: Point
    lat_sum: int = 0
    lon_sum: int = 0
    count: int = 0

    def add(self, point: Point) -> None:
        self.lat_sum += point.lat_e7
        self.lon_sum += point.lon_e7
        self.count += 1

    def mean(self, t_ms: int) -> Point:
        return Point(t_ms, round(self.lat_sum / self.count), round(self.lon_sum / self.count))


class Anchor:
    """Takes every fix of one source in order of time."""

    def __init__(self, radius_m: float) -> None:
        self._radius_m = radius_m
        self._place: Point | None = None
        self._rest: _Rest | None = None
        self._waiting: list[Reading] = []
        self._last: Reading | None = None  # the last believed
        self._due_ms = 0

    @property
    def is_holding(self) -> bool:
        return self._place is not None

    def take(self, fix: Reading) -> Held:
        """What to believe of this fix."""
        point = point_of(fix)
        if point is None or self._radius_m <= 0:
            self._waiting.clear()
            return Held(fix, (fix,))
        return self._moving(fix, point) if self._place is None else self._parked(fix, point, self._place)

    def _moving(self, fix: Reading, point: Point) -> Held:
        last = None if self._last is None else point_of(self._last)
        if last is not None and not _leads_on(last, point):
            return self._wait(fix, AGREEING_JUMP)
        self._waiting.clear()
        self._last = fix
        if not self._has_rested(fix, point):
            return self._due(fix)
        return self._due(self._at_place(fix))

    def _parked(self, fix: Reading, point: Point, place: Point) -> Held:
        away_m, speed = distance_m(place, point), _speed_cm_s(fix)
        reach_m = self._reach_m(fix)
        is_drift = speed < CREEPING_CM_S and away_m <= DRIFT * reach_m
        if is_drift or (speed < DRIVING_CM_S and away_m <= reach_m):
            self._waiting.clear()
            self._last = held = self._at_place(fix)
            is_due = fix.mono_ms - self._due_ms >= DUE_MS
            return self._due(held) if is_due else Held(held, ())
        if speed >= DRIVING_CM_S:
            return self._wait(fix, AGREEING_DRIVING)
        return self._wait(fix, AGREEING_CREEPING if speed >= CREEPING_CM_S else AGREEING_AT_REST)

    def _wait(self, fix: Reading, needed: int) -> Held:
        before = point_of(self._waiting[-1]) if self._waiting else None
        point = point_of(fix)
        if before is not None and point is not None and not _leads_on(before, point):
            self._waiting.clear()
        self._waiting.append(fix)
        if len(self._waiting) < needed:
            return Held(None, ())
        return self._weigh()

    def _weigh(self) -> Held:
        fixes, self._waiting = self._waiting, []
        was_held = self._place is not None and self._last is not None and self._last.mono_ms > self._due_ms
        until = (self._last,) if was_held and self._last is not None else ()
        self._place = self._rest = None
        self._last = fixes[-1]
        self._due_ms = fixes[-1].mono_ms
        return Held(fixes[-1], (*until, *fixes))

    def _due(self, fix: Reading) -> Held:
        self._due_ms = fix.mono_ms
        return Held(fix, (fix,))

    def _has_rested(self, fix: Reading, point: Point) -> bool:
        """Whether the anchor drops with this fix."""
        if _speed_cm_s(fix) >= RESTING_CM_S:
            self._rest = None
            return False
        if self._rest is None or distance_m(self._rest.first, point) > self._reach_m(fix):
            self._rest = _Rest(point)
        self._rest.add(point)
        if point.t_ms - self._rest.first.t_ms < DROP_MS:
            return False
        self._place = self._rest.mean(point.t_ms)
        return True

    def _reach_m(self, fix: Reading) -> float:
        hdop_c = fix.values.get("hdop_c")
        return self._radius_m + (HDOP_M * max(0, hdop_c - 100) / 100 if isinstance(hdop_c, int) else 0)

    def _at_place(self, fix: Reading) -> Reading:
        if self._place is None:
            return fix
        place = {"lat_e7": self._place.lat_e7, "lon_e7": self._place.lon_e7}
        return dataclasses.replace(fix, values={**fix.values, **place, "speed_cm_s": 0, "course_ddeg": None})


def _speed_cm_s(fix: Reading) -> int:
    speed = fix.values.get("speed_cm_s")
    return speed if isinstance(speed, int) else 0


def _leads_on(before: Point, point: Point) -> bool:
    return distance_m(before, point) <= JITTER_M + FASTEST_M_S * (point.t_ms - before.t_ms) / 1000
