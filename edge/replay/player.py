"""Plays a recording into a serial line, each epoch at its own moment."""

import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Protocol

from edge.replay.nmea_log import moved
from edge.replay.recording import Epoch, Recording
from edge.simulate.pty_line import PtyLine
from edge.sources.nmea_lines import Lines

GAP_MS = 1000  # between the last epoch and the first of the next round
LOOK_S = 0.002
MOST_LOOKS = 1000  # for a reader that takes nothing


class Pace(Protocol):
    """The time to play in, `speed` times as fast as the real one; told what it must not pass."""

    speed: float

    def mono_ms(self) -> int: ...
    def hold(self, mono_ms: int | None) -> None: ...


class Player:
    """Plays one recording into one line, once or for ever.

    `heard` tells how many sentences the reader has taken so far: with it time waits for the reader, too.
    """

    def __init__(
        self, recording: Recording, line: PtyLine, pace: Pace, heard: Callable[[], int] | None = None
    ) -> None:
        self._recording = recording
        self._line = line
        self._pace = pace
        self._heard = heard
        self._lines, self._said = Lines(), 0

    def once(self, stop: threading.Event, shift_ms: int = 0) -> None:
        """Play all of it, its dates so much later."""
        self._play(stop, ((epoch, epoch.at_ms, shift_ms) for epoch in self._recording.epochs))

    def for_ever(self, stop: threading.Event, shift_ms: int = 0) -> None:
        """Play it again and again, each round later than the one before, so that time never goes back."""
        self._play(stop, self._rounds(shift_ms))

    def _rounds(self, shift_ms: int) -> Iterator[tuple[Epoch, int, int]]:
        for turn in count():
            later_ms = turn * (self._recording.length_ms + GAP_MS)
            for epoch in self._recording.epochs:
                yield epoch, epoch.at_ms + later_ms, shift_ms + later_ms

    def _play(self, stop: threading.Event, parts: Iterator[tuple[Epoch, int, int]]) -> None:
        self._line.send_all(b"\r\n", stop)  # waits for the reader, and is no sentence
        begin_ms = self._pace.mono_ms()
        for epoch, at_ms, shift_ms in parts:
            self._pace.hold(begin_ms + at_ms)
            if not self._has_waited(stop, begin_ms + at_ms):
                break
            payload = moved(epoch.payload, shift_ms) if shift_ms else epoch.payload
            self._line.send_all(payload, stop)
            self._wait_until_heard(payload, stop)
        self._pace.hold(None)

    def _wait_until_heard(self, payload: bytes, stop: threading.Event) -> None:
        """A fix that is read late is not believed its own time, so the next moment must not come before that.

        Looks are counted, not seconds: a machine that stood still has not looked.
        """
        if self._heard is None:
            return
        self._said += len(self._lines.feed(payload))
        for _ in range(MOST_LOOKS):
            if self._heard() >= self._said or stop.wait(LOOK_S):
                return
        self._said = self._heard()

    def _has_waited(self, stop: threading.Event, due_ms: int) -> bool:
        """Wait until a moment; False when stopped before."""
        while not stop.is_set():
            left_ms = due_ms - self._pace.mono_ms()
            if left_ms <= 0:
                return True
            stop.wait(left_ms / 1000 / self._pace.speed)
        return False
