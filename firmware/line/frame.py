"""Frames on the wire between a node and its Pi: bytes in, frames out.

    type u8 | session u16 | seq u32 | body, at most 240 bytes | CRC-32 u32        little endian
    all of it in COBS (Cheshire & Baker 1997), which leaves no zero, and a zero behind it

A zero is thus always an end: after noise, a cut or a late start the next frame is whole again. `seq` counts
up within a `session`, which is drawn at the node's start, so that what is missing can be counted. The check
sum is that of IEEE 802.3, as binascii.crc32. Runs on CPython and on MicroPython, imports no neighbour.
"""

import binascii
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# Types of frame. The Pi asks with an empty HELLO, and sends ACK, PING, COMMAND and PART; the node the others.
HELLO, REPORT, RECORD, ACK, PING, PONG, COMMAND, ANSWER, WANT, PART = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10

MAX_BODY_BYTES = 240
MAX_FRAME_BYTES = 256  # encoded, with its zero
_HEAD = "<BHI"
_HEAD_BYTES = 7
_CRC_BYTES = 4

# The body of a report: entries of what, channel, age (ms before the frame was sent, at most 60 s), value.
_ENTRY = "<BBHi"
_ENTRY_BYTES = 8
MAX_ENTRIES = MAX_BODY_BYTES // _ENTRY_BYTES
TEMPERATURE_CC, HUMIDITY_CPCT, DOOR, MASS_MG, PROBE_FAULT, SCALE_FAULT = 1, 2, 3, 4, 5, 6
# The values of the two kinds of fault.
FAULTS = ("none", "crc", "no_reply", "power_on", "overload")


class Frame:
    """What a node or its Pi said: `kind` is one of the types or one of the future."""

    def __init__(self, kind: int, session: int, seq: int, body: bytes) -> None:
        self.kind = kind
        self.session = session
        self.seq = seq
        self.body = body


class Entry:
    """One measured value of a report, `age_ms` before the frame was sent."""

    def __init__(self, what: int, channel: int, age_ms: int, value: int) -> None:
        self.what = what
        self.channel = channel
        self.age_ms = age_ms
        self.value = value


def stuffed(data: bytes) -> bytes:
    """COBS: no zero is left; one byte longer for each 254."""
    out = bytearray(1)
    at, run = 0, 1
    for byte in data:
        if byte:
            out.append(byte)
            run += 1
        if not byte or run == 255:
            out[at] = run
            at, run = len(out), 1
            out.append(0)
    out[at] = run
    return bytes(out)


def unstuffed(data: bytes) -> "bytes | None":
    """The data of a COBS text without its zero; None when it is none."""
    out = bytearray()
    at = 0
    while at < len(data):
        run = data[at]
        if not run or at + run > len(data):
            return None
        out += data[at + 1 : at + run]
        at += run
        if run < 255 and at < len(data):
            out.append(0)
    return bytes(out)


def encode(kind: int, session: int, seq: int, body: bytes) -> bytes:
    """The bytes of a frame; ValueError when the body is too long."""
    if len(body) > MAX_BODY_BYTES:
        raise ValueError("a body of %d bytes, at most %d" % (len(body), MAX_BODY_BYTES))
    data = struct.pack(_HEAD, kind, session, seq & 0xFFFFFFFF) + body
    return stuffed(data + struct.pack("<I", binascii.crc32(data) & 0xFFFFFFFF)) + b"\x00"


class Decoder:
    """Cuts a stream into frames; `refused` counts what was none, by cause."""

    def __init__(self) -> None:
        self.refused = {"too_long": 0, "cobs": 0, "short": 0, "crc": 0}
        self._held = bytearray()
        self._is_skipping = False

    def feed(self, data: bytes) -> "list[Frame]":
        """The frames that these bytes complete."""
        frames = []
        for part, is_ended in _parts(data):
            if not self._is_skipping:
                self._held += part
            if len(self._held) >= MAX_FRAME_BYTES:
                self.refused["too_long"] += 1
                self._held, self._is_skipping = bytearray(), True
            if is_ended:
                frame = self._frame(bytes(self._held)) if self._held else None
                self._held, self._is_skipping = bytearray(), False
                if frame is not None:
                    frames.append(frame)
        return frames

    def _frame(self, text: bytes) -> "Frame | None":
        data = unstuffed(text)
        cause = _flaw(data)
        if data is None or cause:
            self.refused[cause] += 1
            return None
        kind, session, seq = struct.unpack(_HEAD, data[:_HEAD_BYTES])
        return Frame(kind, session, seq, data[_HEAD_BYTES:-_CRC_BYTES])


