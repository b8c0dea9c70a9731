"""A unit's track: ranges, sources, simplification, and the same positions in every format."""

import csv
import io
import math
from typing import Any

import gpxpy
import pytest
from pydantic import TypeAdapter

from firmware import tdtr
from ingest.api.segments import GAP_MS
from ingest.api.shapes import Track, TrackCollection
from ingest.instants import iso
from ingest.reader import PAGE_ROWS
from tests.ingest.api.parts import DAY_START_MS, NOW_MS, Parts

UNIT = "library-01"
PATH = f"/api/v1/units/{UNIT}/track"
DAY = {"from": str(DAY_START_MS), "to": str(DAY_START_MS + 86_400_000)}


def drive(rows: int, step_ms: int = 10_000, start_ms: int = DAY_START_MS) -> dict[str, Any]:
    """A winding road, written as columns of the wire."""
    return {
        "times_ms": [start_ms + row * step_ms for row in range(rows)],
        "lat_e7": [408_000_000 + row * 900 + round(3000 * math.sin(row / 9)) for row in range(rows)],
        "lon_e7": [1_117_000_000 + row * 1200 for row in range(rows)],
        "altitude_msl_dm": [10_500 + row % 40 for row in range(rows)],
        "speed_cm_s": [1500 + row % 7 for row in range(rows)],
        "course_ddeg": [(row * 3) % 3600 for row in range(rows)],
        "satellites": 12,
        "hdop_c": 90,
        "fix_mode": 2,
        "quality": 0,
    }


async def track(parts: Parts, **query: Any) -> dict[str, Any]:
    async with parts.client() as client:
        answer = await client.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    Track.model_validate_json(answer.content)
    return answer.json()


async def test_a_day_comes_whole_and_in_units_of_people(parts: Parts) -> None:
    road = drive(3000)
    parts.write(UNIT, "fix", **road)
    found = await track(parts, **DAY)
    (one,) = found["segments"]
    assert found["fixes"] == found["fixes_read"] == 3000
    assert one["sampled_at"] == [iso(time_ms) for time_ms in road["times_ms"]]
    assert one["lat_deg"] == [lat / 1e7 for lat in road["lat_e7"]]
    assert (one["altitude_msl_m"][5], one["speed_m_s"][0], one["course_deg"][1]) == (1050.5, 15.0, 0.3)
    assert (one["satellites"][0], one["hdop"][0], one["fix_mode"][0]) == (12, 0.9, "3d")
    assert (one["quality"][0], one["clock"][0], one["source"]) == ("gnss", "gnss", "gnss")


async def test_the_default_is_the_current_day_until_now(parts: Parts) -> None:
    parts.write(UNIT, "fix", **drive(3, 1000, DAY_START_MS - 2000))
    found = await track(parts)
    assert (found["from"], found["to"]) == (iso(DAY_START_MS), iso(NOW_MS))
    assert found["fixes"] == 1


async def test_from_is_within_and_to_is_not(parts: Parts) -> None:
    parts.write(UNIT, "fix", **drive(10, 1000))
    found = await track(parts, **{"from": DAY_START_MS + 2000, "to": DAY_START_MS + 5000})
    assert found["segments"][0]["sampled_at"] == [iso(DAY_START_MS + ms) for ms in (2000, 3000, 4000)]
    assert (await track(parts, **{"from": DAY_START_MS, "to": DAY_START_MS}))["segments"] == []


async def test_pages_of_the_history_leave_no_seam(parts: Parts) -> None:
    road = drive(2 * PAGE_ROWS + 7, 500)
    parts.write(UNIT, "fix", **road)
    found = await track(parts, **DAY)
    assert found["fixes"] == 2 * PAGE_ROWS + 7
    rows = [at for one in found["segments"] for at in one["sampled_at"][one["is_joined"] :]]
    assert rows == [iso(time_ms) for time_ms in road["times_ms"]]


