"""Epochs: what several sentences say of one moment -> one fix. Pure.

A receiver says one moment in several sentences, in an order of its own: RMC has date and speed, GGA height
and quality, GSA the mode. All that carry the same time of day belong together. An epoch is given as soon as
it holds the sentences that the one before it held, or when the next begins, or when the line falls quiet;
late sentences teach what to wait for next time. GSA comes every few seconds with some receivers, so its mode
is held a while.

If any carrier says that there is no fix, there is none. When the position is lost this gives one reading with
`fix_mode` none and no coordinates, at the transition only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.record import Reading
from edge.sources import fix
from edge.sources.nmea_gate import CARRIERS, DAY_MS, Part

if TYPE_CHECKING:
    from edge.record import Values

MODE_HELD_MS = 10_000
DATE_SLACK_MS = 60_000  # a time of day without a date is placed by the last known one, if it fits this well


class Epochs:
    """Joins parts to fix readings of `source`."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.is_open = False  # an epoch waits for more sentences
        self._has_fix: bool | None = None
        self._parts: dict[str, Part] = {}
        self._time_ms: int | None = None
        self._mono_ms = 0
        self._tags: list[str] = []
        self._expected: list[str] = []
        self._mode: tuple[int, int] | None = None  # fix mode, when
        self._dated: tuple[int, int] | None = None  # UTC, when
        self._zda: Part | None = None

    def take(self, part: Part, mono_ms: int) -> list[Reading]:
        """The fixes that this sentence completes: its own epoch's, or the one before."""
        given: list[Reading] = []
        if part.tag == "ZDA":
            self._zda = part
            return given
        if part.tag in CARRIERS and (not self._tags or part.time_ms != self._time_ms):
            given = self.flush()
            self._begin(part.time_ms, mono_ms)
        self._hold_mode(part, mono_ms)
        if not self._tags and part.tag not in CARRIERS:
            return given
        self._tags.append(part.tag)
        self._parts[part.tag] = part
        if self.is_open and self._tags == self._expected:
            given += self.flush()
        return given

    def flush(self) -> list[Reading]:
        """The open epoch, as far as it came; for a line that has fallen quiet."""
        if not self.is_open:
            return []
        self.is_open = False
        return self._reading()

    def lose(self, mono_ms: int) -> list[Reading]:
        """The receiver itself is gone: whatever position there was is lost."""
        given = self.flush()
        self._tags, self._expected = [], []
        return given + self._lost(mono_ms, None)

    def _begin(self, time_ms: int | None, mono_ms: int) -> None:
        self._expected, self._tags = self._tags, []
        self._parts = {}
        self._time_ms, self._mono_ms = time_ms, mono_ms
        self.is_open = True

    def _hold_mode(self, part: Part, mono_ms: int) -> None:
        if part.tag != "GSA" or part.fix_mode is None:
            return
        mode = part.fix_mode
        if "GSA" in self._parts and self._mode is not None:  # one GSA per satellite system
            mode = max(mode, self._mode[0])
        self._mode = (mode, mono_ms)

    def _reading(self) -> list[Reading]:
        parts = [self._parts[tag] for tag in ("GGA", "RMC", "GNS", "GLL") if tag in self._parts]
        satellites = _first("satellites", parts)
        placed = [part for part in parts if part.lat_e7 is not None]
        if not placed or any(part.is_void for part in parts):
            return self._lost(self._mono_ms, satellites)
        self._has_fix = True
        return [Reading("fix", self.source, self._mono_ms, self._values(parts, placed), self._utc_ms(parts))]

    def _values(self, parts: list[Part], placed: list[Part]) -> Values:
        others = [self._parts[tag] for tag in ("VTG", "GSA") if tag in self._parts]
        altitude, satellites = _first("altitude_msl_dm", parts), _first("satellites", parts)
        is_reckoned = any(part.quality == fix.DEAD_RECKONING for part in parts)
        return {
            "lat_e7": placed[0].lat_e7,
            "lon_e7": placed[0].lon_e7,
            "altitude_msl_dm": altitude,
            "speed_cm_s": _first("speed_cm_s", parts + others),
            "course_ddeg": _first("course_ddeg", parts + others),
            "satellites": satellites,
            "hdop_c": _first("hdop_c", parts + others),
            "fix_mode": self._fix_mode(altitude, satellites),
            "quality": fix.DEAD_RECKONING if is_reckoned else _first("quality", parts),
        }

    def _fix_mode(self, altitude: int | None, satellites: int | None) -> int:
        if self._mode is not None and self._mono_ms - self._mode[1] <= MODE_HELD_MS:
            mode = self._mode[0]
            if mode != fix.MODE_NONE:
                return mode
        is_high = altitude is not None and (satellites is None or satellites >= 4)
        return fix.MODE_3D if is_high else fix.MODE_2D

    def _utc_ms(self, parts: list[Part]) -> int | None:
        time_ms, date_ms = self._time_ms, _first("date_ms", parts)
        if date_ms is None and self._zda is not None and self._zda.time_ms == time_ms:
            date_ms = self._zda.date_ms
        if time_ms is None:
            return None
        utc_ms = self._placed(time_ms) if date_ms is None else date_ms + time_ms
        if utc_ms is not None:
            self._dated = (utc_ms, self._mono_ms)
        return utc_ms

    def _placed(self, time_ms: int) -> int | None:
        if self._dated is None:
            return None
        about_ms = self._dated[0] + self._mono_ms - self._dated[1]
        utc_ms = round((about_ms - time_ms) / DAY_MS) * DAY_MS + time_ms
        return utc_ms if abs(utc_ms - about_ms) <= DATE_SLACK_MS else None

    def _lost(self, mono_ms: int, satellites: int | None) -> list[Reading]:
        was, self._has_fix = self._has_fix, False
        return [] if was is False else [Reading("fix", self.source, mono_ms, fix.no_fix(satellites))]


def _first(name: str, parts: list[Part]) -> int | None:
    for part in parts:
        value: int | None = getattr(part, name)
        if value is not None:
            return value
    return None