def _flaw(data: "bytes | None") -> str:
    if data is None:
        return "cobs"
    if len(data) < _HEAD_BYTES + _CRC_BYTES:
        return "short"
    (crc,) = struct.unpack("<I", data[-_CRC_BYTES:])
    return "" if binascii.crc32(data[:-_CRC_BYTES]) & 0xFFFFFFFF == crc else "crc"


def _parts(data: bytes) -> "Iterator[tuple[bytes, bool]]":
    """Stretches without a zero, and whether one stood behind them."""
    at = 0
    while at < len(data):
        end = data.find(b"\x00", at)
        if end < 0:
            yield data[at:], False
            return
        yield data[at:end], True
        at = end + 1


def report(entries: "list[Entry]") -> bytes:
    """The body of a report."""
    return b"".join(
        [
            struct.pack(_ENTRY, entry.what, entry.channel, min(entry.age_ms, 60000), entry.value)
            for entry in entries
        ]
    )


def entries_of(body: bytes) -> "list[Entry] | None":
    """The entries of a report, None when the body is none; a reader skips what it does not know."""
    if len(body) % _ENTRY_BYTES:
        return None
    return [
        Entry(*struct.unpack(_ENTRY, body[at : at + _ENTRY_BYTES]))
        for at in range(0, len(body), _ENTRY_BYTES)
    ]


# --- what is kept until it is acknowledged --------------------------------------------------------------
#
#     HELLO    version u8 | schema u32 | boot 8 | epoch 8 | ticks u64 | reset cause u8 | capabilities, text
#     RECORD   lane u8 | epoch 8 | seq u64 | prev u64 | mark u64 | boot 8 | row (row.py)
#     ACK      lane u8 | epoch 8 | mark u64 | first of the run u64 | boot of the run 8
#     PING     id u16 | UTC in ms u64, 0 for unknown | clock u8        PONG  id u16 | ticks u64
#     COMMAND  id 8 | JSON                                             ANSWER  id 8 | is done u8 | text
#     WANT     start of a blob's SHA-256 16 | offset u32               PART    the same | bytes from there
#
# Ticks are ms since the node's boot. A record goes out again until its lane is acknowledged up to it, and
# that is done when the Pi's outbox has it on disk. Frames of tags stand in tag_reader.py.

VERSION = 1
RESETS = ("unknown", "power", "watchdog", "brown_out", "software", "deep_sleep", "button")
MAX_ROW_BYTES = MAX_BODY_BYTES - 41
PART_ID_BYTES = 16
MAX_PART_BYTES = MAX_BODY_BYTES - PART_ID_BYTES - 4
_FORMS = {
    HELLO: "<BI8s8sQB",
    RECORD: "<B8sQQQ8s",
    ACK: "<B8sQQ8s",
    PING: "<HQB",
    PONG: "<HQ",
    COMMAND: "<8s",
    ANSWER: "<8sB",
    WANT: "<16sI",
    PART: "<16sI",
}


def body(kind: int, values: "tuple[int | bytes, ...]", rest: bytes = b"") -> bytes:
    """The body of a frame that is no report: its fields as drawn above, and what follows them."""
    return struct.pack(_FORMS[kind], *values) + rest


def fields(found: Frame) -> "tuple[Any, ...] | None":
    """The fields of such a frame, what follows them last; None when its body is none."""
    form = _FORMS.get(found.kind)
    if form is None or len(found.body) < struct.calcsize(form):
        return None
    size = struct.calcsize(form)
    return struct.unpack(form, found.body[:size]) + (found.body[size:],)
