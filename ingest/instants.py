"""Instants as people and programs write them: ISO 8601 in UTC outside, milliseconds since 1970 inside.

A day of fixes is 8,640 instants, and formatting them one by one by `datetime` would cost more than reading
them from the disk. So the parts of a clock face are made once, and a text is three look-ups.
"""

from __future__ import annotations

import datetime
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

DAY_MS = 86_400_000
MAX_MS = 4_102_444_800_000  # 2100-01-01, as on the wire
_ERA = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MINUTES = tuple(f"T{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))
_SECONDS = tuple(f"{second:02d}." for second in range(60))
_THOUSANDTHS = tuple(f"{thousandth:03d}Z" for thousandth in range(1000))
_PARTS = np.dtype([("date", "S10"), ("minute", "S7"), ("second", "S3"), ("thousandth", "S4")])
_MINUTES_ASCII, _SECONDS_ASCII, _THOUSANDTHS_ASCII = (
    np.array(texts, "S") for texts in (_MINUTES, _SECONDS, _THOUSANDTHS)
)


def iso_column(times_ms: list[int]) -> list[str]:
    """Each instant as "2026-11-21T09:00:00.123Z"."""
    if not times_ms:
        return []
    day = times_ms[0] // DAY_MS
    if min(times_ms) // DAY_MS == max(times_ms) // DAY_MS == day:
        return _iso_of_day(day, times_ms)
    days = groupby(times_ms, key=lambda time_ms: time_ms // DAY_MS)
    return [text for day, times_of_day_ms in days for text in _iso_of_day(day, times_of_day_ms)]


def iso_ascii(times_ms: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """Each instant as b"2026-11-21T09:00:00.123Z"."""
    out = np.empty(times_ms.size, _PARTS)
    days, which = np.unique(times_ms // DAY_MS, return_inverse=True)
    out["date"] = np.array([_date(day) for day in days.tolist()], "S10")[which]
    out["minute"] = _MINUTES_ASCII[times_ms // 60_000 % 1440]
    out["second"] = _SECONDS_ASCII[times_ms // 1000 % 60]
    out["thousandth"] = _THOUSANDTHS_ASCII[times_ms % 1000]
    return out.view("S24")


def _iso_of_day(day: int, times_ms: Iterable[int]) -> list[str]:
    date = _date(day)
    return [
        f"{date}{_MINUTES[ms // 60_000 % 1440]}{_SECONDS[ms // 1000 % 60]}{_THOUSANDTHS[ms % 1000]}"
        for ms in times_ms
    ]


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    return (_ERA + datetime.timedelta(days=day)).strftime("%Y-%m-%d")


def iso(ms: int) -> str:
    """One instant as "2026-11-21T09:00:00.123Z"."""
    clock_face = f"{_MINUTES[ms // 60_000 % 1440]}{_SECONDS[ms // 1000 % 60]}{_THOUSANDTHS[ms % 1000]}"
    return _date(ms // DAY_MS) + clock_face


def iso_or_none(ms: int | None) -> str | None:
    """An instant that may not be known, or not have come."""
    return None if ms is None else iso(ms)


def parse_instant(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time with its zone, a date (its midnight in UTC), or a number.

    Raises ValueError with a sentence for whoever wrote it.
    """
    is_number = text.isascii() and text.isdigit()
    time_ms = int(text[:20]) if is_number else _parse_iso(text)
    if not 0 <= time_ms <= MAX_MS:
        raise ValueError(f"{text[:40]!r} is not between 1970 and 2100")
    return time_ms


def _parse_iso(text: str) -> int:
    # A "+" of a zone that was not escaped in an address arrives as a space.
    is_torn_zone = len(text) > 19 and text[-6:-5] == " "
    try:
        moment = datetime.datetime.fromisoformat(f"{text[:-6]}+{text[-5:]}" if is_torn_zone else text)
    except ValueError:
        detail = "is neither ISO 8601, as 2026-11-21T09:00:00Z, nor milliseconds since 1970"
        raise ValueError(f"{text[:40]!r} {detail}") from None
    if moment.tzinfo is None:
        if len(text) > 10:
            raise ValueError(f"{text[:40]!r} has no zone: end it with Z for UTC, or with an offset as +08:00")
        moment = moment.replace(tzinfo=datetime.UTC)
    return (moment - _ERA) // datetime.timedelta(milliseconds=1)
