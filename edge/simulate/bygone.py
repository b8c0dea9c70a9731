"""The time before a unit's first start: an outbox that is filled faster than the day, by the real code."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from edge.clock import Clock
from edge.intake import Intake
from edge.outbox import Limits
from edge.settings import Settings
from firmware import wire


class PastTime:
    """The time of a unit whose moments are set from outside; it knows UTC by its real-time clock."""

    speed = 1.0

    def __init__(self, begin_ms: int) -> None:
        self.boot = secrets.token_hex(wire.ID_BYTES)
        self._begin_ms = begin_ms
        self.utc_ms = begin_ms

    def mono_ms(self) -> int:
        """Milliseconds since the beginning."""
        return self.utc_ms - self._begin_ms

    def evidence(self) -> tuple[Literal["ntp", "rtc"], int] | None:
        """What a real-time clock says."""
        return "rtc", self.utc_ms

    def pause(self, seconds: float) -> None:
        """Nobody waits here."""


@contextlib.contextmanager
def bygone(settings: Settings, time: PastTime) -> Iterator[Intake]:
    """An outbox that is in its place when the body has ended; what was begun and not ended is begun anew."""
    path = Path(settings.outbox.path)
    fresh = path.with_name("past.db")
    for left in path.parent.glob(f"{fresh.name}*"):
        left.unlink()
    intake = Intake(
        fresh,
        Limits(max_mib=settings.outbox.max_mib),
        time,
        lambda last_good_ms: Clock(min(last_good_ms or time.utc_ms, time.utc_ms)),
        group_ms=settings.outbox.group_ms,
        anchor_radius_m=0.0,
    )
    intake.open(0)
    intake.step(0)  # the clock is known from here on
    yield intake
    intake.close(time.mono_ms())
    fresh.rename(path)
