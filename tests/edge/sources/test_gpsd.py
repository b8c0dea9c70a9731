"""The gpsd source against what a gpsd 3.22 sent, over a real socket, and against a real gpsd."""

import os
import shutil
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sources import fix
from edge.sources import gpsd as gpsd_module
from edge.sources.gpsd import WATCH, Gpsd, Reports
from firmware import wire
from tests.edge.sources.captures import CAPTURES, is_near, positions
from tests.edge.sources.pty_receiver import PtyReceiver
from tests.edge.sources.test_gnss import burst
from tests.edge.sources.test_oracle import BINARY, oracle
from tests.fixtures.programs import Program
from tests.fixtures.waiting import wait_until

SENT = (CAPTURES / "gpsd-3.22.jsonl").read_bytes()  # from our own bursts; the last three lines by hand
PLACE = (43.9335383, 116.090945)


def test_a_moment_is_one_fix_and_the_loss_is_told():
    reports = Reports("gnss")
    readings = reports.feed(SENT, 1000)
    assert set(positions(readings)) == {PLACE}
    times = [reading.utc_ms for reading in readings if reading.utc_ms is not None]
    assert len(times) == len(set(times)) == len(positions(readings))
    assert readings[-1].values["fix_mode"] == fix.MODE_NONE
    last = readings[-2].values
    assert last["satellites"] == 11
    assert last["hdop_c"] == 85
    assert last["quality"] == fix.DGNSS
    assert last["altitude_msl_dm"] == 9953
    assert last["speed_cm_s"] == 643
    assert last["course_ddeg"] == 0
    for reading in readings:
        wire.check_values("fix", reading.values)


def test_split_at_every_offset():
    whole = Reports("gnss").feed(SENT, 0)
    for at in range(len(SENT)):
        reports = Reports("gnss")
        assert reports.feed(SENT[:at], 0) + reports.feed(SENT[at:], 0) == whole


