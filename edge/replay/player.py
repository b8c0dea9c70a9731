"""Plays a recording into a serial line, each epoch at its own moment of the agent's time."""

import threading
from collections.abc import Callable
from itertools import count

from edge.replay.nmea_log import moved
from edge.replay.recording import Recording
from edge.simulate.pty_line import PtyLine

GAP_MS = 1000  # between the last epoch and the first of the next round


class Player:
    """`mono_ms` is the agent's clock, `speed` times as fast as the real one."""

    def __init__(
        self, recording: Recording, line: PtyLine, mono_ms: Callable[[], int], speed: float = 1.0
    ) -> None:
        self._recording = recording
        self._line = line
        self._mono_ms = mono_ms
        self._speed = speed

    def once(self, stop: threading.Event, shift_ms: int = 0) -> None:
        """Play all of it, its dates so much later."""
        self._line.send_all(b"\r\n", stop)  # waits for the reader, and is no sentence
        begin_ms = self._mono_ms()
        for epoch in self._recording.epochs:
            due_ms = begin_ms + epoch.at_ms
            if stop.wait(max(0.0, due_ms - self._mono_ms()) / 1000 / self._speed):
                return
            self._line.send_all(moved(epoch.payload, shift_ms) if shift_ms else epoch.payload, stop)

    def for_ever(self, stop: threading.Event, shift_ms: int = 0) -> None:
        """Play it again and again, each round later than the one before, so that time never goes back."""
        for rounds in count():
            if stop.is_set():
                return
            self.once(stop, shift_ms + rounds * (self._recording.length_ms + GAP_MS))
            stop.wait(GAP_MS / 1000 / self._speed)
