"""The values of a fix, scaled to the wire's integers and bounded by its field table. Pure.

A position that cannot be is no position; an optional value that cannot be is absent. Nothing is ever zero
because it was missing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from firmware import wire

if TYPE_CHECKING:
    from edge.record import Values

FIELDS = wire.KINDS["fix"].by_name
MODES = FIELDS["fix_mode"].words
QUALITIES = FIELDS["quality"].words
MODE_NONE, MODE_2D, MODE_3D = (MODES.index(name) for name in ("none", "2d", "3d"))
GNSS, DGNSS, RTK, FLOAT_RTK, DEAD_RECKONING = (
    QUALITIES.index(name) for name in ("gnss", "dgnss", "rtk", "float_rtk", "dead_reckoning")
)


def scaled(name: str, value: float | None, factor: float) -> int | None:
    """The field's whole number, or None where the value is missing, not finite or out of range."""
    if value is None or not math.isfinite(value * factor):
        return None
    number = round(value * factor)
    return number if FIELDS[name].low <= number <= FIELDS[name].high else None


def course(degrees: float | None) -> int | None:
    """Tenths of a degree, 0 to 3599; receivers send 360.0 as well as 0.0."""
    if degrees is None or not 0 <= degrees <= 360:
        return None
    return round(degrees * 10) % 3600


def position(lat_deg: float, lon_deg: float) -> tuple[int, int] | None:
    """(lat_e7, lon_e7), or None out of range or at exactly 0, 0, where no fix ever was."""
    lat_e7, lon_e7 = scaled("lat_e7", lat_deg, 1e7), scaled("lon_e7", lon_deg, 1e7)
    if lat_e7 is None or lon_e7 is None or (lat_e7 == 0 and lon_e7 == 0):
        return None
    return lat_e7, lon_e7


def no_fix(satellites: int | None = None) -> Values:
    """The values of the moment when the position was lost: no coordinates."""
    values: Values = dict.fromkeys(FIELDS)
    values["fix_mode"] = MODE_NONE
    values["satellites"] = satellites
    return values
