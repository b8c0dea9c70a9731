"""The Pi's side of the line to a node that keeps its own records: pure, frames and time come in.

The other side is firmware/line/link.py. A record is handed on as a reading with a mark; whether it is the
next one is for the intake to say, in the transaction that also puts it on disk, and only what that has
settled is acknowledged. So nothing here has to be remembered: after a restart of either side the node sends
again from its own mark, and what was taken before is acknowledged once more.

A node counts ticks, ms since its boot. PING and PONG tell where they stand: the answer that came back fastest
in the last minutes bounds the error by half its round trip, and an oscillator of 50 ppm adds 8 ms in them.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from edge.record import Mark, Reading
from firmware import wire
from firmware.line import frame
from firmware.store import row

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.record import Values
    from edge.sources.faults import Faults

log = logging.getLogger(__name__)

PING_MS = 10_000
FIRST_PINGS_MS = 500  # until the first answers are there
PINGS = 16  # of which the fastest counts
MOST_COMMANDS = 16
MOST_ANSWERS = 8
MOST_PARTS = 4
COMMAND_MS, COMMAND_TRIES = 2_000, 5


class NodeLink:
    """`faults` of the node; `utc` gives (UTC in ms or None, the clock's word) as the Pi knows it."""

    def __init__(self, name: str, faults: Faults) -> None:
        self._name = name
        self._faults = faults
        self.utc: Callable[[], tuple[int | None, str]] = lambda: (None, "none")
        self._lock = threading.Lock()
        self._settled: dict[str, Mark] = {}  # by key, to be acknowledged
        self._boot = ""
        self._is_known = False  # whether the node said hello since we opened
        self._pings: dict[int, int] = {}
        self._number = 0
        self._ping_ms: int | None = None
        self._offsets: deque[tuple[int, int]] = deque(maxlen=PINGS)  # round trip, Pi less ticks
        self._commands: deque[tuple[bytes, bytes]] = deque(maxlen=MOST_COMMANDS)
        self._answers: dict[bytes, tuple[bool, str]] = {}
        self._parts: deque[bytes] = deque(maxlen=MOST_PARTS)
        self.serve: Callable[[bytes, int], bytes] = lambda _start, _offset: b""
        self.hello = ""  # what the node says of itself
        self._command_ms = 0
        self._command_tries = 0
        self._seq = 0

    def greeting(self) -> bytes:
        """What is said at each opening: who is there?"""
        self._is_known = False
        self._ping_ms = None
        return self._frame(frame.HELLO, b"")

    def command(self, number: bytes, text: str) -> None:
        """Have the node do something, once for each number of 8 bytes; one that is not there does nothing."""
        if self._is_known:
            with self._lock:
                self._commands.append((number, text.encode()))

    def due(self, now_ms: int) -> bytes:
        """What is to be said now: acknowledgements, pings, a command."""
        if not self._is_known:
            return b""  # it says hello by itself, and one that never does may not even read
        with self._lock:
            settled, self._settled = self._settled, {}
        out = b"".join(self._ack(mark) for mark in settled.values())
        period_ms = FIRST_PINGS_MS if len(self._offsets) < 3 else PING_MS
        if self._ping_ms is None or now_ms - self._ping_ms >= period_ms:
            out += self._ping(now_ms)
        while self._parts:
            out += self._frame(frame.PART, self._parts.popleft())
        return out + self._next_command(now_ms)

    def take(self, found: frame.Frame, now_ms: int) -> list[Reading]:
        """The readings of a frame; those of a report are not ours."""
        values = frame.fields(found)
        if values is None:
            return []
        if found.kind == frame.HELLO:
            self._hello(*values)
        elif found.kind == frame.PONG:
            self._pong(values[0], values[1], now_ms)
        elif found.kind == frame.ANSWER:
            self._answer(*values)
        elif found.kind == frame.WANT:
            self._give(values[0], values[1])
        elif found.kind == frame.RECORD:
            return self._record(*values)
        return []

    # --- inside -----------------------------------------------------------------------------------------

    def _frame(self, kind: int, body: bytes) -> bytes:
        self._seq += 1
        return frame.encode(kind, 0, self._seq, body)

    def _hello(
        self, version: int, schema: int, boot: bytes, epoch: bytes, ticks: int, reset: int, rest: bytes
    ) -> None:
        del epoch, ticks
        cause = frame.RESETS[reset] if reset < len(frame.RESETS) else "unknown"
        log.info("%s: a node of version %d, %s; its reset: %s", self._name, version, _text(rest), cause)
        if schema != wire.schema_hash():
            log.warning("%s: it has another table of kinds; what is not known here stays on it", self._name)
        if boot.hex() != self._boot:
            self._offsets.clear()
            self._ping_ms = None
            if self._boot or cause in ("watchdog", "brown_out"):
                self._faults.begin("restarted", cause)
                self._faults.end("restarted")
        self._boot = boot.hex()
        self._is_known = True
        self.hello = _text(rest)

    def _ping(self, now_ms: int) -> bytes:
        self._ping_ms = now_ms
        self._number = (self._number + 1) % 65536
        self._pings = {number: at for number, at in self._pings.items() if now_ms - at < PING_MS}
        self._pings[self._number] = now_ms
        utc_ms, word = self.utc()
        values = (self._number, utc_ms or 0, wire.CLOCKS.index(word))
        return self._frame(frame.PING, frame.body(frame.PING, values))

    def _pong(self, number: int, ticks: int, now_ms: int) -> None:
        asked_ms = self._pings.pop(number, None)
        if asked_ms is not None:
            self._offsets.append((now_ms - asked_ms, (now_ms + asked_ms) // 2 - ticks))

    def _record(
        self, lane: int, epoch: bytes, seq: int, prev: int, settled: int, boot: bytes, data: bytes
    ) -> list[Reading]:
        if not self._is_known or not self._offsets or lane >= len(wire.LANES):
            return []  # it will come again
        try:
            group = row.group_of(data, seq)
        except wire.WireError as error:
            self._faults.begin("schema", f"a record that is not known here stays on the node: {error}")
            return []
        self._faults.end("schema")
        is_of_this_boot = boot.hex() == self._boot
        key = f"node {self._name} {wire.LANES[lane]}"
        is_timed = bool(group.columns["clock"][0])
        mark = Mark(
            key,
            epoch.hex(),
            prev,
            seq,
            boot.hex(),
            self._settle,
            settled_seq=settled,
            is_by_utc=is_timed and not is_of_this_boot,
        )
        time_ms = group.columns["time_ms"][0]
        ticks = time_ms - group.columns["boot_at_ms"][0] if is_of_this_boot else 0
        kind, values = self._values(group)
        source = f"{self._name}-{group.source}"[:32]
        return [Reading(kind, source, ticks + min(self._offsets)[1], values, time_ms, mark)]

    def _values(self, group: wire.Group) -> tuple[str, Values]:
        """What the record says here. How a node's clock was set is nothing that moves records of the Pi."""
        values = {field.name: group.columns[field.name][0] for field in wire.KINDS[group.kind].fields}
        if group.kind != "clock_set":
            return group.kind, values
        detail = f"{values['step_ms']} ms"
        return "fault", {"part": self._name, "code": "clock_set", "state": 1, "detail": detail}

    def _settle(self, mark: Mark) -> None:
        """From the agent's main thread."""
        with self._lock:
            self._settled[mark.key] = mark

    def _ack(self, mark: Mark) -> bytes:
        lane = wire.LANES.index(mark.key.rpartition(" ")[2])
        values = (lane, bytes.fromhex(mark.epoch), mark.seq, mark.first_seq, bytes.fromhex(mark.boot))
        return self._frame(frame.ACK, frame.body(frame.ACK, values))

    def _next_command(self, now_ms: int) -> bytes:
        with self._lock:
            if not self._commands or now_ms - self._command_ms < COMMAND_MS:
                return b""
            number, text = self._commands[0]
            self._command_ms = now_ms
            self._command_tries += 1
            if self._command_tries > COMMAND_TRIES:
                self._drop_command()
                return b""
        return self._frame(frame.COMMAND, frame.body(frame.COMMAND, (number,), text))

    def _answer(self, number: bytes, is_done: int, detail: bytes) -> None:
        with self._lock:
            if self._commands and self._commands[0][0] == number:
                self._drop_command()
                log.info("%s: %s %s", self._name, "done" if is_done else "refused", _text(detail))
                self._answers[number] = (bool(is_done), _text(detail))
                while len(self._answers) > MOST_ANSWERS:
                    del self._answers[next(iter(self._answers))]

    def answer_to(self, number: bytes) -> tuple[bool, str] | None:
        """What the node answered to a command: is it done, and a detail; None until it has."""
        with self._lock:
            return self._answers.get(number)

    def _give(self, start: bytes, offset: int) -> None:
        """A part of a release, if it is here; the node asks again."""
        data = self.serve(start, offset)
        if data:
            self._parts.append(frame.body(frame.PART, (start, offset), data))

    def _drop_command(self) -> None:
        self._commands.popleft()
        self._command_ms = self._command_tries = 0


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
