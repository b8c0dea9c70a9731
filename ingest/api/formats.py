"""A track as text: JSON, GeoJSON, GPX 1.1 and CSV, each piece by piece as its segments come.

Inside are the wire's scaled integers; outside SI units with the unit in the name. What is unknown is null
in JSON, left out in GPX, and an empty cell in CSV.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from firmware import wire
from ingest.api.instants import iso_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.api.segments import Columns, Segment
    from ingest.api.track import Asked

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


def shown(columns: Columns) -> Columns:
    """The columns of a segment under the names and in the units of the API."""
    out: Columns = {"sampled_at": iso_column(columns["time_ms"])}
    for name, wire_name, scale in NUMBERS:
        out[name] = columns[wire_name] if scale is None else _scaled(columns[wire_name], scale)
    for name, words in WORDS:
        out[name] = _worded(columns[name], words)
    return out


def _is_constant(column: list[Any]) -> bool:
    return column.count(column[0]) == len(column)


def _worded(column: list[Any], words: tuple[str, ...]) -> list[str | None]:
    if _is_constant(column):
        return [None if column[0] is None else words[column[0]]] * len(column)
    return [None if value is None else words[value] for value in column]


def _scaled(column: list[Any], scale: float) -> list[float | None]:
    if _is_constant(column):
        return [None if column[0] is None else column[0] / scale] * len(column)
    if None not in column:
        return [value / scale for value in column]
    return [None if value is None else value / scale for value in column]


def json_text(asked: Asked, track: Iterable[Segment]) -> Iterator[bytes]:
    """One object; each segment holds equally long columns."""
    yield to_json(asked.described())[:-1] + b',"segments":['
    fixes = left_out = 0
    comma = b""
    for segment in track:
        head = {"source": segment.source, "is_joined": segment.is_joined}
        yield comma + to_json(head | shown(segment.columns))
        fixes += segment.fixes - segment.is_joined
        left_out += segment.left_out
        comma = b","
    yield b'],"fixes":%d,"fixes_read":%d}' % (fixes, fixes + left_out)


def geojson_text(asked: Asked, track: Iterable[Segment]) -> Iterator[bytes]:
    """A FeatureCollection (RFC 7946): a LineString for each segment, a Point for a fix that stands alone."""
    yield b'{"type":"FeatureCollection","features":['
    comma = b""
    for segment in track:
        yield comma + to_json(_feature(asked.unit, segment))
        comma = b","
    yield b"]}"


def _feature(unit: str, segment: Segment) -> dict[str, Any]:
    columns = shown(segment.columns)
    longitudes, latitudes = columns.pop("lon_deg"), columns.pop("lat_deg")
    altitudes = columns["altitude_msl_m"]
    if None in altitudes:
        coordinates: list[Any] = list(zip(longitudes, latitudes, strict=True))
    else:
        coordinates = list(zip(longitudes, latitudes, altitudes, strict=True))
    is_line = len(coordinates) > 1
    geometry = {"type": "LineString", "coordinates": coordinates}
    if not is_line:
        geometry = {"type": "Point", "coordinates": coordinates[0]}
    properties = {"unit": unit, "source": segment.source, "is_joined": segment.is_joined, **columns}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def csv_text(asked: Asked, track: Iterable[Segment]) -> Iterator[bytes]:
    """A header line and a line for each fix, as RFC 4180.

    No cell can be taken for a formula: there are only numbers, times, our own words, and names of sources,
    which begin with a letter or a digit.
    """
    del asked
    yield ",".join(CSV_HEADER).encode() + b"\r\n"
    for number, segment in enumerate(track, 1):
        columns = shown(segment.columns)
        rows = zip(*(columns[name] for name in CSV_HEADER[2:]), strict=True)
        lines = [
            f"{segment.source},{number},{','.join('' if cell is None else str(cell) for cell in row)}\r\n"
            for row in rows
        ]
        yield "".join(lines[segment.is_joined :]).encode()


def gpx_text(asked: Asked, track: Iterable[Segment]) -> Iterator[bytes]:
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
    names = ("lat_deg", "lon_deg", "altitude_msl_m", "sampled_at", "fix_mode", "satellites", "hdop")
    rows = zip(*(columns[name] for name in (*names, "speed_m_s", "course_deg")), strict=True)
    return [_gpx_point(*row) for row in rows]


def _gpx_point(
    lat: float,
    lon: float,
    altitude: float | None,
    time: str,
    mode: str,
    satellites: int | None,
    hdop: float | None,
    speed: float | None,
    course: float | None,
) -> str:
    elevation = "" if altitude is None else f"<ele>{altitude}</ele>"
    rest = "" if satellites is None else f"<sat>{satellites}</sat>"
    rest += "" if hdop is None else f"<hdop>{hdop}</hdop>"
    motion = "" if speed is None else f"<tpx:speed>{speed}</tpx:speed>"
    motion += "" if course is None else f"<tpx:course>{course}</tpx:course>"
    if motion:
        motion = f"<tpx:TrackPointExtension>{motion}</tpx:TrackPointExtension>"
        rest += f"<extensions>{motion}</extensions>"
    point = f'<trkpt lat="{lat:.7f}" lon="{lon:.7f}">{elevation}<time>{time}</time>'
    return f"{point}<fix>{mode}</fix>{rest}</trkpt>\n"


Writer = Callable[["Asked", "Iterable[Segment]"], "Iterator[bytes]"]

# Registering a format is one line: its name in ?format=, media type, ending, writer.
FORMATS: dict[str, tuple[str, str, Writer]] = {
    "json": ("application/json", "json", json_text),
    "geojson": ("application/geo+json", "geojson", geojson_text),
    "gpx": ("application/gpx+xml", "gpx", gpx_text),
    "csv": ("text/csv; charset=utf-8; header=present", "csv", csv_text),
}
