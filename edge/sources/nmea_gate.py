"""The gate: one sentence -> what it says of its epoch, believed only as far as it can be. Pure.

pynmea2 names the fields; it also reads a missing coordinate as 0.0, calls good NMEA 4.1 fixes invalid, leaves
an impossible time as text and passes 98 degrees north. So its judgement is not used and each field checked:

    RMC, GLL   status A, and a mode other than N (none), M (by hand), S (simulated); E is dead reckoning
    GGA        quality other than 0, 7 (by hand), 8 (simulated); 6 is dead reckoning
    GNS        one letter per system; any that is not N, M, S
    all four   both coordinates and both letters, minutes below 60, in range, not exactly 0, 0, a real time

What fails has no position but is still news. A date that cannot be (32 December, "2208-1") costs the date
only: where the unit is does not depend on it. The navigation status of NMEA 4.1 is not looked at: it says V
in good fixes of receivers that give no integrity.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

import pynmea2

from edge.sources import fix

DAY_MS = 86_400_000
KNOT_CM_S = 185_200 / 3600
KM_H_CM_S = 100_000 / 3600

CARRIERS = ("RMC", "GGA", "GNS", "GLL")  # these have a position
SENTENCES = (*CARRIERS, "GSA", "VTG", "ZDA")

LATITUDE = re.compile(r"(\d{2})([0-5]\d(?:\.\d{1,10})?)")
LONGITUDE = re.compile(r"(\d{3}|\d{2})([0-5]\d(?:\.\d{1,10})?)")
NUMBER = re.compile(r"[+-]?\d{1,7}(?:\.\d{0,10})?|[+-]?\.\d{1,10}")
TIME = re.compile(r"\d{6}(?:\.\d{0,9})?")
DATE = re.compile(r"\d{6}")

MODE_QUALITY = {
    "A": fix.GNSS,
    "C": fix.GNSS,
    "U": fix.GNSS,
    "D": fix.DGNSS,
    "P": fix.DGNSS,
    "R": fix.RTK,
    "F": fix.FLOAT_RTK,
    "E": fix.DEAD_RECKONING,
}
GGA_QUALITY = {
    "1": fix.GNSS,
    "2": fix.DGNSS,
    "3": fix.GNSS,
    "4": fix.RTK,
    "5": fix.FLOAT_RTK,
    "6": fix.DEAD_RECKONING,
    "9": fix.DGNSS,
}


@dataclass(slots=True)
class Part:
    """What one sentence says of its epoch. `is_void`: the receiver itself says that it has no fix."""

    tag: str
    time_ms: int | None = None  # of the day
    date_ms: int | None = None  # midnight, ms since 1970
    is_void: bool = False
    refused: str | None = None  # why there is no position although the receiver claims one
    lat_e7: int | None = None
    lon_e7: int | None = None
    quality: int | None = None
    fix_mode: int | None = None
    altitude_msl_dm: int | None = None
    speed_cm_s: int | None = None
    course_ddeg: int | None = None
    satellites: int | None = None
    hdop_c: int | None = None


def part_of(sentence: str) -> Part | None:
    """What a sentence (without `$` and checksum) says; None for one that says nothing of a fix."""
    tag = sentence[2:5]
    if sentence[5:6] != "," or tag not in READERS or sentence[0] == "P":  # P: a maker's own sentence
        return None
    try:
        message = pynmea2.parse(sentence)
    except (pynmea2.ParseError, ValueError, TypeError, LookupError, ArithmeticError):
        return Part(tag, refused="parse")
    part = Part(tag)
    READERS[tag](part, message)
    return part


def _rmc(part: Part, message: pynmea2.RMC) -> None:
    part.time_ms = _time(message)
    part.date_ms = _date(message.data[8] if len(message.data) > 8 else "", message.datestamp)
    _status(part, message.status, message.mode_indicator)
    if part.is_void:
        return
    part.speed_cm_s = fix.scaled("speed_cm_s", _number(message.data, 6), KNOT_CM_S)
    part.course_ddeg = fix.course(_number(message.data, 7))
    _position(part, message)


def _gll(part: Part, message: pynmea2.GLL) -> None:
    part.time_ms = _time(message, 4)
    _status(part, message.status, message.faa_mode)
    if not part.is_void:
        _position(part, message)


def _gga(part: Part, message: pynmea2.GGA) -> None:
    part.time_ms = _time(message)
    part.satellites = fix.scaled("satellites", _number(message.data, 6), 1)
    quality = message.data[5] if len(message.data) > 5 else ""
    part.is_void = quality in {"", "0", "7", "8"}
    if part.is_void:
        return
    part.quality = GGA_QUALITY.get(quality)
    part.hdop_c = fix.scaled("hdop_c", _number(message.data, 7), 100)
    if message.altitude_units == "M":
        part.altitude_msl_dm = fix.scaled("altitude_msl_dm", _number(message.data, 8), 10)
    if part.quality is None:
        part.refused = "quality"
    else:
        _position(part, message)


def _gns(part: Part, message: pynmea2.GNS) -> None:
    part.time_ms = _time(message)
    part.satellites = fix.scaled("satellites", _number(message.data, 6), 1)
    letters = message.mode_indicator or ""
    qualities = {MODE_QUALITY[letter] for letter in letters if letter in MODE_QUALITY}
    part.is_void = not qualities
    if part.is_void:
        return
    satellite_fixes = qualities - {fix.DEAD_RECKONING}
    part.quality = max(satellite_fixes) if satellite_fixes else fix.DEAD_RECKONING
    part.hdop_c = fix.scaled("hdop_c", _number(message.data, 7), 100)
    part.altitude_msl_dm = fix.scaled("altitude_msl_dm", _number(message.data, 8), 10)
    _position(part, message)


def _gsa(part: Part, message: pynmea2.GSA) -> None:
    part.fix_mode = {"1": fix.MODE_NONE, "2": fix.MODE_2D, "3": fix.MODE_3D}.get(message.mode_fix_type)
    part.hdop_c = fix.scaled("hdop_c", _number(message.data, 15), 100)


def _vtg(part: Part, message: pynmea2.VTG) -> None:
    part.course_ddeg = fix.course(_number(message.data, 0))
    part.speed_cm_s = fix.scaled("speed_cm_s", _number(message.data, 6), KM_H_CM_S)
    if part.speed_cm_s is None:
        part.speed_cm_s = fix.scaled("speed_cm_s", _number(message.data, 4), KNOT_CM_S)


def _zda(part: Part, message: pynmea2.ZDA) -> None:
    part.time_ms = _time(message)
    if len(message.data) > 3 and all(text.isdecimal() for text in message.data[1:4]):
        try:
            part.date_ms = _midnight(message.datestamp)
        except (ValueError, TypeError, OverflowError):
            part.date_ms = None


READERS = {"RMC": _rmc, "GGA": _gga, "GNS": _gns, "GLL": _gll, "GSA": _gsa, "VTG": _vtg, "ZDA": _zda}


def _status(part: Part, status: str, mode: str) -> None:
    part.is_void = status != "A" or mode in {"N", "M", "S"}
    part.quality = None if part.is_void else MODE_QUALITY.get(mode, fix.GNSS)


def _position(part: Part, message: pynmea2.RMC | pynmea2.GGA | pynmea2.GNS | pynmea2.GLL) -> None:
    if part.time_ms is None:
        part.refused = "time"
        return
    lat_deg = _degrees(LATITUDE, message.lat, message.lat_dir, "NS")
    lon_deg = _degrees(LONGITUDE, message.lon, message.lon_dir, "EW")
    if lat_deg is None or lon_deg is None:
        part.refused = "coordinates"
        return
    found = fix.position(lat_deg, lon_deg)
    if found is None:
        part.refused = "range"
    else:
        part.lat_e7, part.lon_e7 = found


def _degrees(form: re.Pattern[str], text: str, letter: str, letters: str) -> float | None:
    match = form.fullmatch(text)
    if match is None or len(letter) != 1 or letter not in letters:
        return None
    degrees = int(match[1]) + float(match[2]) / 60
    return degrees if letter == letters[0] else -degrees


def _number(data: list[str], index: int) -> float | None:
    text = data[index] if index < len(data) else ""
    return float(text) if NUMBER.fullmatch(text) else None


def _time(message: pynmea2.TalkerSentence, index: int = 0) -> int | None:
    text = message.data[index] if index < len(message.data) else ""
    at = message.timestamp
    if not TIME.fullmatch(text) or not isinstance(at, datetime.time):
        return None
    return (at.hour * 3600 + at.minute * 60 + at.second) * 1000 + round(at.microsecond / 1000)


def _date(text: str, date: object) -> int | None:
    return _midnight(date) if DATE.fullmatch(text) and isinstance(date, datetime.date) else None


def _midnight(date: datetime.date) -> int:
    return (date - datetime.date(1970, 1, 1)).days * DAY_MS
