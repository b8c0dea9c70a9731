"""A serial line that talks by itself: bytes -> decoder -> readings. For nodes, readers and scanners.

The thread never ends by itself: a port that is missing or, where the other end talks by itself, silent is a
fault, and is tried again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from edge.sources.faults import Faults
from edge.sources.serial_port import PortGone, SerialPort

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from edge.record import Reading

REOPEN_S = 0.5


class Decoder(Protocol):
    """Bytes -> readings. Pure; `refused` counts by cause."""

    @property
    def refused(self) -> dict[str, int]: ...
    def feed(self, data: bytes, mono_ms: int) -> list[Reading]: ...
    def flush(self, mono_ms: int) -> list[Reading]: ...


class SerialFeed:
    """A source over one port; `silent_s` None: the other end may be silent for as long as it likes."""

    def __init__(
        self,
        name: str,
        port: str,
        baud: int,
        mono_ms: Callable[[], int],
        decoder: Decoder,
        silent_s: float | None,
    ) -> None:
        self.name = name
        self._port = SerialPort(port.split(), baud)
        self._mono_ms = mono_ms
        self._decoder = decoder
        self._silent_s = silent_s
        self._heard_s = 0.0

    @property
    def refused(self) -> dict[str, int]:
        """What was refused so far, by cause."""
        return self._decoder.refused

    def greeting(self) -> bytes:
        """What is said to the other end at each opening; most are only listened to."""
        return b""

    def due(self) -> bytes:
        """What is to be said to the other end now."""
        return b""

    def run(self, emit: Callable[[Reading], None], stop: threading.Event) -> None:
        """Read until `stop`; the body of a thread."""
        faults = Faults(self.name, emit, self._mono_ms)
        while not stop.is_set():
            try:
                self._port.open()
                self._heard_s = time.monotonic()
                self._port.write(self.greeting())
                while self._port.is_open and not stop.is_set():
                    self._port.write(self.due())
                    self._take(emit, faults)
            except PortGone as gone:
                faults.begin("no_port", str(gone))
                stop.wait(REOPEN_S)
        self._port.close()

    def _take(self, emit: Callable[[Reading], None], faults: Faults) -> None:
        data = self._port.first()
        if data:
            data += self._port.rest()
            self._heard_s = time.monotonic()
            faults.end()
        elif self._silent_s is not None and time.monotonic() - self._heard_s > self._silent_s:
            faults.end("no_port")
            faults.begin("silent", f"{self._port.path}: nothing comes")
            self._port.turn()
        elif self._silent_s is None:
            faults.end("no_port")  # it may say nothing for days: that it can be read is all there is to know
        at_ms = self._mono_ms()
        for reading in self._decoder.feed(data, at_ms) if data else self._decoder.flush(at_ms):
            emit(reading)
