"""The serial port: opens what is there, reads in chunks, says so when it is gone. The only pyserial import.

A USB receiver comes back under another name, so a port is a pattern (/dev/serial/by-id/*, /dev/ttyUSB*) and
is looked up afresh at each opening. Which speed it speaks is found by trying: `hunt` goes on to the next
speed, and after the last one to the next port that fits the pattern.
"""

from __future__ import annotations

import glob
import termios
from typing import TYPE_CHECKING

import serial

if TYPE_CHECKING:
    from collections.abc import Sequence

BAUDS = (9600, 115200, 38400, 4800, 57600, 230400, 19200, 460800)  # the likelier first
MAX_CHUNK_BYTES = 65536
WRITE_S = 2.0  # the other end takes nothing any more
QUIET_S = 0.2  # a line that says nothing for so long has finished its burst
ERRORS = (serial.SerialException, OSError, termios.error, ValueError, TypeError)


class PortGone(Exception):
    """The port cannot be opened or read; waiting helps."""


class SerialPort:
    """One receiver's port. `baud` 0 hunts from the start; another is tried first."""

    def __init__(self, patterns: Sequence[str], baud: int = 0) -> None:
        self._patterns = tuple(patterns)
        self._bauds = (baud, *(rate for rate in BAUDS if rate != baud)) if baud else BAUDS
        self._baud_index = 0
        self._turn = 0  # which of several ports that fit
        self._serial: serial.Serial | None = None
        self.path = ""

    @property
    def baud(self) -> int:
        return self._bauds[self._baud_index]

    @property
    def is_open(self) -> bool:
        return self._serial is not None

    def open(self) -> None:
        """Open the port whose turn it is, unless one is open; raises PortGone."""
        if self._serial is not None:
            return
        paths = [path for pattern in self._patterns for path in sorted(glob.glob(pattern))]  # noqa: PTH207
        if not paths:
            raise PortGone(f"{', '.join(self._patterns)}: no such port")
        self.path = paths[self._turn % len(paths)]
        try:
            self._serial = serial.Serial(
                self.path, self.baud, timeout=QUIET_S, write_timeout=WRITE_S, exclusive=True
            )
        except ERRORS as error:
            self._turn += 1
            raise PortGone(f"{self.path}: cannot be opened: {_reason(error)}") from None

    def first(self) -> bytes:
        """The first byte that comes, or none when the line is quiet; `rest` gives what came behind it."""
        return self._read(1)

    def rest(self) -> bytes:
        """All that is there by now, without waiting."""
        if self._serial is None:
            raise PortGone("not open")
        try:
            waiting = self._serial.in_waiting
        except ERRORS as error:
            raise self._gone(error) from None
        return self._read(min(waiting, MAX_CHUNK_BYTES)) if waiting else b""

    def write(self, data: bytes) -> None:
        """Send all of it; raises PortGone."""
        if self._serial is None or not data:
            return
        try:
            self._serial.write(data)
        except ERRORS as error:
            raise self._gone(error) from None

    def hunt(self) -> None:
        """Go on to the next speed; after the last one to the next port."""
        self._baud_index = (self._baud_index + 1) % len(self._bauds)
        if self._baud_index == 0:
            self.turn()
        elif self._serial is not None:
            try:
                self._serial.baudrate = self.baud
            except ERRORS as error:
                raise self._gone(error) from None

    def turn(self) -> None:
        """Close, and open the next port that fits at the next opening."""
        self._turn += 1
        self.close()

    def close(self) -> None:
        port, self._serial = self._serial, None
        if port is not None:
            try:
                port.close()
            except ERRORS:  # it vanished: there is nothing left to close
                return

    def _read(self, size: int) -> bytes:
        if self._serial is None:
            raise PortGone("not open")
        try:
            return bytes(self._serial.read(size))
        except ERRORS as error:
            raise self._gone(error) from None

    def _gone(self, error: Exception) -> PortGone:
        self.close()
        return PortGone(f"{self.path}: is gone: {_reason(error)}")


def _reason(error: Exception) -> str:
    text = str(error)
    return text.rpartition("] ")[2] or type(error).__name__
