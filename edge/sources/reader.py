"""The reader node on a serial port: frames -> raw `tag` and `tag_written` readings, and AFIs to write back.

    tag          uid, data, afi, dsfid, eas    of a tag in the field, data only at its first sighting
    tag_written  uid, afi                      what was read back after a write, None when the tag was gone

At each opening the node is asked for all data anew: the agent may have been restarted since.
"""

from __future__ import annotations

import queue
import time
from collections import Counter
from typing import TYPE_CHECKING

from edge.record import Reading
from edge.sources.serial_feed import SerialFeed
from firmware import frame, tag_reader

if TYPE_CHECKING:
    from collections.abc import Callable

BAUD = 115200
SILENT_S = 30.0  # a node with nothing in its field sends empty reports


class Tags:
    """Bytes of one reader node -> readings. Pure."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._frames = frame.Decoder()
        self._counted: Counter[str] = Counter()

    @property
    def refused(self) -> dict[str, int]:
        return {**self._frames.refused, **self._counted}

    def feed(self, data: bytes, mono_ms: int) -> list[Reading]:
        """The readings that these bytes complete."""
        return [
            reading
            for found in self._frames.feed(data)
            for reading in self._read(found.kind, found.body, mono_ms)
        ]

    def flush(self, mono_ms: int) -> list[Reading]:
        """Nothing: a frame has an end of its own."""
        del mono_ms
        return []

    def _read(self, kind: int, body: bytes, mono_ms: int) -> list[Reading]:
        if kind == tag_reader.TAG:
            seen = tag_reader.seen_of(body)
            if seen is not None:
                values = {
                    "uid": seen.uid.hex(),
                    "data": seen.data.hex() or None,
                    "afi": seen.afi,
                    "dsfid": seen.dsfid,
                    "eas": None if seen.is_eas_on is None else int(seen.is_eas_on),
                }
                return [Reading("tag", self._source, mono_ms, values)]
        elif kind == tag_reader.WRITTEN and len(body) == tag_reader.UID_BYTES + 2:
            afi = None if body[8] == tag_reader.GONE else body[9]
            return [Reading("tag_written", self._source, mono_ms, {"uid": body[:8].hex(), "afi": afi})]
        elif kind in {frame.HELLO, frame.REPORT}:
            return []
        self._counted["unknown"] += 1
        return []


class Reader(SerialFeed):
    """Source of tags, and a `TagWriter`."""

    def __init__(
        self,
        name: str,
        port: str,
        baud: int,
        mono_ms: Callable[[], int],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        del pause  # nothing is gathered
        super().__init__(name, port, baud or BAUD, mono_ms, Tags(name), SILENT_S)
        self._asks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._seq = 0

    def write_afi(self, uid: str, afi: int) -> None:
        """Have an AFI written, if the tag is still there. From any thread."""
        try:
            body = bytes.fromhex(uid)
        except ValueError:
            return
        if len(body) == tag_reader.UID_BYTES and 0 <= afi <= 255:
            self._say(tag_reader.WRITE, body + bytes([afi]))

    def greeting(self) -> bytes:
        """What is said at each opening."""
        return frame.encode(tag_reader.AFRESH, 0, 0, b"")

    def due(self) -> bytes:
        """What is to be said now; empty for nothing."""
        try:
            return self._asks.get_nowait()
        except queue.Empty:
            return b""

    def _say(self, kind: int, body: bytes) -> None:
        self._seq += 1
        self._asks.put(frame.encode(kind, 0, self._seq, body))
