"""The simulated date: as the service of a demo counts it, from the same rate and origin.

At the origin it is the machine's own time, from there on it runs `rate` times as fast, also while nobody
runs. In between it follows the monotonic clock, as the agents do, and never goes back; only when the
machine's clock is seconds ahead (it was asleep, or was set) it goes on from there.
"""

import time

AHEAD_MS = 2000


class Calendar:
    """UTC of the simulated world; what `ms` says never falls."""

    def __init__(self, rate: float, origin_ms: int) -> None:
        self.rate = rate
        self._origin_ms = origin_ms
        self._wall_ms = time.time_ns() // 1_000_000
        self._mono_ms = time.monotonic_ns() // 1_000_000

    def utc_ms(self) -> int:
        """Milliseconds since 1970."""
        wall_ms, mono_ms = time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000
        now_ms = self._wall_ms + mono_ms - self._mono_ms
        if wall_ms - now_ms > AHEAD_MS:
            self._wall_ms, self._mono_ms, now_ms = wall_ms, mono_ms, wall_ms
        return self._origin_ms + int((now_ms - self._origin_ms) * self.rate)
