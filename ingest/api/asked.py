"""What is asked of a unit's past: from when to when, and of a track how fine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query

from ingest.api.errors import ApiError
from ingest.instants import DAY_MS, iso, parse_instant

_INSTANT = "ISO 8601 with a zone, a date, or milliseconds since 1970"
FromIn = Annotated[str | None, Query(alias="from", max_length=40, description=_INSTANT)]
ToIn = Annotated[str | None, Query(max_length=40, description=_INSTANT)]


@dataclass(frozen=True, slots=True)
class AskedTrack:
    """Which track: from the first instant to before the second."""

    unit: str
    from_ms: int
    to_ms: int
    tolerance_m: float
    source: str | None

    def described(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "from": iso(self.from_ms),
            "to": iso(self.to_ms),
            "tolerance_m": self.tolerance_m,
        }


def asked_range(from_: str | None, to: str | None, now_ms: int, max_days: int) -> tuple[int, int]:
    """The instants from `from` to before `to`; without them the day of `to`, and until now."""
    to_ms = _instant(to, "to") if to is not None else max(now_ms, _instant(from_, "from") if from_ else 0)
    from_ms = _instant(from_, "from") if from_ is not None else to_ms - to_ms % DAY_MS
    if from_ms > to_ms:
        detail = f"from {iso(from_ms)} is after to {iso(to_ms)}: swap them"
        raise ApiError(422, "dates_swapped", "query.from", detail)
    if to_ms - from_ms > max_days * DAY_MS:
        days = (to_ms - from_ms) / DAY_MS
        detail = f"{iso(from_ms)} to {iso(to_ms)} is {days:.1f} days, at most {max_days} at once"
        raise ApiError(422, "range_too_long", "query.from", detail)
    return from_ms, to_ms


def _instant(text: str, name: str) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ApiError(422, "invalid", f"query.{name}", str(error)) from None
