"""Tags of another program: JSON lines over TCP -> raw `tag` and `tag_written` readings.

For readers whose software does not belong in this agent. An LLRP reader (UHF) is such: the common library
for it, sllurp, is under the GPL, so it runs as a program of its own, which offers its tags at a port:

    {"tag":"e280…","protocol":"uhf","bank01":"45c2…","bank11":"06…"}     bank 01 from its control word on
    {"tag":"e004…","blocks":"9100…","afi":7,"dsfid":6,"eas":true}
    {"written":"e004…","afi":194}                                        null: the tag was gone

and may be asked: {"write_afi":194,"tag":"e004…"}. `tag` is the UID or EPC in hex. A line a tag and round.
"""

from __future__ import annotations

import json
import queue
import random
import socket
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from edge.record import Reading
from edge.sources.faults import Faults

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from edge.record import Values

DEFAULT_PORT = 5084
MAX_LINE_BYTES = 4096
CHUNK_BYTES = 65536
WAIT_S, CONNECT_S = 0.2, 5.0
BACKOFF_S = (1.0, 30.0)
_HEX = set("0123456789abcdef")


class Lines:
    """Bytes of the other program -> readings. Pure; `refused` counts by cause."""

    def __init__(self, source: str) -> None:
        self.refused: Counter[str] = Counter()
        self._source = source
        self._rest = b""

    def begin(self) -> None:
        """A new connection: what was torn by the last one stays torn."""
        self._rest = b""

    def feed(self, data: bytes, mono_ms: int) -> list[Reading]:
        """The tags in these bytes; what is torn waits for the next."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest = b""
            self.refused["too_long"] += 1
        return [reading for line in lines if line.strip() for reading in self._read(line, mono_ms)]

    def _read(self, line: bytes, mono_ms: int) -> list[Reading]:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            self.refused["not_json"] += 1
            return []
        if isinstance(found, dict):
            if _is_hex(found.get("written")):
                values: Values = {"uid": found["written"].lower(), "afi": _byte(found.get("afi"))}
                return [Reading("tag_written", self._source, mono_ms, values)]
            if _is_hex(found.get("tag")):
                return [Reading("tag", self._source, mono_ms, _values(found))]
        self.refused["shape"] += 1
        return []


def _values(found: dict[str, Any]) -> Values:
    is_uhf = found.get("protocol") == "uhf"
    data, user = found.get("bank01" if is_uhf else "blocks"), found.get("bank11")
    eas = found.get("eas")
    return {
        "uid": found["tag"].lower(),
        "protocol": "uhf" if is_uhf else "hf",
        "data": data if _is_hex(data) else None,
        "user": user if _is_hex(user) else None,
        "afi": _byte(found.get("afi")),
        "dsfid": _byte(found.get("dsfid")),
        "eas": int(eas) if isinstance(eas, bool) else None,
    }


def _is_hex(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= 2048 and not len(text) % 2 and set(text.lower()) <= _HEX


def _byte(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= 255 else None


class TagLines:
    """Source of tags at `port` ("host:5084"), and a `TagWriter`; `baud` and `pause` are of no use here."""

    def __init__(
        self,
        name: str,
        port: str,
        baud: int,
        mono_ms: Callable[[], int],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        del baud, pause
        self.name = name
        host, _, number = port.rpartition(":")
        is_whole = bool(host) and number.isdecimal()
        self._address = (host, int(number)) if is_whole else (port, DEFAULT_PORT)
        self._lines = Lines(name)
        self._mono_ms = mono_ms
        self._asks: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    @property
    def refused(self) -> dict[str, int]:
        return dict(self._lines.refused)

    def write_afi(self, uid: str, afi: int) -> None:
        """Have an AFI written, if the tag is still there. From any thread."""
        self._asks.put(json.dumps({"write_afi": afi, "tag": uid}).encode() + b"\n")

    def run(self, emit: Callable[[Reading], None], stop: threading.Event) -> None:
        """Read until `stop`; the body of a thread."""
        faults = Faults(self.name, emit, self._mono_ms)
        backoff_s = BACKOFF_S[0]
        while not stop.is_set():
            try:
                with socket.create_connection(self._address, CONNECT_S) as connection:
                    faults.end()
                    backoff_s = BACKOFF_S[0]
                    self._listen(connection, emit, stop)
            except OSError as error:
                faults.begin("no_reader", f"{self._address[0]}:{self._address[1]}: {error}")
                stop.wait(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
                backoff_s = min(2 * backoff_s, BACKOFF_S[1])

    def _listen(
        self, connection: socket.socket, emit: Callable[[Reading], None], stop: threading.Event
    ) -> None:
        connection.settimeout(WAIT_S)
        self._lines.begin()
        while not stop.is_set():
            while not self._asks.empty():
                connection.sendall(self._asks.get())
            try:
                data = connection.recv(CHUNK_BYTES)
            except TimeoutError:
                continue
            if not data:
                raise ConnectionError("closed by the reader's program")
            for reading in self._lines.feed(data, self._mono_ms()):
                emit(reading)