async def test_simplification_keeps_its_bound_and_says_what_it_left_out(parts: Parts) -> None:
    road = drive(2000)
    parts.write(UNIT, "fix", **road)
    found = await track(parts, **DAY, tolerance_m=15)
    (one,) = found["segments"]
    assert found["fixes_read"] == 2000
    assert found["fixes"] == len(one["lat_deg"]) < 1000
    points = list(zip(road["times_ms"], road["lat_e7"], road["lon_e7"], strict=True))
    kept = [
        road["times_ms"].index(time_ms) for time_ms in road["times_ms"] if iso(time_ms) in one["sampled_at"]
    ]
    assert tdtr.error_m(points, kept) <= 15


async def test_gaps_and_losses_part_the_line(parts: Parts) -> None:
    parts.write(UNIT, "fix", **drive(5, 1000))
    lost_ms = DAY_START_MS + 5000
    parts.write(UNIT, "fix", [lost_ms], fix_mode=0)
    parts.write(UNIT, "fix", **drive(5, 1000, lost_ms + 1000))
    parts.write(UNIT, "fix", **drive(1, 1000, lost_ms + 6000 + GAP_MS))
    found = await track(parts, **DAY)
    assert [len(one["lat_deg"]) for one in found["segments"]] == [5, 5, 1]
    async with parts.client() as client:
        geo = (await client.get(PATH, params=DAY | {"format": "geojson"})).json()
    assert [one["geometry"]["type"] for one in geo["features"]] == ["LineString", "LineString", "Point"]


async def test_two_receivers_are_two_lines(parts: Parts) -> None:
    parts.write(UNIT, "fix", source="gnss", **drive(4, 1000))
    parts.write(UNIT, "fix", source="gpsd", **drive(4, 1000, DAY_START_MS + 500))
    assert [one["source"] for one in (await track(parts, **DAY))["segments"]] == ["gnss", "gpsd"]
    assert [one["source"] for one in (await track(parts, **DAY, source="gpsd"))["segments"]] == ["gpsd"]
    assert (await track(parts, **DAY, source="no-such"))["segments"] == []


async def test_a_raw_track_asked_for_later_doubles_nothing(parts: Parts) -> None:
    road = drive(20, 1000)
    parts.write(
        UNIT, "fix", **{name: col[::5] if isinstance(col, list) else col for name, col in road.items()}
    )
    parts.write(UNIT, "fix", **road)
    assert (await track(parts, **DAY))["fixes"] == 20


async def test_every_format_has_the_same_positions(parts: Parts) -> None:
    road = drive(30) | {"altitude_msl_dm": [None, *[-15] * 29], "speed_cm_s": None, "lon_e7": [-5] * 30}
    parts.write(UNIT, "fix", **road)
    expected = [
        (iso(time_ms), lat / 1e7, lon / 1e7)
        for time_ms, lat, lon in zip(road["times_ms"], road["lat_e7"], road["lon_e7"], strict=True)
    ]
    async with parts.client() as client:
        texts = {
            name: await client.get(PATH, params=DAY | {"format": name}) for name in ("geojson", "gpx", "csv")
        }
    assert geojson_positions(texts["geojson"].content) == expected
    assert csv_positions(texts["csv"].text) == expected
    (gpx_track,) = gpxpy.parse(texts["gpx"].text).tracks
    points = gpx_track.segments[0].points
    assert [(point.latitude, point.longitude) for point in points] == [(lat, lon) for _, lat, lon in expected]
    assert [point.elevation for point in points] == [None, *[-1.5] * 29]
    assert (points[0].satellites, points[0].type_of_gpx_fix, points[0].horizontal_dilution) == (12, "3d", 0.9)
    assert points[0].time.timestamp() * 1000 == DAY_START_MS
    assert texts["gpx"].headers["content-disposition"] == 'attachment; filename="library-01-2026-11-21.gpx"'
    assert {name: text.headers["content-type"].split(";")[0] for name, text in texts.items()} == {
        "geojson": "application/geo+json",
        "gpx": "application/gpx+xml",
        "csv": "text/csv",
    }


