"""The reader against a pseudo-terminal that does what serial lines do."""

import threading
from itertools import count

import pytest

from edge.sources import gnss as gnss_module
from edge.sources.gnss import Gnss, Watch
from edge.sources.nmea_lines import checksum
from tests.edge.sources.captures import positions
from tests.edge.sources.pty_receiver import PtyReceiver
from tests.fixtures.waiting import wait_until

LAT = "4356.0123"


def burst(second, status="A"):
    time_of_day = f"03{second // 60 % 60:02}{second % 60:02}.000"
    bodies = (
        f"GNRMC,{time_of_day},{status},{LAT},N,11605.4567,E,12.5,87.3,211126,,,A",
        f"GNGGA,{time_of_day},{LAT},N,11605.4567,E,1,11,0.85,995.3,M,-24.1,M,,",
    )
    return b"".join(f"${body}*{checksum(body.encode()):02X}\r\n".encode() for body in bodies)


class Clock:
    """Stands in for the reader's `time`: it stands until it is moved, so no machine is too slow for it."""

    def __init__(self):
        self.now_s = 0.0

    def monotonic(self):
        return self.now_s


class Bench:
    """The source in its thread; everything that it emitted."""

    def __init__(self, clock, pattern, baud=9600, pause=lambda _: None):
        self.clock = clock
        self.readings = []
        self._looks = 0  # at the line, each of QUIET_S at most
        self._seconds = count()
        self._stop = threading.Event()
        self.source = Gnss("gnss", str(pattern), baud, self._look, pause)
        self._thread = threading.Thread(target=self.source.run, args=(self.readings.append, self._stop))
        self._thread.start()

    def _look(self):
        self._looks += 1
        return int(self.clock.now_s * 1000)

    @property
    def fixes(self):
        return positions(self.readings)

    def faults(self, code=None):
        """(code, state) in order."""
        found = [
            (reading.values["code"], reading.values["state"])
            for reading in self.readings
            if reading.kind == "fault"
        ]
        return [fault for fault in found if code in {None, fault[0]}]

    def modes(self):
        return [reading.values["fix_mode"] for reading in self.readings if reading.kind == "fix"]

    def takes(self, receiver, data):
        """Let the receiver say it, and a second go by; whoever opens a port throws away what waited there."""
        before = self._looks
        receiver.send(data)
        wait_until(lambda: self._looks >= before + 3)  # an empty one perhaps, this, and the quiet after it
        self.clock.now_s += 1

    def hears(self, receiver):
        """Let the receiver speak once a second until there is one more fix; the seconds that it took."""
        wanted, began_s = len(self.fixes) + 1, self.clock.now_s

        def has_fix():
            self.takes(receiver, burst(next(self._seconds)))
            return len(self.fixes) >= wanted

        wait_until(has_fix, 30, what="a fix")
        return self.clock.now_s - began_s

    def close(self):
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(gnss_module, "time", clock)
    return clock


@pytest.fixture
def start(clock):
    benches = []

    def make(*arguments, **options):
        benches.append(Bench(clock, *arguments, **options))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


def test_a_fix_comes_without_waiting_for_the_next(tmp_path, start):
    receiver = PtyReceiver(tmp_path / "gnss")
    bench = start(receiver.path)
    wait_until(lambda: bench.source.is_open)
    receiver.send(burst(10))
    wait_until(lambda: bench.fixes)
    assert bench.fixes == [(43.9335383, 116.090945)]
    assert bench.readings[0].utc_ms is not None
    assert bench.faults() == []


def test_split_at_every_offset(tmp_path, start):
    receiver = PtyReceiver(tmp_path / "gnss")
    chunks = []
    bench = start(receiver.path, pause=chunks.append)
    wait_until(lambda: bench.source.is_open)
    data = burst(10)
    for at in range(1, len(data)):
        for piece in (data[:at], data[at:]):
            seen = len(chunks)
            receiver.send(piece)
            wait_until(lambda seen=seen: len(chunks) > seen, every_s=0.0005)
    wait_until(lambda: bench.source.sentences == 2 * (len(data) - 1))
    assert bench.source.refused == {}
    wait_until(lambda: set(bench.fixes) == {(43.9335383, 116.090945)})


def test_a_missing_port_is_told_once_and_ends_when_it_comes(tmp_path, start):
    bench = start(tmp_path / "gnss")
    wait_until(lambda: bench.source.reopened >= 3)
    assert bench.faults() == [("no_port", 0)]
    receiver = PtyReceiver(tmp_path / "gnss")
    bench.hears(receiver)
    assert bench.faults() == [("no_port", 0), ("no_port", 1)]


