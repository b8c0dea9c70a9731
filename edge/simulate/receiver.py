"""A satellite receiver in a vehicle: noise, cold start, tunnels, and the bytes it sends. Pure, from its seed.

The noise of a receiver is not white: it wanders by metres over minutes. Here it is a sum of slow sines, so
that it is a function of time and needs no memory.
"""

import math
from dataclasses import dataclass

from edge.simulate.dice import dice
from edge.simulate.drive import Scene
from edge.simulate.sentences import Solution, sentences

METRES_PER_DEG = 111_195.0
WANDER_S = (47.0, 139.0, 410.0, 1300.0)
WANDER_M = (0.25, 0.6, 0.9, 1.1)
COURSE_FROM_M_S = 0.6  # below this a receiver leaves the course out
DATE_AFTER_S = 8  # a cold receiver has the time before it has a fix
TALKERS = ("GN", "GB", "GN", "GP", "BD")


@dataclass(frozen=True, slots=True)
class Antenna:
    """What a receiver remembers from epoch to epoch: seconds with power, and when it saw the sky again."""

    on_s: int = 0
    open_since_s: int = 0


class Receiver:
    """Turns scenes into what a receiver says of them."""

    def __init__(self, seed: str, talker: str = "GN", *, is_nmea41: bool = False) -> None:
        chance = dice(seed, "receiver")
        self._phases = [[chance.uniform(0, math.tau) for _ in WANDER_S] for _ in range(3)]
        self._first_fix_s = chance.randint(22, 42)
        self._again_s = chance.randint(2, 6)
        self._talker = talker
        self._is_nmea41 = is_nmea41

    def _wander_m(self, axis: int, at_s: float) -> float:
        waves = zip(WANDER_S, WANDER_M, self._phases[axis], strict=True)
        return sum(size * math.sin(math.tau * at_s / wave + phase) for wave, size, phase in waves)

    def warm(self) -> Antenna:
        """A receiver that was off for a short while only: it has a fix within seconds."""
        return Antenna(on_s=self._first_fix_s - self._again_s)

    def after(self, antenna: Antenna, scene: Scene, seconds: int) -> Antenna:
        """The memory so many seconds later."""
        on_s = antenna.on_s + seconds
        return Antenna(on_s, antenna.open_since_s if scene.is_open else on_s)

    def _has_fix(self, antenna: Antenna) -> bool:
        if antenna.on_s < self._first_fix_s:
            return False
        return antenna.open_since_s == 0 or antenna.on_s - antenna.open_since_s >= self._again_s

    def solution(self, antenna: Antenna, scene: Scene, utc_ms: int) -> Solution:
        """What the receiver makes of the scene."""
        if not scene.is_open or not self._has_fix(antenna):
            return Solution(utc_ms if antenna.on_s >= DATE_AFTER_S else None)
        at_s = utc_ms / 1000
        north_m, east_m, up_m = (self._wander_m(axis, at_s) for axis in range(3))
        shrink = math.cos(math.radians(scene.lat_deg))
        speed = max(0.0, scene.speed_m_s + 0.02 * self._wander_m(0, at_s * 3))
        has_course = speed >= COURSE_FROM_M_S
        hdop = 0.8 + 0.1 * abs(self._wander_m(2, at_s / 2))
        return Solution(
            utc_ms=utc_ms,
            lat_deg=scene.lat_deg + north_m / METRES_PER_DEG,
            lon_deg=scene.lon_deg + east_m / METRES_PER_DEG / shrink,
            altitude_m=scene.altitude_m + 1.6 * up_m,
            speed_m_s=speed,
            course_deg=(scene.course_deg + 0.3 * self._wander_m(1, at_s * 2)) % 360 if has_course else None,
            satellites=round(15 - 12 * (hdop - 0.8)),
            hdop=hdop,
            mode=3,
        )

    def epoch(self, antenna: Antenna, scene: Scene, utc_ms: int) -> bytes:
        """The bytes of one epoch."""
        found = self.solution(antenna, scene, utc_ms)
        return b"".join(sentences(found, self._talker, is_nmea41=self._is_nmea41))
