"""Sources: whatever makes readings inside a unit, each in a thread of its own."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from edge.sources.gnss import Gnss
from edge.sources.gpsd import Gpsd
from edge.sources.node import Node
from edge.sources.scanner import Scanner
from edge.sources.sht4x import Sht4x
from edge.sources.w1 import W1

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from edge.record import Reading


class Source(Protocol):
    """Runs in a thread until `stop`; bad input is a `fault` reading, never an exception."""

    name: str

    @property
    def refused(self) -> dict[str, int]:
        """What was refused so far, by cause."""

    def run(self, emit: Callable[[Reading], None], stop: threading.Event) -> None: ...


@runtime_checkable
class TagWriter(Protocol):
    """A source of tags that can write their AFI. From any thread; what was read back is a reading."""

    def write_afi(self, uid: str, afi: int) -> None: ...


@runtime_checkable
class TimeTaker(Protocol):
    """A source that wants the time as the unit knows it: (UTC in ms or None, the clock's word)."""

    def know_time(self, utc: Callable[[], tuple[int | None, str]]) -> None: ...


@runtime_checkable
class Commander(Protocol):
    """A source whose other end does what it is told, once for each number of 8 bytes. From any thread."""

    def command(self, number: bytes, text: str) -> None: ...


@runtime_checkable
class Updatable(Commander, Protocol):
    """A source whose other end takes releases of firmware. From any thread.

    `serve` says where it may look for what it wants: (start of a blob's digest, offset) -> bytes. `hello` is
    what it said of itself last.
    """

    def answer_to(self, number: bytes) -> tuple[bool, str] | None: ...
    def serve(self, part: Callable[[bytes, int], bytes]) -> None: ...
    @property
    def hello(self) -> str: ...


class MakeSource(Protocol):
    """`port` is a device, a pattern or an address; `pause` sleeps so many seconds of `mono_ms`."""

    def __call__(
        self,
        name: str,
        port: str,
        baud: int,
        mono_ms: Callable[[], int],
        pause: Callable[[float], object],
        /,
    ) -> Source: ...


def _late(module: str, name: str) -> MakeSource:
    """A source that few units have: its module is loaded when one is configured."""

    def make(
        source: str, port: str, baud: int, mono_ms: Callable[[], int], pause: Callable[[float], object]
    ) -> Source:
        made: Source = getattr(importlib.import_module(module), name)(source, port, baud, mono_ms, pause)
        return made

    return make


SOURCES: dict[str, MakeSource] = {
    "gnss": Gnss,
    "gpsd": Gpsd,
    "node": Node,
    "reader": _late("edge.sources.reader", "Reader"),
    "scanner": Scanner,
    "sht4x": Sht4x,
    "tags": _late("edge.sources.tags", "TagLines"),
    "w1": W1,
}
