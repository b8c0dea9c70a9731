"""A barcode scanner on a serial port: lines -> codes, as raw `scan` readings with their separators.

A scanner ends a code with CR, LF or both, as it is set; one that is set to neither is known by the pause. The
rest of a code that is too long is no code: all of it goes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge.record import Reading
from edge.sources.serial_feed import SerialFeed

if TYPE_CHECKING:
    from collections.abc import Callable

BAUD = 9600
MAX_LINE_BYTES = 512


class Codes:
    """Bytes of one scanner -> scan readings. Pure."""

    def __init__(self, source: str) -> None:
        self.refused = {"too_long": 0, "not_text": 0}
        self._source = source
        self._held = b""
        self._is_skipping = False  # the rest of a code that is too long

    def feed(self, data: bytes, mono_ms: int) -> list[Reading]:
        """The codes that these bytes complete."""
        *lines, self._held = (self._held + data).replace(b"\r", b"\n").split(b"\n")
        if lines and self._is_skipping:
            del lines[0]
            self._is_skipping = False
        if self._is_skipping:
            self._held = b""
        elif len(self._held) > MAX_LINE_BYTES:
            self.refused["too_long"] += 1
            self._held, self._is_skipping = b"", True
        return [reading for line in lines for reading in self._read(line, mono_ms)]

    def flush(self, mono_ms: int) -> list[Reading]:
        """What stands there after a pause."""
        held, self._held, self._is_skipping = self._held, b"", False
        return self._read(held, mono_ms)

    def _read(self, line: bytes, mono_ms: int) -> list[Reading]:
        if not line:
            return []
        if len(line) > MAX_LINE_BYTES:
            self.refused["too_long"] += 1
            return []
        try:
            return [Reading("scan", self._source, mono_ms, {"code": line.decode()})]
        except UnicodeDecodeError:
            self.refused["not_text"] += 1
            return []


class Scanner(SerialFeed):
    """Source of scanned codes."""

    def __init__(
        self,
        name: str,
        port: str,
        baud: int,
        mono_ms: Callable[[], int],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        del pause  # a quiet line ends a code
        super().__init__(name, port, baud or BAUD, mono_ms, Codes(name), None)
