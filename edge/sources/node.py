"""A microcontroller on a serial port: frames -> reports -> readings.

    climate  temperature_cc, humidity_cpct      door  state      mass  mass_mg, None for an overload

A channel N of the node `name` is the source `name-N`. A door and a mass are raw: the cabinet makes records
of them. What the node itself could not measure is a fault of that channel. A node that keeps records of its
own has them taken through `node_link`: a climate or a door by its channel too, the rest by `name-` and the
node's own source.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from edge.record import Reading
from edge.sources.faults import Faults
from edge.sources.node_link import NodeLink
from edge.sources.serial_feed import SerialFeed
from firmware.line import frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.record import Values

BAUD = 115200
SILENT_S = 120.0
RAW = {
    frame.TEMPERATURE_CC: ("climate", "temperature_cc"),
    frame.HUMIDITY_CPCT: ("climate", "humidity_cpct"),
    frame.DOOR: ("door", "state"),
    frame.MASS_MG: ("mass", "mass_mg"),
}


class Reports:
    """Bytes of one node -> readings. Pure."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.link = NodeLink(source, Faults(source, self._put, lambda: self._now_ms))
        self._frames = frame.Decoder()
        self._counted: Counter[str] = Counter()
        self._last: tuple[int, int] | None = None  # session, seq
        self._faults: dict[str, Faults] = {}
        self._out: list[Reading] = []
        self._now_ms = 0

    @property
    def refused(self) -> dict[str, int]:
        return {**self._frames.refused, **self._counted}

    def feed(self, data: bytes, mono_ms: int) -> list[Reading]:
        """The readings that these bytes complete."""
        self._now_ms = mono_ms
        for found in self._frames.feed(data):
            self._count_missing(found)
            self._out += self.link.take(found, mono_ms)
            self._take(found)
        given, self._out = self._out, []
        return given

    def flush(self, mono_ms: int) -> list[Reading]:
        """Nothing: a frame has an end of its own."""
        del mono_ms
        return []

    def _take(self, found: frame.Frame) -> None:
        """A frame that is no business of the link."""
        entries = frame.entries_of(found.body) if found.kind == frame.REPORT else []
        if entries is None:
            self._counted["report"] += 1
        else:
            self._report(entries)

    def _count_missing(self, found: frame.Frame) -> None:
        if self._last is not None and self._last[0] == found.session and found.seq > self._last[1] + 1:
            self._counted["missing"] += found.seq - self._last[1] - 1
        self._last = (found.session, found.seq)

    def _report(self, entries: list[frame.Entry]) -> None:
        open_: dict[tuple[str, int, int], Values] = {}
        for entry in entries:
            source = f"{self._source}-{entry.channel}"
            if entry.what in RAW:
                kind, name = RAW[entry.what]
                key = (kind, entry.channel, entry.age_ms)
                if name in open_.get(key, {}):
                    self._counted["repeated"] += 1
                open_.setdefault(key, {})[name] = entry.value
                self._fault(source, 0, kind)
            elif entry.what == frame.PROBE_FAULT:
                self._fault(source, entry.value, "climate")
            elif entry.what == frame.SCALE_FAULT:
                open_[("mass", entry.channel, entry.age_ms)] = {"mass_mg": None}
            else:
                self._counted["unknown"] += 1
        for (kind, channel, age_ms), values in open_.items():
            if kind != "door" or values["state"] in (0, 1):
                at_ms = max(self._now_ms - age_ms, 0)
                self._out.append(Reading(kind, f"{self._source}-{channel}", at_ms, values))

    def _fault(self, source: str, code: int, kind: str) -> None:
        if kind != "climate":
            return
        faults = self._faults.setdefault(source, Faults(source, self._put, lambda: self._now_ms))
        if code == 0:
            faults.end()
        else:
            word = frame.FAULTS[code] if 0 < code < len(frame.FAULTS) else "unknown"
            faults.begin(word, "the node could not read its probe")

    def _put(self, reading: Reading) -> None:
        self._out.append(reading)


class Node(SerialFeed):
    """Source of a node's readings."""

    reports: type[Reports] = Reports
    silent_s = SILENT_S

    def __init__(
        self,
        name: str,
        port: str,
        baud: int,
        mono_ms: Callable[[], int],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        del pause  # nothing is gathered: a frame has an end of its own
        self._reports = self.reports(name)
        super().__init__(name, port, baud or BAUD, mono_ms, self._reports, self.silent_s)

    def know_time(self, utc: Callable[[], tuple[int | None, str]]) -> None:
        """Where to ask for (UTC in ms or None, the clock's word): the node wants to know."""
        self._reports.link.utc = utc

    def command(self, number: bytes, text: str) -> None:
        """Have the node do something, once for each number of 8 bytes. From any thread."""
        self._reports.link.command(number, text)

    def answer_to(self, number: bytes) -> tuple[bool, str] | None:
        """What the node answered to that command: is it done, and a detail; None until it has."""
        return self._reports.link.answer_to(number)

    def serve(self, part: Callable[[bytes, int], bytes]) -> None:
        """Where to look for what the node wants of a release: (start of its digest, offset) -> bytes."""
        self._reports.link.serve = part

    @property
    def hello(self) -> str:
        """What the node said of itself last."""
        return self._reports.link.hello

    def greeting(self) -> bytes:
        """What is said at each opening."""
        return self._reports.link.greeting()

    def due(self) -> bytes:
        """What is to be said to the node now."""
        return self._reports.link.due(self._mono_ms())