async def test_a_place_within_a_metre_of_the_equator_is_a_decimal_in_gpx(parts: Parts) -> None:
    parts.write(
        UNIT, "fix", [DAY_START_MS, DAY_START_MS + 1000], lat_e7=[1, -20], lon_e7=[5, None], fix_mode=2
    )
    parts.write(UNIT, "fix", [DAY_START_MS + 2000], lat_e7=3, lon_e7=-7, fix_mode=2)
    async with parts.client() as client:
        answer = await client.get(PATH, params=DAY | {"format": "gpx"})
    assert 'lat="0.0000001" lon="0.0000005"' in answer.text
    assert "e-0" not in answer.text


def geojson_positions(content: bytes) -> list[tuple[str, float, float]]:
    collection = TypeAdapter(TrackCollection).validate_json(content)
    found = []
    for feature in collection.features:
        coordinates = feature.geometry.coordinates
        found += [
            (at, place[1], place[0])
            for at, place in zip(feature.properties.sampled_at, coordinates, strict=True)
        ]
    return found


def csv_positions(text: str) -> list[tuple[str, float, float]]:
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0])[:6] == ["source", "segment", "sampled_at", "lat_deg", "lon_deg", "altitude_msl_m"]
    assert rows[0]["altitude_msl_m"] == ""
    assert not any(cell.startswith(("=", "+", "@", "\t")) for row in rows for cell in row.values())
    return [(row["sampled_at"], float(row["lat_deg"]), float(row["lon_deg"])) for row in rows]


@pytest.mark.parametrize("format_name", ["json", "geojson", "gpx", "csv"])
async def test_an_empty_track_is_whole_in_every_format(parts: Parts, format_name: str) -> None:
    parts.hear_of(UNIT)
    async with parts.client() as client:
        answer = await client.get(PATH, params={"format": format_name})
    assert answer.status_code == 200
    if format_name == "gpx":
        assert gpxpy.parse(answer.text).tracks == []
    elif format_name == "csv":
        assert answer.text.count("\r\n") == 1
    elif format_name == "geojson":
        assert geojson_positions(answer.content) == []


async def test_a_month_of_raw_fixes_is_a_stream(parts: Parts) -> None:
    parts.write(UNIT, "fix", **drive(PAGE_ROWS + 5000, 1000))
    async with parts.client() as client:
        answer = await client.get(PATH, params=DAY | {"format": "csv"})
    assert "content-length" not in answer.headers
    assert answer.text.count("\r\n") == PAGE_ROWS + 5001


@pytest.mark.parametrize(
    ("query", "code", "where", "words"),
    [
        (
            {"from": "2026-11-21T10:00:00Z", "to": "2026-11-21T09:00:00Z"},
            "dates_swapped",
            "query.from",
            ("2026-11-21T10:00:00.000Z", "2026-11-21T09:00:00.000Z", "swap"),
        ),
        ({"from": "2026-01-01", "to": "2026-11-21"}, "range_too_long", "query.from", ("324.0 days", "31")),
        ({"from": "soon"}, "invalid", "query.from", ("'soon'", "ISO 8601")),
        ({"to": "2026-11-21T10:00:00"}, "invalid", "query.to", ("zone",)),
        ({"tolerance_m": "-1"}, "invalid", "query.tolerance_m", ("greater than or equal to 0",)),
        ({"tolerance_m": "nan"}, "invalid", "query.tolerance_m", ("finite",)),
        ({"tolerance_m": "wide"}, "invalid", "query.tolerance_m", ("number",)),
        ({"format": "kml"}, "invalid", "query.format", ("'json', 'geojson', 'gpx' or 'csv'",)),
        ({"source": "../x"}, "invalid", "query.source", ("'../x'",)),
    ],
)
async def test_bad_questions_get_clear_words(
    parts: Parts, query: dict[str, str], code: str, where: str, words: tuple[str, ...]
) -> None:
    parts.hear_of(UNIT)
    async with parts.client() as client:
        answer = await client.get(PATH, params=query)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["where"], error["retry"]) == (422, code, where, False)
    for word in words:
        assert word in error["detail"]


@pytest.mark.parametrize("unit", ["nobody", "NOT-A-UNIT", "a" * 300, "%00", "ᠮᠣᠩᠭᠣᠯ"])
async def test_an_unknown_unit_is_404(parts: Parts, unit: str) -> None:
    async with parts.client() as client:
        answer = await client.get(f"/api/v1/units/{unit}/track")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_unit")
