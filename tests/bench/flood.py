"""Many units on one connection, sending batches made beforehand as fast as receipts let them.

Each unit keeps at most `window` batches unreceipted, as real ones do, and goes on when a receipt comes. Raw
MQTT 3.1.1 on a socket, because a client library would be what is measured. With a window of 0 there are no
receipts, and the broker's PUBACKs are what is waited for.

Prints as JSON how long it took from the first byte to the last receipt (or PUBACK), and the batches a second
of the steady stretch: from the moment when a fifth of all batches was settled until nine tenths were. Before
it the service meets every unit for the first time and the broker's queue fills; after it the units run dry
one by one.

    python -m tests.bench.flood PORT UNITS BATCHES ROWS WINDOW PERIOD_S
"""

import json
import re
import select
import socket
import struct
import sys
import time
from collections import deque

from firmware import wire
from tests.bench.tracks import batches as batches_of
from tests.bench.tracks import drive, every
from tests.fixtures.packets import packet

RECEIPT = re.compile(rb'ortoo/v1/u-(\d+)/receipt.{0,160}?"track":{"mark":(\d+)', re.DOTALL)
MOST_RECEIPT_BYTES = 600
MOST_UNACKED = 2000
PATIENCE_S = 30
STEADY = 0.2, 0.9


def payloads(batches: int, rows: int, period_s: int = 1) -> list[bytes]:
    """The batches of one unit's drive, which ended an hour ago; a fix in so many seconds."""
    fixes = every(drive(batches * rows * period_s), period_s)
    shift_ms = time.time_ns() // 1_000_000 - 3_600_000 - fixes[-1]["time_ms"]
    made = batches_of(fixes, rows)
    for group in (group for batch in made for group in batch.groups):
        for name in ("time_ms", "boot_at_ms"):
            group.columns[name] = [value + shift_ms for value in group.columns[name]]
    return [wire.encode_batch(batch) for batch in made]


class Steady:
    """The rate between two shares of all batches."""

    def __init__(self, batches: int) -> None:
        self._from, self._to = (int(share * batches) for share in STEADY)
        self._began: tuple[float, int] | None = None
        self.rate: float | None = None

    def note(self, settled: int) -> None:
        """So many are settled by now."""
        if self.rate is None and settled >= self._from:
            now_s = time.perf_counter()
            if self._began is None:
                self._began = now_s, settled
            elif settled >= self._to:
                self.rate = (settled - self._began[1]) / (now_s - self._began[0])


def text(text: str) -> bytes:
    return struct.pack("!H", len(text)) + text.encode()


class Flood:
    """One connection; `run` returns the seconds it took, `steady` knows the rate within."""

    def __init__(self, port: int, units: int, payloads: list[bytes], rows: int, window: int) -> None:
        self._payloads, self._rows, self._window = payloads, rows, window
        self._released = [0] * units  # batches that the window lets out
        self._sent = [0] * units
        self._marked = [0] * units
        self._ready: deque[int] = deque()
        self._mid = self._acked_bytes = self._sent_total = 0
        self._left = self._all = units * len(payloads)
        self.steady = Steady(self._all)
        self._got = b""
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.sendall(packet(0x10, text("MQTT") + b"\x04\x02\x00\x3c" + text("flood")))
        assert self._socket.recv(4)[3] == 0
        if window:
            self._socket.sendall(packet(0x82, b"\x00\x01" + text("ortoo/v1/+/receipt") + b"\x00"))
            self._socket.recv(5)
        self._socket.setblocking(False)
        for at in range(window or len(payloads)):
            for unit in range(units):
                self._release(unit, at + 1)

    def run(self) -> float:
        waiting = b""
        began_s = time.perf_counter()
        while self._left:
            waiting = waiting or self._next()
            readable, writable, _ = select.select(
                [self._socket], [self._socket] if waiting else [], [], PATIENCE_S
            )
            if not readable and not writable:
                sys.exit(f"nothing came for {PATIENCE_S} s, {self._left} batches are not receipted")
            if writable:
                waiting = waiting[self._socket.send(waiting) :]
            if readable:
                self._take(self._socket.recv(1 << 18))
                self.steady.note(self._all - self._left)
        return time.perf_counter() - began_s

    def _release(self, unit: int, upto: int) -> None:
        upto = min(upto, len(self._payloads))
        self._ready.extend([unit] * (upto - self._released[unit]))
        self._released[unit] = max(upto, self._released[unit])

    def _next(self) -> bytes:
        """The next packets, about as many as a socket takes at once."""
        out = []
        unacked = 0 if self._window else self._sent_total - self._acked_bytes // 4
        for _ in range(min(100, len(self._ready), MOST_UNACKED - unacked)):
            unit = self._ready.popleft()
            self._mid = self._mid % 65535 + 1
            body = text(f"ortoo/v1/u-{unit}/batch") + struct.pack("!H", self._mid)
            out.append(packet(0x32, body + self._payloads[self._sent[unit]]))
            self._sent[unit] += 1
        self._sent_total += len(out)
        return b"".join(out)

    def _take(self, data: bytes) -> None:
        if not self._window:  # nothing comes but PUBACKs of four bytes
            self._left -= (self._acked_bytes % 4 + len(data)) // 4
            self._acked_bytes += len(data)
            return
        self._got += data
        end = max(0, len(self._got) - MOST_RECEIPT_BYTES)
        for match in RECEIPT.finditer(self._got):
            unit, marked = int(match[1]), int(match[2]) // self._rows
            self._left -= max(0, marked - self._marked[unit])
            self._marked[unit] = max(marked, self._marked[unit])
            self._release(unit, marked + self._window)
            end = max(end, match.end())
        self._got = self._got[end:]


def main(port: int, units: int, batches: int, rows: int, window: int, period_s: int) -> None:
    flood = Flood(port, units, payloads(batches, rows, period_s), rows, window)
    print(json.dumps({"seconds": flood.run(), "batches_per_s": flood.steady.rate}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
