"""Frames of SIP2: bytes of a line in and out, with checksum and number. No I/O.

Text may be UTF-8 or GBK, whose second bytes hold 0x7C, the bar that ends a field: only decoded text may be
taken apart.
"""

from __future__ import annotations

from typing import NamedTuple

END = b"\r"
MAX_FRAME_BYTES = 32_768  # a reader's answer with hundreds of loans
TRAILER_CHARS = 6  # AZ<4 hex digits>


class FrameError(ValueError):
    """A line that cannot be read; asking for it once more may help. The text names what failed."""


class Frame(NamedTuple):
    """A message's text without its trailer, and its number; None where the sender checks nothing."""

    text: str
    number: int | None


def checksum(data: bytes) -> str:
    """Four hex digits over all bytes up to and with `AZ` (SIP2 2.00, error detection)."""
    return f"{-sum(data) & 0xFFFF:04X}"


def encoded(text: str, number: int | None, encoding: str) -> bytes:
    """A frame as it goes out; without a number for 96 and 97. Raises UnicodeEncodeError."""
    body = (text if number is None else f"{text}AY{number}").encode(encoding) + b"AZ"
    return body + checksum(body).encode() + END


def decoded(line: bytes, encoding: str) -> Frame:
    """A line without its end; raises FrameError by length, checksum, then encoding, naming which.

    A library that checks nothing sends no trailer: its line is taken as it is.
    """
    if not 2 <= len(line) <= MAX_FRAME_BYTES:
        raise FrameError(f"length: {len(line)} bytes, 2 to {MAX_FRAME_BYTES} are one message")
    number = None
    body = line
    if line[-TRAILER_CHARS:-4] == b"AZ":
        said, due = line[-4:].upper(), checksum(line[:-4]).encode()
        if said != due:
            raise FrameError(f"checksum: {said.decode('latin-1')!r} instead of {due.decode()}")
        body = line[:-TRAILER_CHARS]
        if body[-3:-1] == b"AY" and body[-1:].isdigit():
            body, number = body[:-3], int(body[-1:])
    try:
        return Frame(body.decode(encoding), number)
    except UnicodeDecodeError as error:
        raise FrameError(f"encoding: byte {error.start} is not {encoding}: check its setting") from None


class Lines:
    """Bytes as they come, cut into lines; line feeds and zeros between lines are skipped."""

    def __init__(self) -> None:
        self._held = bytearray()

    def take(self, data: bytes) -> None:
        """Hold what came."""
        self._held += data

    def next(self) -> bytes | None:
        """A line without its end, None when it is not whole; raises FrameError for an endless one."""
        while True:
            line, end, rest = self._held.partition(END)
            if not end:
                if len(line) > MAX_FRAME_BYTES:
                    self._held.clear()
                    raise FrameError(f"length: no end within {MAX_FRAME_BYTES} bytes")
                return None
            self._held = bytearray(rest)
            stripped = bytes(line).strip(b"\n\0 ")
            if stripped:
                return stripped
