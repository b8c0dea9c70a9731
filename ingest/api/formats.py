"""A track as text: JSON, GeoJSON, GPX 1.1 and CSV, each piece by piece as its segments come.

Inside are the wire's scaled integers; outside SI units with the unit in the name. What is unknown is null
in JSON, left out in GPX, and an empty cell in CSV.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import to_json

from firmware import wire
from ingest.instants import iso_ascii
from ingest.stretch import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.api.asked import AskedTrack
    from ingest.api.segments import Columns, Segment
    from ingest.stretch import Numbers

_FIX = wire.KINDS["fix"].by_name

# Name outside, name on the wire, and what one unit of the wire's is worth outside (None: as it is).
NUMBERS: tuple[tuple[str, str, float | None], ...] = (
    ("lat_deg", "lat_e7", 1e7),
    ("lon_deg", "lon_e7", 1e7),
    ("altitude_msl_m", "altitude_msl_dm", 10),
    ("speed_m_s", "speed_cm_s", 100),
    ("course_deg", "course_ddeg", 10),
    ("satellites", "satellites", None),
    ("hdop", "hdop_c", 100),
)
WORDS = (("fix_mode", _FIX["fix_mode"].words), ("quality", _FIX["quality"].words), ("clock", wire.CLOCKS))
# The units stand in the names, as everywhere: degrees of WGS-84, metres, metres a second.
CSV_HEADER = (
    "source",
    "segment",
    "sampled_at",
    *(name for name, _, _ in NUMBERS),
    *(name for name, _ in WORDS),
)


def shown(columns: Columns) -> dict[str, bytes]:
    """The columns of a segment under the names and in the units of the API, each as an array of JSON."""
    out = {"sampled_at": b'["%b"]' % b'","'.join(iso_ascii(columns["time_ms"]).tolist())}
    for name, wire_name, scale in NUMBERS:
        out[name] = _array(columns[wire_name], partial(_scaled, scale=scale))
    for name, words in WORDS:
        out[name] = _array(columns[name], partial(_worded, words=words))
    return out


def _array(column: Numbers, meaning: Callable[[Numbers], list[Any]]) -> bytes:
    if column.min() == column.max():  # as most of them are most of the time
        return b"[%b]" % b",".join([to_json(meaning(column[:1])[0])] * column.size)
    return to_json(meaning(column))


def _scaled(column: Numbers, scale: float | None) -> list[float | None]:
    values: list[float | None] = (column if scale is None else column / scale).tolist()
    for row in np.flatnonzero(column == ABSENT).tolist():
        values[row] = None
    return values


def _worded(column: Numbers, words: tuple[str, ...]) -> list[str | None]:
    return [None if cell == ABSENT else words[cell] for cell in column.tolist()]


def cells(array: bytes, unknown: str = "") -> list[str]:
    """The cells of one of these arrays as bare texts; no word of ours has a comma or a quote in it."""
    return array[1:-1].decode().replace('"', "").replace("null", unknown).split(",")


def json_text(asked: AskedTrack, track: Iterable[Segment]) -> Iterator[bytes]:
    """One object; each segment holds equally long columns."""
    yield to_json(asked.described())[:-1] + b',"segments":['
    fixes = left_out = 0
    comma = b""
    for segment in track:
        head = {"source": segment.source, "is_joined": segment.is_joined}
        yield comma + _object(head, shown(segment.columns))
        fixes += segment.fixes - segment.is_joined
        left_out += segment.left_out
        comma = b","
    yield b'],"fixes":%d,"fixes_read":%d}' % (fixes, fixes + left_out)


def _object(head: dict[str, Any], columns: dict[str, bytes]) -> bytes:
    rest = b",".join(b'"%b":%b' % (name.encode(), array) for name, array in columns.items())
    return b"%b,%b}" % (to_json(head)[:-1], rest)


def geojson_text(asked: AskedTrack, track: Iterable[Segment]) -> Iterator[bytes]:
    """A FeatureCollection (RFC 7946): a LineString for each segment, a Point for a fix that stands alone."""
    yield b'{"type":"FeatureCollection","features":['
    comma = b""
    for segment in track:
        yield comma + _feature(asked.unit, segment)
        comma = b","
    yield b"]}"


def _feature(unit: str, segment: Segment) -> bytes:
    columns = shown(segment.columns)
    places = [cells(columns.pop(name)) for name in ("lon_deg", "lat_deg")]
    if b"null" not in columns["altitude_msl_m"]:
        places.append(cells(columns["altitude_msl_m"]))
    points = [f"[{point}]" for point in map(",".join, zip(*places, strict=True))]
    is_line = len(points) > 1
    coordinates = f"[{','.join(points)}]" if is_line else points[0]
    geometry = f'{{"type":"{"LineString" if is_line else "Point"}","coordinates":{coordinates}}}'
    head = {"unit": unit, "source": segment.source, "is_joined": segment.is_joined}
    feature = b'{"type":"Feature","geometry":%b,"properties":%b}'
    return feature % (geometry.encode(), _object(head, columns))


def csv_text(asked: AskedTrack, track: Iterable[Segment]) -> Iterator[bytes]:
    """A header line and a line for each fix, as RFC 4180.

    No cell can be taken for a formula: there are only numbers, times, our own words, and names of sources,
    which begin with a letter or a digit.
    """
    del asked
    yield ",".join(CSV_HEADER).encode() + b"\r\n"
    for number, segment in enumerate(track, 1):
        columns = shown(segment.columns)
        rows = zip(*(cells(columns[name]) for name in CSV_HEADER[2:]), strict=True)
        head = f"{segment.source},{number},"
        lines = [f"{head}{row}\r\n" for row in map(",".join, rows)]
        yield "".join(lines[segment.is_joined :]).encode()


def gpx_text(asked: AskedTrack, track: Iterable[Segment]) -> Iterator[bytes]:
    """A GPX 1.1 document: a track for each source, a segment for each of ours."""
    yield GPX_HEAD
    source = ""
    for segment in track:
        if segment.source != source:
            yield (b"</trkseg></trk>" if source else b"") + _gpx_track(asked.unit, segment.source)
            source = segment.source
        elif not segment.is_joined:
            yield b"</trkseg><trkseg>\n"
        yield "".join(_gpx_points(segment)[segment.is_joined :]).encode()
    yield (b"</trkseg></trk>" if source else b"") + b"</gpx>\n"


GPX_HEAD = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<gpx version="1.1" creator="Ortoo" xmlns="http://www.topografix.com/GPX/1/1"'
    b' xmlns:tpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">\n'
)


def _gpx_track(unit: str, source: str) -> bytes:
    # Both are names of [a-z0-9-], so there is nothing to escape.
    return f"<trk><name>{unit} {source}</name><trkseg>\n".encode()


def _gpx_points(segment: Segment) -> list[str]:
    columns = shown(segment.columns)
    rows = zip(
        _degrees(columns["lat_deg"]),
        _degrees(columns["lon_deg"]),
        _elements("ele", columns["altitude_msl_m"]),
        cells(columns["sampled_at"]),
        cells(columns["fix_mode"]),
        _elements("sat", columns["satellites"]),
        _elements("hdop", columns["hdop"]),
        _motions(
            _elements("tpx:speed", columns["speed_m_s"]), _elements("tpx:course", columns["course_deg"])
        ),
        strict=True,
    )
    return [
        f'<trkpt lat="{lat}" lon="{lon}">{elevation}<time>{time}</time>'
        f"<fix>{mode}</fix>{satellites}{hdop}{motion}</trkpt>\n"
        for lat, lon, elevation, time, mode, satellites, hdop, motion in rows
    ]


def _degrees(array: bytes) -> list[str]:
    """XML's decimals know no exponents, which a place within a metre of the equator has."""
    texts = cells(array)
    return [f"{float(text):.7f}" for text in texts] if b"e" in array else texts


def _elements(tag: str, array: bytes) -> list[str]:
    return [f"<{tag}>{cell}</{tag}>" if cell else "" for cell in cells(array)]


def _motions(speeds: list[str], courses: list[str]) -> list[str]:
    extension = "tpx:TrackPointExtension"
    return [
        f"<extensions><{extension}>{speed}{course}</{extension}></extensions>" if speed or course else ""
        for speed, course in zip(speeds, courses, strict=True)
    ]


Writer = Callable[["AskedTrack", "Iterable[Segment]"], "Iterator[bytes]"]

# Registering a format is one line: its name in ?format=, media type, ending, writer.
FORMATS: dict[str, tuple[str, str, Writer]] = {
    "json": ("application/json", "json", json_text),
    "geojson": ("application/geo+json", "geojson", geojson_text),
    "gpx": ("application/gpx+xml", "gpx", gpx_text),
    "csv": ("text/csv; charset=utf-8; header=present", "csv", csv_text),
}
