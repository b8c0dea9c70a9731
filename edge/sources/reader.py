"""The reader node on a serial port: frames -> raw `tag` and `tag_written` readings, and AFIs to write back.

    tag          uid, data, afi, dsfid, eas    of a tag in the field, data only at its first sighting
    tag_written  uid, afi                      what was read back after a write, None when the tag was gone

It is a node like any other, whose faults and other records are taken as such. At each opening it is asked for
all data anew: the agent may have been restarted since.
"""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING

from edge.record import Reading
from edge.sources.node import Node, Reports
from firmware import tag_reader
from firmware.line import frame

if TYPE_CHECKING:
    from collections.abc import Callable


class Tags(Reports):
    """Bytes of one reader node -> readings. Pure."""

    def _take(self, found: frame.Frame) -> None:
        if found.kind == tag_reader.TAG:
            seen = tag_reader.seen_of(found.body)
            if seen is not None:
                self._see(seen)
                return
        elif found.kind == tag_reader.WRITTEN and len(found.body) == tag_reader.UID_BYTES + 2:
            uid, state, afi = found.body[:8], found.body[8], found.body[9]
            values = {"uid": uid.hex(), "afi": None if state == tag_reader.GONE else afi}
            self._put(Reading("tag_written", self._source, self._now_ms, values))
            return
        elif found.kind < tag_reader.TAG:
            super()._take(found)
            return
        self._counted["unknown"] += 1

    def _see(self, seen: tag_reader.Seen) -> None:
        values = {
            "uid": seen.uid.hex(),
            "data": seen.data.hex() or None,
            "afi": seen.afi,
            "dsfid": seen.dsfid,
            "eas": None if seen.is_eas_on is None else int(seen.is_eas_on),
        }
        self._put(Reading("tag", self._source, self._now_ms, values))


class Reader(Node):
    """Source of tags, and a `TagWriter`."""

    reports = Tags
    silent_s = 30.0  # with nothing in its field it sends empty reports

    def __init__(
        self,
        name: str,
        port: str,
        baud: int,
        mono_ms: Callable[[], int],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__(name, port, baud, mono_ms, pause)
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
        return super().greeting() + frame.encode(tag_reader.AFRESH, 0, 0, b"")

    def due(self) -> bytes:
        """What is to be said now; empty for nothing."""
        said = super().due()
        try:
            return said + self._asks.get_nowait()
        except queue.Empty:
            return said

    def _say(self, kind: int, body: bytes) -> None:
        self._seq += 1
        self._asks.put(frame.encode(kind, 0, self._seq, body))
