"""A wired node's side of the line to its Pi: hello, records until they are acknowledged, ticks, commands.

Pure: bytes and time come in. Up to WINDOW records are under way, events first; when an acknowledgement does
not come in time, everything behind the mark goes out again, waiting twice as long each time. A Pi that falls
silent is noticed after SILENT_MS: from then on the node logs what the Pi would have heard live.

The Pi tells the time; the node believes it as far as the Pi says that it has earned it.
"""

import json

from firmware import wire
from firmware.line import frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.store.outbox import Outbox

WINDOW = 16
FIRST_RESEND_MS, LONGEST_RESEND_MS = 2_500, 20_000  # the Pi commits once a second
_HELLO_MS = 5_000
SILENT_MS = 30_000
_STUCK_MS = 60_000  # a Pi that takes no record for so long, as one without a clock, gets live what there is


class _Lane:
    def __init__(self) -> None:
        self.sent = 0  # the highest seq under way
        self.ahead: "list[tuple[int, int, str, bytes]]" = []  # read from flash, not sent


class Link:
    """`do` takes a command and answers (is it done, detail); `offer_time` takes (clock, UTC in ms).

    `hear` takes the kind and the body of frames that are not of this file.
    """

    def __init__(
        self,
        outbox: "Outbox",
        random: "Callable[[int], bytes]",
        reset: str,
        capabilities: "list[str]",
        do: "Callable[[dict[str, Any]], tuple[bool, str]]",
        offer_time: "Callable[[str, int], None]",
        hear: "Callable[[int, bytes], None]",
    ) -> None:
        self._outbox = outbox
        self._reset = frame.RESETS.index(reset)
        self._schema = wire.schema_hash()  # once: all kinds' fields are made for it, and let go
        self._capabilities = " ".join(capabilities)
        self._do = do
        self._offer_time = offer_time
        self._hear = hear
        self._frames = frame.Decoder()
        self._session = int.from_bytes(random(2), "big")
        self._seq = 0
        self._out = bytearray()
        self._lanes = {lane: _Lane() for lane in wire.LANES}
        self._under_way = 0
        self._resend_at_ms = 0
        self._wait_ms = FIRST_RESEND_MS
        self._heard_ms: "int | None" = None
        self._moved_ms = 0  # when it took a record, or was heard for the first time
        self._hello_ms: "int | None" = None
        self._done: "list[bytes]" = []
        self.on_part: "Callable[[bytes, int, bytes], None] | None" = None  # of an update

    def is_heard(self, now_ms: int) -> bool:
        """Whether the Pi has said something lately."""
        return self._heard_ms is not None and now_ms - self._heard_ms < SILENT_MS

    def is_behind(self, lane: str, now_ms: int) -> bool:
        """Whether records of the lane wait, and the Pi is taking them."""
        return self._outbox.last_seq(lane) > self._outbox.mark(lane) and now_ms - self._moved_ms < _STUCK_MS

    def report(self, entries: "list[frame.Entry]") -> None:
        """Tell what was measured just now; nobody keeps it."""
        for at in range(0, len(entries), frame.MAX_ENTRIES):
            self._put(frame.REPORT, frame.report(entries[at : at + frame.MAX_ENTRIES]))

    def say(self, kind: int, body: bytes) -> None:
        """Send a frame of another kind, as of tags; nobody keeps it."""
        self._put(kind, body)

    def output(self) -> bytes:
        """What is to be written now; it is given once."""
        given, self._out = bytes(self._out), bytearray()
        return given

    def step(self, now_ms: int) -> None:
        """What is due: a hello as long as nobody is heard, records, records again."""
        is_heard = self.is_heard(now_ms)
        # The first one always: what the Pi was saying when the node started is no sign that it knows of that.
        if self._hello_ms is None or (not is_heard and now_ms - self._hello_ms >= _HELLO_MS):
            self._hello(now_ms)
        if not is_heard:
            return
        if self._under_way and now_ms >= self._resend_at_ms:
            self._go_back()
            self._wait_ms = min(2 * self._wait_ms, LONGEST_RESEND_MS)
        for lane in wire.LANES:
            self._send(lane, now_ms)

    def feed(self, data: bytes, now_ms: int) -> None:
        """Take what came from the Pi."""
        if not self.is_heard(now_ms):
            self._moved_ms = now_ms
        for found in self._frames.feed(data):
            if found.kind == frame.HELLO:
                self._heard_ms = now_ms
                self._hello(now_ms)
                continue
            self._heard_ms = now_ms
            values = frame.fields(found)
            if values is None:
                self._hear(found.kind, found.body)
            elif found.kind == frame.ACK:
                self._settle(values, now_ms)
            elif found.kind == frame.PING:
                self._pong(values, now_ms)
            elif found.kind == frame.COMMAND:
                self._command(values)
            elif found.kind == frame.PART and self.on_part is not None:
                self.on_part(values[0], values[1], values[2])

    # --- inside -----------------------------------------------------------------------------------------

    def _put(self, kind: int, body: bytes) -> None:
        self._seq += 1
        self._out += frame.encode(kind, self._session, self._seq, body)

    def _hello(self, now_ms: int) -> None:
        self._hello_ms = now_ms
        epoch, boot = bytes.fromhex(self._outbox.epoch()), bytes.fromhex(self._outbox.boot)
        values = (frame.VERSION, self._schema, boot, epoch, now_ms, self._reset)
        self._put(frame.HELLO, frame.body(frame.HELLO, values, self._capabilities.encode()[:100]))

    def _go_back(self) -> None:
        self._under_way = 0
        for lane in self._lanes.values():
            lane.sent, lane.ahead = 0, []

    def _send(self, name: str, now_ms: int) -> None:
        lane = self._lanes[name]
        while self._under_way < WINDOW:
            if not lane.ahead:
                lane.ahead = self._outbox.rows(name, lane.sent, WINDOW)
                lane.ahead.reverse()
            if not lane.ahead:
                return
            seq, prev, boot, data = lane.ahead.pop()
            epoch = bytes.fromhex(self._outbox.epoch(name))
            head = (wire.LANES.index(name), epoch, seq, prev, self._outbox.mark(name), bytes.fromhex(boot))
            self._put(frame.RECORD, frame.body(frame.RECORD, head, data))
            lane.sent = seq
            if not self._under_way:
                self._resend_at_ms = now_ms + self._wait_ms
            self._under_way += 1

    def _settle(self, values: "tuple[Any, ...]", now_ms: int) -> None:
        """An acknowledgement is a receipt of one lane with one run."""
        lane, epoch, mark, first, boot, _ = values
        if lane >= len(wire.LANES) or (mark and not 1 <= first <= mark):
            return
        name = wire.LANES[lane]
        entry = {"mark": mark, "runs": [[first, boot.hex()]] if mark else []}
        for progress in self._outbox.settle({"epoch": epoch.hex(), "lanes": {name: entry}}, False):
            if progress.is_back:
                self._go_back()
                self._hello(now_ms)
            elif progress.mark > progress.was:
                self._moved_ms = now_ms
                self._under_way = max(0, self._under_way - (progress.mark - progress.was))
                self._wait_ms = FIRST_RESEND_MS
                self._resend_at_ms = now_ms + self._wait_ms

    def _pong(self, values: "tuple[Any, ...]", now_ms: int) -> None:
        number, utc_ms, clock, _ = values
        self._put(frame.PONG, frame.body(frame.PONG, (number, now_ms)))
        if utc_ms and clock < len(wire.CLOCKS):
            self._offer_time(wire.CLOCKS[clock], utc_ms)

    def _command(self, values: "tuple[Any, ...]") -> None:
        """Done once for each id; a repeat is answered again."""
        number, text = values
        is_done, detail = True, ""
        if number not in self._done:
            try:
                is_done, detail = self._do(json.loads(text))
            except (ValueError, KeyError, TypeError) as error:
                is_done, detail = False, str(error)
            self._done = self._done[-7:] + [number]
        self._put(frame.ANSWER, frame.body(frame.ANSWER, (number, is_done), detail.encode()[:100]))
