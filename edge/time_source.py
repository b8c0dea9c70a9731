"""What time it is: the only place of the agent that asks the machine.

Simulated units may live faster than the day; every timer then runs faster with them, since all of the agent
counts in this monotonic time.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Literal, Protocol

from edge import system_clock
from firmware import wire

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class TimeSource(Protocol):
    """Monotonic time since a boot, the boot's random id, and what the system's own clock is worth."""

    @property
    def boot(self) -> str: ...
    @property
    def speed(self) -> float: ...
    def mono_ms(self) -> int: ...
    def evidence(self) -> tuple[Literal["ntp", "rtc"], int] | None: ...
    def pause(self, seconds: float) -> None: ...


class SystemTime:
    """The machine's time. The boot is the kernel's, so an agent that restarts goes on in the same one."""

    speed = 1.0

    def __init__(self) -> None:
        self.boot = _boot_id()

    def mono_ms(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def evidence(self) -> tuple[Literal["ntp", "rtc"], int] | None:
        utc_ms = time.time_ns() // 1_000_000
        word = system_clock.worth(utc_ms)
        return None if word is None else (word, utc_ms)

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


class ScaledTime:
    """A unit's own time, `speed` times as fast, in a boot of its own; nothing but a receiver knows UTC."""

    def __init__(self, speed: float = 1.0) -> None:
        self.boot = secrets.token_hex(wire.ID_BYTES)
        self.speed = speed
        self._begin_ns = time.monotonic_ns()

    def mono_ms(self) -> int:
        return int((time.monotonic_ns() - self._begin_ns) * self.speed) // 1_000_000

    def evidence(self) -> tuple[Literal["ntp", "rtc"], int] | None:
        return None

    def pause(self, seconds: float) -> None:
        time.sleep(seconds / self.speed)


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text().replace("-", "")[: 2 * wire.ID_BYTES]
    except OSError:
        return secrets.token_hex(wire.ID_BYTES)
