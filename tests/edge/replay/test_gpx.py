"""GPX tracks become what a receiver would have said, and a bad file is named with its line."""

from pathlib import Path

import pynmea2
import pytest

from edge.replay.gpx import read_gpx
from edge.replay.recording import RecordingError

HEAD = '<?xml version="1.0"?>\n<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1"><trk><trkseg>\n'
TAIL = "</trkseg></trk></gpx>"
HERE = Path("some.gpx")


def point(lat, lon, time, rest=""):
    return f'<trkpt lat="{lat}" lon="{lon}">{rest}<time>{time}</time></trkpt>\n'


def read(body):
    return read_gpx((HEAD + body + TAIL).encode(), HERE)


def test_points_come_back_where_and_when_they_were():
    recording = read(
        point(49.2123456, 119.7654321, "2005-06-09T10:00:00Z", "<ele>640.4</ele>")
        + point(-0.0000012, -179.9999999, "2005-06-09T10:00:05.500Z")
    )
    assert [epoch.at_ms for epoch in recording.epochs] == [0, 5500]
    assert recording.begins_ms == 1_118_311_200_000
    first, second = (
        pynmea2.parse(epoch.payload.splitlines()[0].decode(), check=True) for epoch in recording.epochs
    )
    assert abs(first.latitude - 49.2123456) < 1e-8
    assert abs(first.longitude - 119.7654321) < 1e-8
    assert abs(second.latitude + 0.0000012) < 1e-8
    assert abs(second.longitude + 179.9999999) < 1e-8
    assert first.datetime.isoformat() == "2005-06-09T10:00:00+00:00"


def test_speed_and_course_are_those_of_the_way():
    recording = read(point(49.0, 119.0, "2026-01-01T00:00:00Z") + point(49.0, 119.01, "2026-01-01T00:01:00Z"))
    first, second = (
        pynmea2.parse(epoch.payload.splitlines()[0].decode(), check=True) for epoch in recording.epochs
    )
    assert first.spd_over_grnd is None
    assert abs(second.spd_over_grnd * 1852 / 3600 - 12.16) < 0.05
    assert abs(second.true_course - 90) < 0.1


def test_what_a_track_does_not_say_stays_empty():
    gga = pynmea2.parse(
        read(point(49, 119, "2026-01-01T00:00:00Z")).epochs[0].payload.splitlines()[2].decode()
    )
    assert (gga.num_sats, gga.horizontal_dil, gga.altitude) == ("", "", None)


def test_a_time_with_another_zone_is_utc_in_the_end():
    assert read(point(49, 119, "2026-01-01T08:00:00+08:00")).begins_ms == 1_767_225_600_000


def test_points_of_one_moment_count_once():
    recording = read(point(49, 119, "2026-01-01T00:00:00Z") * 3 + point(49, 119, "2026-01-01T00:00:01Z"))
    assert (len(recording.epochs), recording.skipped) == (2, 2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (point("x", 119, "2026-01-01T00:00:00Z"), r"some\.gpx:3: lat='x' is not a number"),
        (point(49, 200, "2026-01-01T00:00:00Z"), r"some\.gpx:3: lon='200' is not within"),
        (point("nan", 119, "2026-01-01T00:00:00Z"), r"some\.gpx:3: lat='nan' is not within"),
        ('<trkpt lat="1" lon="2"/>\n', r"some\.gpx:3: the track point has no <time>"),
        ('\n<trkpt lon="2"/>\n', r"some\.gpx:4: lat=None is not a number"),
        (point(49, 119, "yesterday"), r"some\.gpx:3: <time>yesterday</time> is not a moment"),
        (
            point(49, 119, "2026-01-01T00:00:02Z") + point(49, 119, "2026-01-01T00:00:01Z"),
            r"some\.gpx:4: the track point is earlier",
        ),
        ("<trkpt", r"some\.gpx:3: not XML"),
        ("", r"some\.gpx: has no track point"),
    ],
)
def test_a_bad_file_is_named_with_its_line(body, message):
    with pytest.raises(RecordingError, match=message):
        read(body)


def test_entities_are_refused_before_they_expand():
    kind = '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    bomb = f'<?xml version="1.0"?>\n{kind}\n<gpx>&b;</gpx>'
    with pytest.raises(RecordingError, match=r"some\.gpx:2: a document type is not accepted"):
        read_gpx(bomb.encode(), HERE)
