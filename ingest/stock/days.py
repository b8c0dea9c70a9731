"""Local days: people count days in Asia/Shanghai, which has been UTC+8 without summer time since 1991."""

from __future__ import annotations

import datetime

DAY_MS = 86_400_000
ZONE_MS = 8 * 3_600_000
ZONE = f"UTC{ZONE_MS // 3_600_000:+d}"  # beside a time of day, for whoever lives by another clock
_ERA = datetime.date(1970, 1, 1)


def day_of(time_ms: int) -> int:
    """The local day of an instant, in days since 1970."""
    return (time_ms + ZONE_MS) // DAY_MS


def begin_ms(day: int) -> int:
    """The instant at which a local day begins."""
    return day * DAY_MS - ZONE_MS


def date_text(day: int) -> str:
    """A day as 2026-11-21."""
    return (_ERA + datetime.timedelta(days=day)).isoformat()


def date_or_none(day: int | None) -> str | None:
    """A day that may not be known."""
    return None if day is None else date_text(day)


def parse_day(text: str) -> int:
    """Days since 1970 of 2026-11-21; raises ValueError with a sentence for whoever wrote it."""
    try:
        day = (datetime.date.fromisoformat(text) - _ERA).days
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a date as 2026-11-21") from None
    if not 0 <= day <= MAX_DAY:
        raise ValueError(f"{text[:40]!r} is not between 1970 and {date_text(MAX_DAY)}")
    return day


MAX_DAY = 65535  # as on the wire
