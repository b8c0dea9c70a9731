"""The agent's time in a replay: it runs `speed` times as fast, and waits where the player is late.

A machine that is busy for 50 ms would be a second late at twenty times the speed, and a fix that seems a
second late is not believed its own time. So this time never passes the moment of what is still to be sent.
"""

from edge.time_source import ScaledTime


class PacedTime(ScaledTime):
    """Scaled time that stands still at `hold`; it catches up as soon as it may."""

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(speed)
        self._hold_ms: int | None = None

    def hold(self, mono_ms: int | None) -> None:
        """Do not pass this moment, later than the last one; None: run freely."""
        self._hold_ms = mono_ms

    def mono_ms(self) -> int:
        """Milliseconds since the beginning."""
        now_ms, hold_ms = super().mono_ms(), self._hold_ms
        return now_ms if hold_ms is None else min(now_ms, hold_ms)
