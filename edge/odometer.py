"""The odometer: metres driven, from accepted fixes; a parked vehicle adds none. Pure.

A receiver at rest wanders by metres, so distance is not summed from fix to fix. It is counted from the last
counted place, once the unit is clearly away from it: by 10 m while it says that it moves, by 50 m when it
does not. A chord of 10 m cuts no corner worth telling. What would need more than 360 km/h is a jump, and
not driven.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.track import Point, distance_m, point_of

if TYPE_CHECKING:
    from edge.record import Reading

STEP_M = 10.0
UNSURE_STEP_M = 50.0  # without a speed, or at rest by what the receiver says
MOVING_CM_S = 80
FASTEST_M_S = 100.0


class Odometer:
    """Counts on from `metres`."""

    def __init__(self, metres: float = 0.0) -> None:
        self._metres = metres
        self._counted: Point | None = None

    @property
    def metres(self) -> int:
        return round(self._metres)

    def take(self, fix: Reading) -> None:
        """A fix in order of time; one without a position is passed over."""
        point = point_of(fix)
        if point is None:
            return
        if self._counted is None:
            self._counted = point
            return
        away_m = distance_m(self._counted, point)
        speed = fix.values.get("speed_cm_s")
        is_moving = isinstance(speed, int) and speed >= MOVING_CM_S
        if away_m < (STEP_M if is_moving else UNSURE_STEP_M):
            return
        seconds = (point.t_ms - self._counted.t_ms) / 1000
        if away_m <= FASTEST_M_S * seconds:
            self._metres += away_m
        self._counted = point