@pytest.mark.parametrize(
    "report",
    [
        b'{"class":"TPV","mode":3,"lat":0.0,"lon":0.0}',
        b'{"class":"TPV","mode":3,"lat":98.1,"lon":10}',
        b'{"class":"TPV","mode":3,"lat":NaN,"lon":10}',
        b'{"class":"TPV","mode":3,"lat":"43","lon":10}',
        b'{"class":"TPV","mode":3,"lat":true,"lon":10}',
        b'{"class":"TPV","mode":3,"lat":1e999,"lon":10}',
        b'{"class":"TPV","mode":3,"status":8,"lat":43.0,"lon":116.0}',
        b'{"class":"TPV","mode":"3","lat":43.0,"lon":116.0}',
        b'{"class":"TPV","mode":[3],"lat":43.0,"lon":116.0}',
        b'{"class":"TPV","lat":43.0,"lon":116.0}',
        b"[1, 2]",
        b"{",
        b"[" * 10_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_position_gives_none(report):
    assert positions(Reports("gnss").feed(report + b"\n", 0)) == []


@given(
    st.dictionaries(
        st.sampled_from(["mode", "status", "lat", "lon", "altMSL", "speed", "track", "time", "hdop", "uSat"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=30),
            st.lists(st.integers()),
        ),
    ),
    st.sampled_from(["TPV", "SKY", None, 3]),
)
def test_any_report_is_contained(report, kind):
    import json

    reports = Reports("gnss")
    line = json.dumps(report | {"class": kind}).encode() + b"\n"
    for reading in reports.feed(line, 0) + reports.feed(SENT, 1):
        wire.check_values("fix", reading.values)


def test_dead_reckoning_is_marked():
    report = b'{"class":"TPV","mode":3,"status":6,"lat":43.0,"lon":116.0}\n'
    assert Reports("gnss").feed(report, 0)[0].values["quality"] == fix.DEAD_RECKONING


def test_a_line_without_end_is_cut():
    reports = Reports("gnss")
    for _ in range(100):
        reports.feed(b"x" * 1000, 0)
        assert len(reports._rest) <= gpsd_module.MAX_LINE_BYTES
    assert reports.refused["too_long"] > 0


class Bench:
    def __init__(self, address):
        self.readings = []
        self._stop = threading.Event()
        self.source = Gpsd("gnss", address, 0, lambda: time.monotonic_ns() // 1_000_000)
        self._thread = threading.Thread(target=self.source.run, args=(self.readings.append, self._stop))
        self._thread.start()

    def faults(self):
        return [
            (reading.values["code"], reading.values["state"])
            for reading in self.readings
            if reading.kind == "fault"
        ]

    def close(self):
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


@pytest.fixture
def start(monkeypatch):
    monkeypatch.setattr(gpsd_module, "BACKOFF_S", (0.05, 0.2))
    benches = []

    def make(address):
        benches.append(Bench(address))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


def test_it_asks_and_comes_back_after_a_cut(start, free_port):
    bench = start(f"127.0.0.1:{free_port}")
    wait_until(lambda: bench.source.reopened >= 3)
    assert bench.faults() == [("no_gpsd", 0)]
    with socket.create_server(("127.0.0.1", free_port)) as server:
        for cut in (len(SENT) // 2, len(SENT)):
            client, _ = server.accept()
            with client:
                assert client.recv(100) == WATCH
                client.sendall(SENT[:cut])
        wait_until(lambda: any(reading.values.get("satellites") == 11 for reading in bench.readings))
    wait_until(lambda: bench.faults()[-1] == ("no_gpsd", 0))
    assert bench.source.refused == {}
    assert bench.faults() == [("no_gpsd", 0), ("no_gpsd", 1)] * 2 + [("no_gpsd", 0)]


@pytest.fixture
def real_gpsd(free_port, tmp_path, programs):
    """A gpsd on a pseudo-terminal: (its address, the receiver, the program)."""
    found = shutil.which("gpsd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("no gpsd: apt-get install gpsd")
    receiver = PtyReceiver(tmp_path / "gnss")
    command = [found, "-N", "-n", "-b", "-S", str(free_port), receiver.path.readlink()]
    program = Program(command, tmp_path / "gpsd.log")
    programs.append(program)
    program.start()
    return f"127.0.0.1:{free_port}", receiver, program


def test_a_real_gpsd_reads_the_receiver_for_us(start, real_gpsd):
    address, receiver, program = real_gpsd
    bench = start(address)
    seconds = iter(range(10**6))

    def has_fixes():
        receiver.send(burst(next(seconds)))
        return len(positions(bench.readings)) >= 3

    wait_until(has_fixes, 30, every_s=0.3, what="three fixes")
    assert set(positions(bench.readings)) == {PLACE}
    program.stop()
    wait_until(lambda: bench.faults() and bench.faults()[-1] == ("no_gpsd", 0))
    wait_until(lambda: any(reading.values.get("fix_mode") == 0 for reading in bench.readings))


@pytest.mark.parametrize("name", BINARY)
def test_a_real_gpsd_reads_binary_receivers_for_us(shared_data, start, real_gpsd, name):
    address, receiver, _ = real_gpsd
    expected, _ = oracle(shared_data, name)
    log = (shared_data / "nmea" / f"{name}.log").read_bytes()
    bench = start(address)
    sent = 0

    def has_all():
        nonlocal sent
        # Again and again: gpsd tries speeds and protocols while bytes go by, and anew after a pause.
        sent += receiver.send(log[sent % len(log) :][:64])
        got = positions(bench.readings)
        is_none = any(reading.values.get("fix_mode") == 0 for reading in bench.readings)
        return all(any(is_near(place, other) for other in got) for place in expected) and (got or is_none)

    wait_until(has_all, 60, every_s=0.01, what="all positions")
    got = set(positions(bench.readings))
    assert [place for place in got if not any(is_near(place, other) for other in expected)] == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost", ("localhost", 2947)),
        ("127.0.0.1:29470", ("127.0.0.1", 29470)),
        ("[::1]:2947", ("::1", 2947)),
    ],
)
def test_addresses(text, address):
    assert gpsd_module._address(text) == address
