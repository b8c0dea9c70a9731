"""Recorded receivers: every position that gpsd saw and none that it did not.

Logs in a binary protocol hold no NMEA; there the reader must stay silent, and gpsd's own NMEA rendering of
them (echoed in the oracle) goes through the gate instead.
"""

import json
import threading

import pytest

from edge.simulate.pty_line import PtyLine
from edge.sources import gnss as gnss_module
from edge.sources.gnss import Decoder, Gnss
from edge.sources.nmea_lines import Lines
from tests.edge.sources.captures import is_near, positions
from tests.edge.sources.test_gnss import Clock
from tests.fixtures.waiting import wait_until

LOGS = (
    "april6_2019",
    "beidou-bd",
    "bu303-climbing",
    "bu303-moving",
    "bu303-nofix",
    "bu303-stillfix",
    "gp-320fw-2019-04-07-coldboot",
    "mtk-3301",
    "nmea-fuzzy-cases",
    "quectel-L70",
    "quectel-eg25-g-2",
    "ublox-neo-m8n",
    "ublox-neo-m8u",
)
BINARY = ("bu303-climbing", "bu303-moving", "bu303-nofix", "bu303-stillfix", "ublox-neo-m8n", "ublox-neo-m8u")

# gpsd reports them, we do not.
DIFFERS = {
    # GGA with quality 0 and RMC with status V: the receiver says twice that it has no fix, and gpsd itself
    # takes the position back with the next sentence.
    "mtk-3301": {(52.21631655, 6.8849651)},
}


def oracle(folder, name):
    """(positions of TPV reports with mode 2 or 3, gpsd's echo of all sentences)."""
    lines = (folder / "nmea" / f"{name}.log.chk").read_bytes().split(b"\n")
    reports = [json.loads(line) for line in lines if line.startswith(b"{")]
    found = {
        (report["lat"], report["lon"])
        for report in reports
        if report["class"] == "TPV" and report["mode"] >= 2 and "lat" in report
    }
    return found - DIFFERS.get(name, set()), b"\r\n".join(line for line in lines if line.startswith(b"$"))


def decoded(data, chunk_bytes):
    decoder = Decoder("gnss")
    readings = []
    for at in range(0, len(data), chunk_bytes):
        readings += decoder.feed(data[at : at + chunk_bytes], at)
    return readings + decoder.flush()


def assert_same(readings, expected):
    got = positions(readings)
    assert [place for place in expected if not any(is_near(place, other) for other in got)] == []
    assert [place for place in got if not any(is_near(place, other) for other in expected)] == []


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 100_000])
@pytest.mark.parametrize("name", LOGS)
def test_log(shared_data, name, chunk_bytes):
    expected, _ = oracle(shared_data, name)
    log = (shared_data / "nmea" / f"{name}.log").read_bytes()
    assert_same(decoded(log, chunk_bytes), set() if name in BINARY else expected)


@pytest.mark.parametrize("name", LOGS)
def test_echo_of_gpsd(shared_data, name):
    expected, echo = oracle(shared_data, name)
    assert_same(decoded(echo, 64), expected)


def test_no_log_is_left_out(shared_data):
    assert sorted(path.stem for path in (shared_data / "nmea").glob("*.log")) == sorted(LOGS)


@pytest.mark.parametrize("name", [name for name in LOGS if name not in BINARY])
def test_log_through_a_serial_port(shared_data, tmp_path, monkeypatch, name):
    monkeypatch.setattr(gnss_module, "time", Clock())  # or a pause of the machine is one of the receiver
    expected, _ = oracle(shared_data, name)
    log = (shared_data / "nmea" / f"{name}.log").read_bytes()
    readings, stop = [], threading.Event()
    line = PtyLine(tmp_path / "gnss")
    source = Gnss("gnss", str(line.link), 9600, iter(range(10**9)).__next__)
    thread = threading.Thread(target=source.run, args=(readings.append, stop), name="gnss")
    thread.start()
    try:
        wait_until(lambda: source.is_open, what="the port to be open")
        line.send_all(log, stop)
        sentences = len(Lines().feed(log))
        wait_until(lambda: source.sentences >= sentences, what="all sentences to be read")
    finally:
        stop.set()
        thread.join(60)
        line.close()
    assert not thread.is_alive()
    assert_same(readings, expected)


def test_no_fix_gives_no_position(shared_data):
    _, echo = oracle(shared_data, "bu303-nofix")
    readings = decoded(echo, 64)
    assert positions(readings) == []
    assert [reading.values["fix_mode"] for reading in readings] == [0]
