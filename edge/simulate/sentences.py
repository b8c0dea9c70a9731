"""NMEA 0183 sentences of one epoch, as a receiver writes them: RMC, VTG, GGA, GSA.

    $GNRMC,081836.000,A,3751.65000,N,14507.36000,E,0.02,31.66,211126,,,A*hh<CR><LF>

Empty fields are what the receiver does not know.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

KNOT_M_S = 1852 / 3600
SINCE = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Solution:
    """What a receiver found out; None is not known, mode is 1 none, 2 2d, 3 3d."""

    utc_ms: int | None
    lat_deg: float | None = None
    lon_deg: float | None = None
    altitude_m: float | None = None
    speed_m_s: float | None = None
    course_deg: float | None = None
    satellites: int | None = None
    hdop: float | None = None
    mode: int = 1


def checksum(body: str) -> int:
    """The exclusive or of all characters between $ and *."""
    total = 0
    for char in body.encode("ascii"):
        total ^= char
    return total


def framed(body: str) -> bytes:
    """The body as a whole sentence."""
    return f"${body}*{checksum(body):02X}\r\n".encode("ascii")


def angle(value_deg: float | None, letters: str, width: int, decimals: int) -> str:
    """Degrees as [d]ddmm.mmm and the letter, both empty when unknown."""
    if value_deg is None:
        return ","
    scale = 10**decimals
    total = round(abs(value_deg) * 60 * scale)
    degrees, minutes = divmod(total, 60 * scale)
    letter = letters[0] if value_deg >= 0 else letters[1]
    return f"{degrees:0{width}d}{minutes // scale:02d}.{minutes % scale:0{decimals}d},{letter}"


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _clock(utc_ms: int | None) -> tuple[str, str]:
    if utc_ms is None:
        return "", ""
    moment = SINCE + timedelta(milliseconds=utc_ms)
    return f"{moment:%H%M%S}.{moment.microsecond // 1000:03d}", f"{moment:%d%m%y}"


def sentences(solution: Solution, talker: str, *, decimals: int = 5, is_nmea41: bool = False) -> list[bytes]:
    """One epoch; with `is_nmea41` RMC ends in the navigation status V, which good fixes carry too."""
    time, date = _clock(solution.utc_ms)
    has_fix = solution.mode > 1
    place = f"{angle(solution.lat_deg, 'NS', 2, decimals)},{angle(solution.lon_deg, 'EW', 3, decimals)}"
    knots = None if solution.speed_m_s is None else solution.speed_m_s / KNOT_M_S
    kmh = None if solution.speed_m_s is None else solution.speed_m_s * 3.6
    course = _number(None if solution.course_deg is None else round(solution.course_deg, 2) % 360, 2)
    height = ",,," if solution.altitude_m is None else f"{solution.altitude_m:.1f},M,-15.0,M"
    hdop = _number(solution.hdop, 2)
    mode = "A" if has_fix else "N"
    status = ",V" if is_nmea41 else ""
    count = solution.satellites or 0
    used = ",".join(f"{number:02d}" if number <= count else "" for number in range(1, 13))
    seen = "" if solution.satellites is None else f"{count:02d}"
    validity = "A" if has_fix else "V"
    bodies = [
        f"{talker}RMC,{time},{validity},{place},{_number(knots, 3)},{course},{date},,,{mode}{status}",
        f"{talker}VTG,{course},T,,M,{_number(knots, 3)},N,{_number(kmh, 3)},K,{mode}",
        f"{talker}GGA,{time},{place},{int(has_fix)},{seen},{hdop},{height},,",
        f"{talker}GSA,A,{solution.mode},{used},{hdop and '1.80'},{hdop},{hdop and '1.50'}",
    ]
    return [framed(body) for body in bodies]
