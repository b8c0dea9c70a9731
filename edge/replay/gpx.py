"""GPX files: track points with times -> what a receiver would have sent at each of them.

Read with the parser itself (expat), as a stream: no tree to fill the memory, a line for each complaint. A
document type is refused before an entity can expand. Of several points at one moment the first counts.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.parsers import expat

from edge.replay.recording import Epoch, Recording, RecordingError
from edge.simulate.places import distance_m
from edge.simulate.sentences import SINCE, Solution, sentences

DECIMALS = 7  # of a minute: far finer than any GPX file
SLOWEST_M_S = 0.3  # below this a course is noise


@dataclass(frozen=True, slots=True)
class _Point:
    utc_ms: int
    lat_deg: float
    lon_deg: float
    altitude_m: float | None


class _Reader:
    """Collects the track points of one document."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.points: list[_Point] = []
        self.skipped = 0
        self._text: list[str] = []
        self._line: int | None = None  # where the open track point begins
        self._place = 0.0, 0.0
        self._utc_ms: int | None = None
        self._altitude_m: float | None = None
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append
        self._parser.StartDoctypeDeclHandler = self._refuse_type

    def error(self, line: int, cause: str) -> RecordingError:
        return RecordingError(f"{self.path}:{line}: {cause}")

    def read(self, data: bytes) -> list[_Point]:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise self.error(error.lineno, f"not XML: {expat.ErrorString(error.code)}") from None
        return self.points

    def _refuse_type(self, *_: object) -> None:
        raise self.error(self._parser.CurrentLineNumber, "a document type is not accepted (entities expand)")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._text.clear()
        if _local(name) == "trkpt":
            line = self._line = self._parser.CurrentLineNumber
            lat_deg = self._number(line, "lat", attributes.get("lat"), 90)
            lon_deg = self._number(line, "lon", attributes.get("lon"), 180)
            self._place, self._utc_ms, self._altitude_m = (lat_deg, lon_deg), None, None

    def _end(self, name: str) -> None:
        text = "".join(self._text).strip()
        self._text.clear()
        if self._line is None:
            return
        if _local(name) == "time":
            self._utc_ms = self._moment_ms(text)
        elif _local(name) == "ele":
            self._altitude_m = self._number(self._parser.CurrentLineNumber, "ele", text, 20_000)
        elif _local(name) == "trkpt":
            self._take(self._line)
            self._line = None

    def _take(self, line: int) -> None:
        last_ms = self.points[-1].utc_ms if self.points else None
        if self._utc_ms is None:
            raise self.error(line, "the track point has no <time>, so nobody knows when it was")
        if last_ms is not None and self._utc_ms < last_ms:
            raise self.error(line, "the track point is earlier than the one before")
        if self._utc_ms == last_ms:
            self.skipped += 1
        else:
            self.points.append(_Point(self._utc_ms, *self._place, self._altitude_m))

    def _number(self, line: int, name: str, text: str | None, limit: float) -> float:
        try:
            value = float(text or "")
        except ValueError:
            raise self.error(line, f"{name}={text!r} is not a number") from None
        if not abs(value) <= limit:
            raise self.error(line, f"{name}={text!r} is not within {-limit} to {limit}")
        return value

    def _moment_ms(self, text: str) -> int:
        try:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return (moment - SINCE) // timedelta(milliseconds=1)
        except (ValueError, OverflowError):
            line = self._parser.CurrentLineNumber
            raise self.error(
                line, f"<time>{text[:40]}</time> is not a moment as 2026-11-21T09:00:00Z"
            ) from None


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _course_deg(one: _Point, two: _Point) -> float:
    lat_1, lat_2 = math.radians(one.lat_deg), math.radians(two.lat_deg)
    turn = math.radians(two.lon_deg - one.lon_deg)
    east = math.sin(turn) * math.cos(lat_2)
    north = math.cos(lat_1) * math.sin(lat_2) - math.sin(lat_1) * math.cos(lat_2) * math.cos(turn)
    return math.degrees(math.atan2(east, north)) % 360


def _solution(before: _Point | None, point: _Point) -> Solution:
    """The point as a fix; speed and course are those from the point before."""
    speed_m_s, course_deg = None, None
    if before is not None:
        far_m = distance_m(before.lat_deg, before.lon_deg, point.lat_deg, point.lon_deg)
        speed_m_s = far_m * 1000 / (point.utc_ms - before.utc_ms)
        course_deg = _course_deg(before, point) if speed_m_s > SLOWEST_M_S else None
    mode = 2 if point.altitude_m is None else 3
    return Solution(
        utc_ms=point.utc_ms,
        lat_deg=point.lat_deg,
        lon_deg=point.lon_deg,
        altitude_m=point.altitude_m,
        speed_m_s=speed_m_s,
        course_deg=course_deg,
        mode=mode,
    )


def read_gpx(data: bytes, path: Path) -> Recording:
    """The recording in a GPX document's bytes; raises RecordingError."""
    reader = _Reader(path)
    points = reader.read(data)
    if not points:
        raise RecordingError(f"{path}: has no track point (<trkpt>)")
    begins_ms = points[0].utc_ms
    epochs = []
    for before, point in zip([None, *points], points, strict=False):
        said = b"".join(sentences(_solution(before, point), "GP", decimals=DECIMALS))
        epochs.append(Epoch(point.utc_ms - begins_ms, said))
    return Recording(tuple(epochs), begins_ms, reader.skipped)
