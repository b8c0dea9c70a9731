"""What the operating system's clock is worth: synchronised by NTP, set from a clock chip, or neither.

On a Pi without a clock chip the system comes up with the time of its last shutdown, which looks right and is
hours old. So the system's time counts as `ntp` only while the kernel says that it is synchronised (adjtimex,
STA_UNSYNC clear), as `rtc` only while a clock chip says the same, and else not at all.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Literal

TIME_ERROR = 5
STA_UNSYNC = 0x40
RTC_SECONDS = Path("/sys/class/rtc/rtc0/since_epoch")
RTC_SLACK_MS = 5_000


class _Timex(ctypes.Structure):
    """struct timex of Linux as far as `status`, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("max_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


def is_synchronised() -> bool:
    """Whether the kernel says that something keeps its clock right; False where it cannot be asked."""
    timex = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return False
    return state not in {-1, TIME_ERROR} and not timex.status & STA_UNSYNC


def worth(utc_ms: int, rtc_path: Path = RTC_SECONDS) -> Literal["ntp", "rtc"] | None:
    """As what the system's time `utc_ms` may be offered to the clock; None: not at all."""
    if is_synchronised():
        return "ntp"
    try:
        rtc_ms = int(rtc_path.read_text()) * 1000
    except (OSError, ValueError):
        return None
    return "rtc" if abs(rtc_ms - utc_ms) <= RTC_SLACK_MS else None
