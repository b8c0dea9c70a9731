"""A satellite receiver on a serial port: bytes -> lines -> gate -> epochs -> fix readings.

    port ──chunk──▶ Lines ──sentence──▶ part_of ──part──▶ Epochs ──fix──▶ emit

The thread wakes at the first byte of a burst, lets the rest of it arrive and reads it in one piece. It never
ends by itself: a port that is missing, silent or speaks nonsense is a fault reading, and is tried again.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from edge.sources.epochs import Epochs
from edge.sources.faults import Faults
from edge.sources.nmea_gate import part_of
from edge.sources.nmea_lines import Lines
from edge.sources.serial_port import PortGone, SerialPort

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from edge.record import Reading

GATHER_S = 0.06  # a burst of 600 bytes takes this long at 115200 baud
REOPEN_S = 0.5
DWELL_S = 1.6  # long enough at a speed to hear a whole burst of a receiver at 1 Hz
KNOWN_DWELL_S = 3.0  # at a speed that was right before
LOST_S = 3.0  # without a sentence the last position no longer holds
GARBAGE_S = 5.0
SILENT_S = 10.0


class Decoder:
    """Bytes of a receiver -> fix readings. Pure; `refused` counts by cause."""

    def __init__(self, source: str) -> None:
        self._lines = Lines()
        self._epochs = Epochs(source)
        self._gate_refused: Counter[str] = Counter()
        self.sentences = 0

    @property
    def refused(self) -> dict[str, int]:
        return dict(self._lines.refused + self._gate_refused)

    def feed(self, data: bytes, mono_ms: int) -> list[Reading]:
        """The fixes that these bytes complete."""
        given: list[Reading] = []
        for sentence in self._lines.feed(data):
            self.sentences += 1
            part = part_of(sentence)
            if part is None:
                continue
            if part.refused is not None:
                self._gate_refused[part.refused] += 1
            given += self._epochs.take(part, mono_ms)
        return given

    def flush(self) -> list[Reading]:
        """The fix of a burst that has ended."""
        return self._epochs.flush()

    def lose(self, mono_ms: int) -> list[Reading]:
        """The receiver is gone: at the transition, one reading without a position."""
        return self._epochs.lose(mono_ms)


class Watch:
    """How well the line is heard. All times in seconds of one clock, which is an argument."""

    def __init__(self, now_s: float) -> None:
        self._good_s = self._byte_s = self._tuned_s = now_s
        self._is_known = False  # this speed has given sentences
        self._is_noisy = False  # it gave bytes without one

    def tuned(self, now_s: float) -> None:
        """The port was opened, or its speed changed."""
        self._byte_s = self._tuned_s = now_s
        self._is_known = self._is_noisy = False

    def heard(self, now_s: float, *, is_sentence: bool) -> None:
        """Bytes came, with or without a whole sentence."""
        self._byte_s = now_s
        self._is_noisy = not is_sentence
        if is_sentence:
            self._good_s, self._is_known = now_s, True

    def is_lost(self, now_s: float) -> bool:
        return now_s - self._good_s > LOST_S

    def is_silent(self, now_s: float) -> bool:
        return now_s - self._byte_s > SILENT_S

    def is_garbage(self, now_s: float) -> bool:
        return self._is_noisy and now_s - self._good_s > GARBAGE_S

    def is_mistuned(self, now_s: float) -> bool:
        dwell_s = KNOWN_DWELL_S if self._is_known else DWELL_S
        return self._is_noisy and now_s - max(self._good_s, self._tuned_s) > dwell_s


class Gnss:
    """Source of kind `fix`; `port` is one or several patterns, `pause` sleeps seconds of `mono_ms`."""

    def __init__(
        self,
        name: str,
        port: str,
        baud: int,
        mono_ms: Callable[[], int],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.name = name
        self.reopened = 0
        self._decoder = Decoder(name)
        self._port = SerialPort(port.split(), baud)
        self._watch = Watch(time.monotonic())
        self._mono_ms = mono_ms
        self._pause = pause

    @property
    def refused(self) -> dict[str, int]:
        """Sentences and positions that were refused, by cause."""
        return self._decoder.refused

    @property
    def sentences(self) -> int:
        """How many sentences came whole."""
        return self._decoder.sentences

    @property
    def is_open(self) -> bool:
        return self._port.is_open

    def run(self, emit: Callable[[Reading], None], stop: threading.Event) -> None:
        """Read until `stop`; the body of a thread."""
        faults = Faults(self.name, emit, self._mono_ms)
        while not stop.is_set():
            try:
                self._port.open()
                self._watch.tuned(time.monotonic())
                while self._port.is_open and not stop.is_set():
                    self._take(emit, faults)
            except PortGone as gone:
                faults.begin("no_port", str(gone))
                _emit_all(emit, self._decoder.lose(self._mono_ms()))
                self.reopened += 1
                stop.wait(REOPEN_S)
        _emit_all(emit, self._decoder.flush())
        self._port.close()

    def _take(self, emit: Callable[[Reading], None], faults: Faults) -> None:
        data = self._port.first()
        at_ms = self._mono_ms()
        if data:
            self._pause(GATHER_S)
            data += self._port.rest()
        before = self._decoder.sentences
        _emit_all(emit, self._decoder.feed(data, at_ms) if data else self._decoder.flush())
        is_sentence = self._decoder.sentences > before
        if data:
            self._watch.heard(time.monotonic(), is_sentence=is_sentence)
            faults.end("no_port", "silent")
        if is_sentence:
            faults.end()
        else:
            self._doubt(emit, faults)

    def _doubt(self, emit: Callable[[Reading], None], faults: Faults) -> None:
        now_s = time.monotonic()
        if self._watch.is_lost(now_s):
            _emit_all(emit, self._decoder.lose(self._mono_ms()))
        if self._watch.is_garbage(now_s):
            detail = f"{self._port.path}: no NMEA in what comes; wrong speed, or a binary protocol"
            faults.begin("garbage", detail)
        if self._watch.is_mistuned(now_s):
            self._port.hunt()
            self._watch.tuned(now_s)
        elif self._watch.is_silent(now_s):
            faults.end("no_port")
            faults.begin("silent", f"{self._port.path}: nothing comes")
            self._port.turn()


def _emit_all(emit: Callable[[Reading], None], readings: list[Reading]) -> None:
    for reading in readings:
        emit(reading)
