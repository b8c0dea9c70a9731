"""`edge replay`: one unit that lives through a recording: its bytes on a pty into the real agent."""

import argparse
import logging
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from edge import parts
from edge.config import ConfigError, load_settings
from edge.outbox import Limits, OutboxError, open_outbox
from edge.replay.paced_time import PacedTime
from edge.replay.player import Player
from edge.replay.reader import read_recording
from edge.replay.recording import Recording, RecordingError
from edge.settings import Settings, SourceSettings
from edge.simulate.counting import CountingAgent, DrainingAgent
from edge.simulate.pty_line import PtyLine
from edge.simulate.sentences import SINCE
from edge.sources.gnss import Gnss

log = logging.getLogger(__name__)

CONFIG = Path("/etc/ortoo-edge.toml")
SPEEDS = 0.1, 1000.0
LOOK_S = 0.05
SETTLE_LOOKS = 20  # between the last sentence and its fix; not so many seconds, as in the player
BAD = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `edge replay`."""
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="an NMEA log or a GPX track with times")
    add("--config", type=Path, default=CONFIG, metavar="FILE", help=f"default: {CONFIG}")
    add("--speed", type=float, default=1.0, metavar="X", help="recorded seconds in a real one (default: 1)")
    add("--once", action="store_true", help="end when all has its receipt; else play again, at a later date")


def run(given: argparse.Namespace) -> int:
    """Replay until the end, SIGINT or SIGTERM; the exit code."""
    try:
        if not SPEEDS[0] <= given.speed <= SPEEDS[1]:
            raise ConfigError(f"--speed {given.speed:g}: must be within {SPEEDS[0]:g} to {SPEEDS[1]:g}")
        recording = read_recording(given.file)
        settings, time = load_settings(given.config), PacedTime(given.speed)
        shift_ms = _shift_ms(settings, time, recording, is_once=given.once)
        with tempfile.TemporaryDirectory(prefix="ortoo-replay-") as folder:
            line = PtyLine(Path(folder) / "gnss")
            try:
                replay = Replay(replayed(settings, recording, line.link), time, recording, line)
                return replay.run(shift_ms, is_once=given.once)
            finally:
                line.close()
    except (RecordingError, OutboxError) as error:
        print(f"ortoo-edge replay: {error}", file=sys.stderr)  # noqa: T201 (the terminal is where it belongs)
        return BAD


def replayed(settings: Settings, recording: Recording, port: Path) -> Settings:
    """The unit's settings with the pty as its receiver, and no clock believed before the recording's day."""
    name = next((source.name for source in settings.source if source.type == "gnss"), "gnss")
    source = SourceSettings(name=name, port=str(port), baud=115200)
    clock = settings.clock
    if recording.begins_ms is not None:
        begins = SINCE + timedelta(milliseconds=recording.begins_ms)
        clock = replace(clock, floor=begins.date())
    return replace(settings, source=(source,), clock=clock)


def _shift_ms(settings: Settings, time: PacedTime, recording: Recording, *, is_once: bool) -> int:
    """How much later the recording must be played, for this outbox not to live backwards."""
    if recording.begins_ms is None:
        return 0
    path = Path(settings.outbox.path)
    outbox, _ = open_outbox(path, time.boot, Limits(max_mib=settings.outbox.max_mib))
    last_ms = outbox.last_good_ms()
    outbox.close()
    if last_ms <= recording.begins_ms:
        return 0
    if is_once:
        lived, begins = (SINCE + timedelta(milliseconds=ms) for ms in (last_ms, recording.begins_ms))
        raise RecordingError(
            f"the outbox {path} has lived until {lived:%Y-%m-%d %H:%M}, the recording begins on "
            f"{begins:%Y-%m-%d %H:%M}: give it an outbox of its own ([outbox] path)"
        )
    return last_ms + 1000 - recording.begins_ms


class Replay:
    """One replay: player and agent, and at the end an agent without a receiver that waits for receipts."""

    def __init__(self, settings: Settings, time: PacedTime, recording: Recording, line: PtyLine) -> None:
        self._settings, self._time, self._recording = settings, time, recording
        self._sources = parts.sources_of(settings, time)
        self._player = Player(recording, line, time, self._heard)
        self._stop, self._off = threading.Event(), threading.Event()
        self._agent: CountingAgent | None = None

    def run(self, shift_ms: int, *, is_once: bool) -> int:
        """Play; the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._end())
        epochs, skipped = len(self._recording.epochs), self._recording.skipped
        dropped = f", {skipped} points at another's moment left out" if skipped else ""
        log.info("%d epochs over %d s%s", epochs, self._recording.length_ms // 1000, dropped)
        fixes = self._play(shift_ms, is_once=is_once)
        if is_once and not self._stop.is_set():
            self._drain()
        is_done = not self._stop.is_set()
        log.info("%d fixes accepted%s", fixes, ", everything has its receipt" if is_once and is_done else "")
        return 0

    def _heard(self) -> int:
        return sum(source.sentences for source in self._sources if isinstance(source, Gnss))

    def _end(self) -> None:
        self._stop.set()
        self._switch_off()

    def _switch_off(self) -> None:
        self._off.set()
        if self._agent is not None:
            self._agent.wake()

    def _play(self, shift_ms: int, *, is_once: bool) -> int:
        """The agent runs until the player has come to the end; the fixes it accepted."""
        agent = self._agent = CountingAgent(self._settings, self._time, sources=self._sources)
        play = self._player.once if is_once else self._player.for_ever

        def body() -> None:
            try:
                play(self._stop, shift_ms)
                for _ in range(SETTLE_LOOKS):
                    self._stop.wait(LOOK_S)
            finally:
                self._switch_off()

        self._beside(agent, body)
        return agent.fixes

    def _drain(self) -> None:
        """The same boot goes on without a receiver until nothing waits; its closed windows go out at once."""
        agent = self._agent = DrainingAgent(self._settings, self._time, sources=[])
        self._off.clear()

        def body() -> None:
            while not agent.is_drained and not self._stop.wait(LOOK_S):
                pass
            self._switch_off()

        self._beside(agent, body)

    def _beside(self, agent: CountingAgent, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, name="player")
        thread.start()
        try:
            agent.run(self._off)
        except BaseException:
            self._stop.set()
            raise
        finally:
            thread.join()
