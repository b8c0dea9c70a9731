"""A recording goes through a pty, the real agent, a broker and the real service, and comes out as it was."""

import csv
import io
import itertools
import signal
import urllib.request

import pytest

from edge.replay.nmea_log import moved
from edge.simulate.drive import Vehicle, scenes
from edge.simulate.fleet import fleet
from edge.simulate.receiver import Antenna, Receiver

BEGINS_MS = 1_118_311_200_000  # 2005-06-09 10:00
SECONDS = 40
EDGE = """
[unit]
id = "log-01"
[broker]
host = "{host}"
port = {port}
[outbox]
path = "{path}"
[track]
tolerance_m = 0.0
anchor_radius_m = 0.0
"""
INGEST = """
[broker]
host = "{host}"
port = {port}
[store]
path = "{path}"
[http]
port = {http}
"""


def driven():
    """What a receiver said on a drive: (seconds, position, bytes) each second."""
    unit = fleet(1)[0]
    vehicle, receiver = Vehicle(unit.id, unit.home_id), Receiver(unit.id)
    warm = Antenna(on_s=100)
    moments = itertools.count(BEGINS_MS, 1000)
    for scene, utc_ms in zip(scenes(vehicle, vehicle.start(), SECONDS), moments, strict=False):
        found = receiver.solution(warm, scene, utc_ms)
        yield utc_ms, (found.lat_deg, found.lon_deg), receiver.epoch(warm, scene, utc_ms)


@pytest.fixture
def config(mosquitto, tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text(EDGE.format(host=mosquitto.host, port=mosquitto.port, path=tmp_path / "outbox.db"))
    return path


@pytest.fixture
def track(start_module, mosquitto, tmp_path, free_port):
    """A running service; track() gives what it has of the unit in 2005."""
    path = tmp_path / "ingest.toml"
    path.write_text(
        INGEST.format(host=mosquitto.host, port=mosquitto.port, path=tmp_path / "store.db", http=free_port)
    )
    program = start_module("ingest", "run", "--config", path)
    program.wait_for_log("Application startup complete", 20)
    when = "from=2005-06-09T00:00:00Z&to=2005-06-10T00:00:00Z&format=csv"
    url = f"http://127.0.0.1:{free_port}/api/v1/units/log-01/track?{when}"

    def get():
        with urllib.request.urlopen(url, timeout=60) as answer:
            return list(csv.DictReader(io.StringIO(answer.read().decode())))

    return get


def test_every_position_of_a_log_arrives_and_none_else(start_module, config, track, tmp_path):
    log = tmp_path / "drive.log"
    said = [payload for _, _, payload in driven()]
    said[7:7] = [b"$GPRMC,100006.000,A,4412.3\x00\xff\r\n", b"$GNGGA,1*00\r\n"]
    log.write_bytes(b"# Name: a drive\n" + b"".join(said))
    program = start_module("edge", "replay", log, "--config", config, "--speed", "20", "--once")
    assert program.wait(40) == 0
    assert f"{SECONDS} fixes accepted, everything has its receipt" in program.log()
    rows = track()
    assert len(rows) == SECONDS
    arrived = sorted((float(row["lat_deg"]), float(row["lon_deg"])) for row in rows)
    for (lat_deg, lon_deg), (want_lat_deg, want_lon_deg) in zip(
        arrived, sorted(position for _, position, _ in driven()), strict=True
    ):
        assert abs(lat_deg - want_lat_deg) < 1e-6
        assert abs(lon_deg - want_lon_deg) < 1e-6
    assert {row["fix_mode"] for row in rows} == {"3d"}
    assert {row["sampled_at"][:17] for row in rows} == {"2005-06-09T10:00:"}


def test_a_gpx_track_arrives_point_by_point(start_module, config, track, tmp_path):
    points = [(49.1 + n / 1000, 119.7 - n / 777, f"2005-06-09T10:00:{2 * n:02d}Z") for n in range(20)]
    lines = [f'<trkpt lat="{lat}" lon="{lon}"><time>{at}</time></trkpt>' for lat, lon, at in points]
    gpx = tmp_path / "drive.gpx"
    gpx.write_text(f'<gpx version="1.1"><trk><trkseg>{"".join(lines)}</trkseg></trk></gpx>')
    program = start_module("edge", "replay", gpx, "--config", config, "--speed", "20", "--once")
    assert program.wait(40) == 0
    rows = track()
    assert len(rows) == len(points)
    for row, (lat, lon, _) in zip(rows, points, strict=True):
        assert abs(float(row["lat_deg"]) - lat) < 1e-6
        assert abs(float(row["lon_deg"]) - lon) < 1e-6


def test_an_outbox_never_lives_backwards(start_module, config, tmp_path):
    late, early = tmp_path / "late.log", tmp_path / "early.log"
    late.write_bytes(b"".join(moved(payload, 86_400_000) for _, _, payload in driven()))
    early.write_bytes(b"".join(payload for _, _, payload in driven()))
    looped = start_module("edge", "replay", late, "--config", config, "--speed", "20")
    looped.wait_for_log("the time is known by gnss", 20)
    looped.child.send_signal(signal.SIGINT)
    assert looped.wait(15) == 0
    program = start_module("edge", "replay", early, "--config", config, "--once")
    assert program.wait() == 2
    assert "has lived until 2005-06-10" in program.log()
    assert "give it an outbox of its own" in program.log()
    again = start_module("edge", "replay", early, "--config", config, "--speed", "20")
    again.wait_for_log("the time is known by gnss", 20)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.log", b"hello\n", "bad.log: none of its 1 lines is an NMEA sentence"),
        ("bad.gpx", b"<gpx>\n<trkpt/></gpx>", "bad.gpx:2: lat=None is not a number"),
    ],
)
def test_a_bad_file_is_named(start_module, config, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    program = start_module("edge", "replay", tmp_path / name, "--config", config)
    assert program.wait() == 2
    assert message in program.log()


def test_a_looping_replay_ends_at_once_when_told(start_module, config, tmp_path):
    log = tmp_path / "drive.log"
    log.write_bytes(b"".join(payload for _, _, payload in driven()))
    program = start_module("edge", "replay", log, "--config", config)
    program.wait_for_log("connected", 20)
    program.child.send_signal(signal.SIGTERM)
    assert program.wait(15) == 0
