"""NMEA 0183 without floats: bytes in, fixes out. For a receiver on a node without a Pi.

    $GNRMC,123519.00,A,4807.0380,N,01131.0000,E,022.4,084.4,230394,,,A*hh    time, place, speed, course, date
    $GNGGA,123519.00,4807.0380,N,01131.0000,E,1,08,0.9,545.4,M,46.9,M,,*hh   quality, satellites, HDOP, height

The same gate as the Pi's (edge/sources/nmea_gate.py): a sentence begins at any `$`, is at most 120 bytes of
printable ASCII and has a right check sum. A fix counts with status A, a mode other than N, M and S, both
coordinates and both letters, minutes below 60, and not at 0, 0. What is missing is None, never 0.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_SENTENCE = 120
_DAYS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


class Reader:
    """Cuts bytes into sentences and joins RMC with the GGA before it; `refused` counts by cause."""

    def __init__(self) -> None:
        self.refused = {"too_long": 0, "checksum": 0, "content": 0}
        self._held = bytearray()
        self._gga: "dict[str, Any]" = {}

    def feed(self, data: bytes) -> "list[tuple[int | None, dict[str, Any]]]":
        """(UTC in ms or None, values of a `fix`) for each RMC that these bytes complete."""
        out = []
        for byte in data:
            if byte == 0x24:
                self._held = bytearray(b"$")
            elif byte in (10, 13):
                found = self._read(bytes(self._held)) if self._held else None
                self._held = bytearray()
                if found is not None:
                    out.append(found)
            elif self._held:
                self._held.append(byte)
                if len(self._held) > MAX_SENTENCE:
                    self.refused["too_long"] += 1
                    self._held = bytearray()
        return out

    def _read(self, sentence: bytes) -> "tuple[int | None, dict[str, Any]] | None":
        words = checked(sentence)
        if words is None:
            self.refused["checksum"] += 1
            return None
        if len(words[0]) == 5 and words[0][2:] == "GGA" and len(words) >= 10:
            self._gga = gga(words)
        elif len(words[0]) == 5 and words[0][2:] == "RMC" and len(words) >= 10:
            fix = rmc(words)
            if self._gga.get("at") == words[1] and fix["fix_mode"]:
                fix.update({name: self._gga[name] for name in self._gga if name != "at"})
            elif fix["fix_mode"] == 0 and words[2] == "A":
                self.refused["content"] += 1
            return utc_ms(words[9], words[1]), fix
        return None


def checked(sentence: bytes) -> "list[str] | None":
    """The words of a sentence with a right check sum."""
    star = sentence.rfind(b"*")
    if sentence[:1] != b"$" or star < 1 or len(sentence) != star + 3:
        return None
    total = 0
    for byte in sentence[1:star]:
        if not 32 <= byte < 127:
            return None
        total ^= byte
    if ("%02X" % total).encode() != sentence[star + 1 :].upper():
        return None
    return str(sentence[1:star], "utf-8").split(",")


def rmc(words: "list[str]") -> "dict[str, Any]":
    """The values of a fix; without a place its `fix_mode` is none, and nothing else is there."""
    mode = words[12] if len(words) > 12 else "A"
    lat_e7, lon_e7 = angle_e7(words[3], words[4], "NS", 90), angle_e7(words[5], words[6], "EW", 180)
    if (
        words[2] != "A"
        or mode in ("N", "M", "S")
        or lat_e7 is None
        or lon_e7 is None
        or lat_e7 == lon_e7 == 0
    ):
        return {"fix_mode": 0}
    knots_c, course_c = scaled(words[7], 2), scaled(words[8], 1)
    return {
        "lat_e7": lat_e7,
        "lon_e7": lon_e7,
        "speed_cm_s": None if knots_c is None else min((knots_c * 463 + 450) // 900, 50000),
        "course_ddeg": None if course_c is None else course_c % 3600,
        "fix_mode": 1,
        "quality": {"D": 1, "R": 2, "F": 3, "E": 4}.get(mode, 0),
    }


def gga(words: "list[str]") -> "dict[str, Any]":
    """What a GGA adds to the fix of the same second; nothing when it has none."""
    if words[6] in ("", "0", "7", "8"):
        return {}
    satellites, hdop_c, height_dm = scaled(words[7], 0), scaled(words[8], 2), scaled(words[9], 1)
    return {
        "at": words[1],
        "satellites": None if satellites is None else min(satellites, 99),
        "hdop_c": None if hdop_c is None else min(hdop_c, 9999),
        "altitude_msl_dm": height_dm if height_dm is not None and -10000 <= height_dm <= 200000 else None,
        "fix_mode": 2 if height_dm is not None else 1,
    }


def scaled(word: str, places: int) -> "int | None":
    """A decimal number times 10 to the power of `places`, cut; None when it is none."""
    sign, digits = (-1, word[1:]) if word[:1] == "-" else (1, word)
    whole, dot, rest = digits.partition(".")
    if not (whole + rest).isdigit() or len(digits) > 15 or (dot and not rest and not whole):
        return None
    return sign * int((whole or "0") + (rest + "0" * places)[:places])


def angle_e7(word: str, letter: str, letters: str, most: int) -> "int | None":
    """1e-7 deg of ddmm.mmmm or dddmm.mmmm, rounded; None when it is none."""
    whole, _, rest = word.partition(".")
    if len(letter) != 1 or letter not in letters or len(whole) != (4 if most == 90 else 5):
        return None
    if not (whole + rest).isdigit() or len(rest) > 12:
        return None
    degrees, minutes_e7 = int(whole[:-2]), int(whole[-2:] + (rest + "0000000")[:7])
    if minutes_e7 >= 600000000:
        return None
    found = degrees * 10000000 + (minutes_e7 + 30) // 60
    if found > most * 10000000:
        return None
    return -found if letter == letters[1] else found


def utc_ms(date: str, clock: str) -> "int | None":
    """UTC in ms of ddmmyy and hhmmss.sss; None when it is no time."""
    whole, _, rest = clock.partition(".")
    if len(date) != 6 or len(whole) != 6 or not (date + whole).isdigit() or (rest and not rest.isdigit()):
        return None
    day, month, year = int(date[:2]), int(date[2:4]), 2000 + int(date[4:])
    hour, minute, second = int(whole[:2]), int(whole[2:4]), int(whole[4:])
    if not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 59:
        return None
    is_leap = year % 4 == 0
    length = (31, 29 if is_leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
    if not 1 <= day <= length:
        return None
    days = (year - 1970) * 365 + (year - 1969) // 4 + _DAYS[month - 1] + day - 1 + (is_leap and month > 2)
    return ((days * 24 + hour) * 60 + minute) * 60000 + second * 1000 + int((rest + "000")[:3])
