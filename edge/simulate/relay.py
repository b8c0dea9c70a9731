"""A TCP relay between a unit and its broker, which a valley really cuts.

    agent --127.0.0.1:port--> relay --> broker

`cut` drops all connections and refuses new ones, as a modem without a network does. `hush` leaves everything
open and moves nothing, as a radio in a shadow does: only the peers' own timers find out. All happens in the
one thread that calls `serve`.
"""

import contextlib
import selectors
import socket
import struct

MAX_WAITING_BYTES = 65536
CHUNK_BYTES = 16384
AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: a reset instead of an orderly end


class _Side:
    """One socket of a pair and what waits to be sent on it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.waiting = bytearray()
        self.other: _Side
        self.is_ended = False  # the other side has nothing more for this one


class Relay:
    """Listens on loopback, on `port`; starts with the way open."""

    def __init__(self, host: str, port: int) -> None:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._family, self._broker = address[0], address[4]
        self._selector = selectors.DefaultSelector()
        self._sides: set[_Side] = set()
        self._listener: socket.socket | None = None
        self._is_hushed = False
        self._wake_near, self._wake_far = socket.socketpair()
        self._wake_near.setblocking(False)
        self._selector.register(self._wake_near, selectors.EVENT_READ, None)
        self.port = 0
        self.open()

    def open(self) -> None:
        """Let everything through, again."""
        self._is_hushed = False
        if self._listener is None:
            self._listen()
        self._watch()

    def _listen(self) -> None:
        try:
            self._listener = socket.create_server(("127.0.0.1", self.port))
        except OSError:
            if not self.port:
                raise
            return  # somebody has the port just now: the next `open` tries again
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]

    def cut(self) -> None:
        """Drop every connection and refuse new ones."""
        if self._listener is not None:
            self._forget(self._listener)
            self._listener.close()
            self._listener = None
        for side in list(self._sides):
            self._drop(side)

    def hush(self) -> None:
        """Move nothing more, in either direction, and tell nobody."""
        self._is_hushed = True
        self._watch()

    def close(self) -> None:
        """Cut, and let go of everything."""
        self.cut()
        self._selector.close()
        self._wake_near.close()
        self._wake_far.close()

    def wake(self) -> None:
        """Have `serve` return at once. From any thread."""
        with contextlib.suppress(OSError):
            self._wake_far.send(b"w")

    def serve(self, timeout_s: float) -> None:
        """Wait so long at most for something to move, and move it."""
        for key, _ in self._selector.select(max(0.0, timeout_s)):
            if self._listener is not None and key.fileobj is self._listener:
                self._accept(self._listener)
            elif key.fileobj is self._wake_near:
                self._wake_near.recv(64)
            elif isinstance(key.data, _Side) and key.data in self._sides:
                self._move(key.data)
        self._watch()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            near = listener.accept()[0]
            far = socket.socket(self._family, socket.SOCK_STREAM)
            one, two = _Side(near), _Side(far)
            one.other, two.other = two, one
            for side in (one, two):
                side.sock.setblocking(False)
                side.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            far.connect_ex(self._broker)
            self._sides |= {one, two}

    def _move(self, side: _Side) -> None:
        try:
            self._send(side)
            self._receive(side)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(side)

    def _send(self, side: _Side) -> None:
        if side.waiting:
            with contextlib.suppress(BlockingIOError):
                del side.waiting[: side.sock.send(side.waiting)]
        if side.is_ended and not side.waiting:
            self._drop(side)

    def _receive(self, side: _Side) -> None:
        if side not in self._sides or side.other.is_ended or len(side.other.waiting) >= MAX_WAITING_BYTES:
            return
        chunk = side.sock.recv(CHUNK_BYTES)
        if not chunk:
            side.other.is_ended = True
        side.other.waiting += chunk
        self._send(side.other)

    def _drop(self, side: _Side) -> None:
        for each in (side, side.other):
            if each in self._sides:
                self._sides.remove(each)
                self._forget(each.sock)
                with contextlib.suppress(OSError):
                    each.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                each.sock.close()

    def _forget(self, sock: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(sock)

    def _watch(self) -> None:
        """Wait for exactly what can be used now."""
        if self._listener is not None:
            self._select(self._listener, 0 if self._is_hushed else selectors.EVENT_READ, None)
        for side in self._sides:
            events = selectors.EVENT_WRITE if side.waiting else 0
            if not side.other.is_ended and len(side.other.waiting) < MAX_WAITING_BYTES:
                events |= selectors.EVENT_READ
            self._select(side.sock, 0 if self._is_hushed else events, side)

    def _select(self, sock: socket.socket, events: int, side: _Side | None) -> None:
        known = self._selector.get_map().get(sock)
        if known is None and events:
            self._selector.register(sock, events, side)
        elif known is not None and not events:
            self._selector.unregister(sock)
        elif known is not None and known.events != events:
            self._selector.modify(sock, events, side)
