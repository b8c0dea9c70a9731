"""A TCP relay between two real ends that does to a link what the steppe does to it.

Each direction ("up": client to broker, "down": broker to client) passes, holds or swallows bytes, late and
slowly if asked. A whole link can be reset after any byte, half-opened, or answered with a captive portal's
page. Bytes are relayed as whole MQTT packets, so that a `packet_filter` can make only PUBACKs or only
receipts vanish.
"""

import asyncio
import contextlib
import dataclasses
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Literal

PORTAL = b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n"

Way = Literal["up", "down"]
Link = tuple[asyncio.StreamWriter, asyncio.StreamWriter]  # to the client, to the target


@dataclasses.dataclass
class Direction:
    """What happens to the bytes of one direction; changed at any time from any thread."""

    mode: Literal["pass", "hold", "swallow"] = "pass"
    delay_s: float = 0.0
    bytes_per_s: float | None = None
    loss: float = 0.0  # share of chunks that come RETRANSMIT_S late, as TCP makes of a lost segment
    packet_filter: Callable[[bytes], bool] | None = None  # True lets an MQTT packet pass
    reset_after_bytes: int | None = None
    passed_bytes: int = 0
    filtered: int = 0


RETRANSMIT_S = 0.3


def is_puback(packet: bytes) -> bool:
    return packet[0] >> 4 == 4


def is_publish_to(leaf: str) -> Callable[[bytes], bool]:
    """True for a PUBLISH whose topic ends in /leaf."""

    def check(packet: bytes) -> bool:
        if packet[0] >> 4 != 3:
            return False
        at = 1
        while packet[at] & 128:
            at += 1
        (size,) = struct.unpack_from(">H", packet, at + 1)
        return packet[at + 3 : at + 3 + size].endswith(b"/" + leaf.encode())

    return check


class PacketCutter:
    """Cuts a stream into whole MQTT packets."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        packets = []
        while (size := self._packet_bytes()) is not None:
            packets.append(bytes(self._buffer[:size]))
            del self._buffer[:size]
        return packets

    def _packet_bytes(self) -> int | None:
        length = shift = 0
        for at in range(1, min(len(self._buffer), 5)):
            length |= (self._buffer[at] & 127) << shift
            shift += 7
            if not self._buffer[at] & 128:
                whole = at + 1 + length
                return whole if whole <= len(self._buffer) else None
        return None


class FaultProxy:
    """Relay from a free port on loopback to `target`; use as a context manager."""

    def __init__(self, target_host: str, target_port: int) -> None:
        self.target = (target_host, target_port)
        self.host = "127.0.0.1"
        self.port = 0
        self.up = Direction()
        self.down = Direction()
        self.is_refusing = False
        self.is_portal = False
        self.accepted = 0
        self._links: set[Link] = set()
        self._half_open: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, self.host, 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def reset(self) -> None:
        """Cut every open link with a TCP reset."""
        self._call(self._reset_all())

    def half_open(self) -> None:
        """Each end of every open link loses the other and is not told; new links are whole."""
        self._half_open |= self._links

    def heal(self) -> None:
        """Pass everything from now on, with open links kept."""
        self.up = Direction(passed_bytes=self.up.passed_bytes)
        self.down = Direction(passed_bytes=self.down.passed_bytes)
        self.is_refusing = self.is_portal = False

    def black_hole(self, *ways: Way) -> None:
        """Bytes vanish and nobody is told."""
        for way in ways or ("up", "down"):
            getattr(self, way).mode = "swallow"

    def _call(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(60)

    async def _close(self) -> None:
        self._server.close()
        await self._reset_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reset_all(self) -> None:
        for link in list(self._links):
            self._reset_link(link)

    def _reset_link(self, link: Link) -> None:
        self._links.discard(link)
        self._half_open.discard(link)
        for writer in link:
            sock = writer.get_extra_info("socket")
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.is_refusing:
            writer.transport.abort()
            return
        if self.is_portal:
            writer.write(PORTAL)
            await writer.drain()
            writer.close()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        link = (writer, far_writer)
        self._links.add(link)
        for pump in (
            self._pump("up", reader, far_writer, link),
            self._pump("down", far_reader, writer, link),
        ):
            task = self._loop.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self,
        way: Way,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        link: Link,
    ) -> None:
        cutter = PacketCutter()
        try:
            while data := await reader.read(4096):
                await self._pass(way, data, cutter, writer, link)
        except (ConnectionError, OSError):
            pass
        self._reset_link(link)

    async def _pass(
        self,
        way: Way,
        data: bytes,
        cutter: PacketCutter,
        writer: asyncio.StreamWriter,
        link: Link,
    ) -> None:
        direction: Direction = getattr(self, way)
        while direction.mode == "hold":
            await asyncio.sleep(0.02)
            direction = getattr(self, way)
        await asyncio.sleep(self._lateness_s(direction, len(data)))
        packets = cutter.feed(data)
        if direction.mode == "swallow" or link in self._half_open:
            return
        if direction.packet_filter is not None:
            whole = len(packets)
            packets = [packet for packet in packets if direction.packet_filter(packet)]
            direction.filtered += whole - len(packets)
        data = b"".join(packets)
        limit = direction.reset_after_bytes
        if limit is not None and direction.passed_bytes + len(data) >= limit:
            data = data[: limit - direction.passed_bytes]
            writer.write(data)
            direction.reset_after_bytes = None
            self._reset_link(link)
        writer.write(data)
        direction.passed_bytes += len(data)
        await writer.drain()

    @staticmethod
    def _lateness_s(direction: Direction, size: int) -> float:
        late_s = direction.delay_s
        if direction.bytes_per_s:
            late_s += size / direction.bytes_per_s
        if direction.loss and random.random() < direction.loss:
            late_s += RETRANSMIT_S
        return late_s
