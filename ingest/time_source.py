"""What time it is: the only place of the service that asks the machine.

A demo may run faster than the day. Every process that is given the same rate and origin then agrees on the
time without talking: at the origin both clocks show the same, from there on the scaled one runs `rate` times
as fast, also across a restart.
"""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimeSource:
    """UTC for records, and a monotonic clock for waiting that no one steps."""

    rate: float = 1.0
    origin_ms: int = 0

    def utc_ms(self) -> int:
        """Milliseconds since 1970, as the units count them."""
        now_ms = time.time_ns() // 1_000_000
        if self.rate == 1.0:
            return now_ms
        return self.origin_ms + int((now_ms - self.origin_ms) * self.rate)

    def mono_s(self) -> float:
        """Real seconds since some moment, for back-off and measuring; never scaled."""
        return time.monotonic()
