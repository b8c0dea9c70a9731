"""The player keeps the recording's own pace, and the agent's time waits for it."""

import threading

import serial

from edge.replay.paced_time import PacedTime
from edge.replay.player import GAP_MS, Player
from edge.replay.recording import Epoch, Recording
from edge.simulate.pty_line import PtyLine
from edge.simulate.sentences import framed

RECORDING = Recording(
    tuple(
        Epoch(at_ms, framed(f"GPZDA,1200{at_ms // 1000:02d}.000,01,02,2005,,")) for at_ms in (0, 1000, 4000)
    ),
    None,
)


def played(tmp_path, play, count):
    """(time, line) as the reader sees them."""
    line, pace, stop = PtyLine(tmp_path / "gnss"), PacedTime(20.0), threading.Event()
    player = Player(RECORDING, line, pace)
    thread = threading.Thread(target=play, args=(player, stop))
    seen = []
    try:
        with serial.Serial(str(tmp_path / "gnss"), 9600, timeout=60) as port:
            thread.start()
            while len(seen) < count:
                text = port.readline().strip()
                if text:
                    seen.append((pace.mono_ms(), text))
            stop.set()
    finally:
        stop.set()
        thread.join(60)
        line.close()
    return seen


def test_each_epoch_comes_at_its_moment_and_never_before(tmp_path):
    seen = played(tmp_path, lambda player, stop: player.once(stop), 3)
    begin_ms = seen[0][0]
    for (mono_ms, _), epoch in zip(seen, RECORDING.epochs, strict=True):
        assert mono_ms - begin_ms >= epoch.at_ms - 1000
    assert seen[1][0] - begin_ms <= 4000
    assert seen[0][1].startswith(b"$GPZDA,120000.000,01,02,2005")


def test_time_waits_for_a_reader_that_is_late(tmp_path):
    """Late by four seconds of that time: each epoch is read before the moment of the next one."""
    line, pace, stop = PtyLine(tmp_path / "gnss"), PacedTime(20.0), threading.Event()
    seen = []
    player = Player(RECORDING, line, pace, lambda: len(seen))
    thread = threading.Thread(target=player.once, args=(stop,))
    try:
        with serial.Serial(str(tmp_path / "gnss"), 9600, timeout=60) as port:
            thread.start()
            while len(seen) < len(RECORDING.epochs):
                if port.readline().strip():
                    stop.wait(0.2)
                    seen.append(pace.mono_ms())
            thread.join()
    finally:
        stop.set()
        line.close()
    assert [at_ms - seen[0] for at_ms in seen] == [0, 1000, 4000]


def test_the_next_round_is_later_than_the_last(tmp_path):
    seen = played(tmp_path, lambda player, stop: player.for_ever(stop), 4)
    assert RECORDING.length_ms + GAP_MS == 5000
    assert seen[3][1].startswith(b"$GPZDA,120005.000,01,02,2005")


def test_time_waits_at_its_hold_and_catches_up():
    pace = PacedTime(1000.0)
    pace.hold(5)
    while pace.mono_ms() < 5:
        pass
    assert [pace.mono_ms() for _ in range(100)] == [5] * 100
    pace.hold(None)
    assert pace.mono_ms() > 5