def test_gone_in_mid_sentence_and_back_under_another_name(tmp_path, start):
    receiver = PtyReceiver(tmp_path / "ttyUSB0")
    bench = start(tmp_path / "ttyUSB*")
    bench.hears(receiver)
    receiver.send(burst(70)[:40])
    receiver.hang_up()
    wait_until(lambda: bench.faults() == [("no_port", 0)])
    wait_until(lambda: bench.modes()[-1] == 0)
    bench.hears(PtyReceiver(tmp_path / "ttyUSB3"))
    assert bench.faults() == [("no_port", 0), ("no_port", 1)]
    assert len(set(bench.fixes)) == 1


@pytest.mark.parametrize("baud", [115200, 38400, 4800])
def test_another_speed_is_found_within_ten_seconds(tmp_path, start, baud):
    receiver = PtyReceiver(tmp_path / "gnss", baud)
    bench = start(receiver.path, baud=0)
    wait_until(lambda: bench.source.is_open)
    assert bench.hears(receiver) < 10


def test_a_speed_that_changes_under_way_is_found_again(tmp_path, start):
    receiver = PtyReceiver(tmp_path / "gnss", 9600)
    bench = start(receiver.path, baud=9600)
    bench.hears(receiver)
    receiver.speaks(115200)
    assert bench.hears(receiver) < 10


def test_garbage_is_told_once_and_ends_with_a_sentence(tmp_path, start):
    receiver = PtyReceiver(tmp_path / "gnss")
    bench = start(receiver.path)
    wait_until(lambda: bench.source.is_open)

    def is_told():
        bench.takes(receiver, bytes(range(256)) * 4)
        return bench.faults("garbage")

    wait_until(is_told, 30)
    for _ in range(int(gnss_module.GARBAGE_S) + 1):
        is_told()
    bench.hears(receiver)
    wait_until(lambda: len(bench.faults("garbage")) == 2)
    assert bench.faults("garbage") == [("garbage", 0), ("garbage", 1)]


def test_silence_loses_the_fix_and_is_told_once(tmp_path, start):
    receiver = PtyReceiver(tmp_path / "gnss")
    bench = start(receiver.path)
    bench.hears(receiver)
    bench.clock.now_s += gnss_module.LOST_S
    wait_until(lambda: bench.modes()[-1] == 0)
    assert bench.faults("silent") == []
    bench.clock.now_s += gnss_module.SILENT_S
    wait_until(lambda: bench.faults("silent"))
    bench.hears(receiver)
    assert bench.faults("silent") == [("silent", 0), ("silent", 1)]
    assert bench.modes().count(0) == 1


def test_a_silent_port_leaves_its_turn_to_the_next(tmp_path, start):
    PtyReceiver(tmp_path / "ttyUSB0")
    receiver = PtyReceiver(tmp_path / "ttyUSB1")
    bench = start(tmp_path / "ttyUSB*")
    wait_until(lambda: bench.source.is_open)
    bench.clock.now_s += gnss_module.SILENT_S
    bench.hears(receiver)


def test_a_flood_is_read_to_its_end(tmp_path, start):
    receiver = PtyReceiver(tmp_path / "gnss")
    bench = start(receiver.path)
    wait_until(lambda: bench.source.is_open)
    data = b"".join(burst(second) for second in range(600))

    def is_sent():
        nonlocal data
        data = data[receiver.send(data) :]
        return not data

    wait_until(is_sent, every_s=0.001)
    wait_until(lambda: bench.source.sentences == 1200)
    wait_until(lambda: len(bench.fixes) == 600)
    assert bench.source.refused == {}


def test_a_port_that_cannot_be_opened_is_a_fault(tmp_path, start):
    path = tmp_path / "gnss"
    path.write_text("not a device")
    bench = start(path)
    wait_until(lambda: bench.source.reopened >= 2)
    assert bench.faults() == [("no_port", 0)]


def test_watch_hunts_on_noise_only():
    watch = Watch(0.0)
    assert not watch.is_mistuned(60)
    watch.heard(1.0, is_sentence=False)
    assert not watch.is_mistuned(1.5)
    assert watch.is_mistuned(1.7)
    watch.tuned(1.7)
    assert not watch.is_mistuned(100)
    assert watch.is_silent(100)


def test_watch_is_patient_with_a_speed_that_was_right():
    watch = Watch(0.0)
    watch.heard(1.0, is_sentence=True)
    watch.heard(2.0, is_sentence=False)
    assert not watch.is_mistuned(3.9)
    assert watch.is_mistuned(4.1)
    assert watch.is_lost(4.1)
    assert not watch.is_garbage(5.9)
    assert watch.is_garbage(6.1)
