"""The courier of a stand-alone node: batches to the broker, receipts back. Pure: bytes and time come in.

As on the Pi (edge/courier.py, edge/uplink.py): a birth with the number of the connection, and a will that
bears the same, so that an old will cannot bury a newer birth; one batch under way per lane, events first; a
receipt moves the mark, none in time means again, waiting longer each time; three times without any, and the
connection is taken for one that only looks alive. Records without a time wait HOLD_MS for the clock, since a
row's time is frozen when it is first offered.

The owner opens a line when `is_connect_due`, tells `connected` or `lost`, carries `output` and `feed`.
"""

from firmware import wire
from firmware.line import mqtt_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.call import Call
    from firmware.clock import Clock
    from firmware.store.outbox import Outbox

_SESSION_S = 7 * 86400  # the broker keeps commands for a node that is away so long
RECEIPT_MS = 10_000
_LONGEST_RECEIPT_MS = 600_000
FIRST_RECONNECT_MS, LONGEST_RECONNECT_MS = 2_000, 60_000
_TIMEOUTS_TO_RECONNECT = 3
_HINT_MS = 2_000  # a younger batch may simply not have been answered yet
HOLD_MS = 600_000
BATCH_BYTES = 2048  # that a board has memory for, beside a TLS session
_LIVE_MS, _IDLE_LIVE_MS = 10_000, 300_000
_DONE_COMMANDS = 8  # whose answers are remembered
WORDS = {0x87: "not_authorized", 0x97: "quota", 0x8E: "taken_over"}
OVER_WHEN_OPEN = ("refused", "no_receipt", "closed", "malformed", "too_large", "subscription_denied") + (
    "not_authorized",
    "quota",
    "taken_over",
)


class _Lane:
    def __init__(self) -> None:
        self.last_seq: "int | None" = None  # of the batch under way
        self.number = 0  # of its publish
        self.sent_ms = 0
        self.deadline_ms = 0
        self.tries = 0
        self.is_hint_used = False


class Courier:
    """`tell` takes (code, detail, is_over) of faults; `random` gives so many random bytes."""

    def __init__(
        self,
        unit: str,
        outbox: "Outbox",
        clock: "Clock",
        random: "Callable[[int], bytes]",
        tell: "Callable[[str, str, bool], None]",
        software: str,
        capabilities: "list[str]",
        core: "mqtt_core.Core | None" = None,
    ) -> None:
        self._unit = unit
        self._outbox = outbox
        self._clock = clock
        self._random = random
        self._tell = tell
        self._birth = {"software": software, "capabilities": capabilities}
        self.core = core or mqtt_core.Core(unit, keep_alive_s=60, session_s=_SESSION_S, window=8)
        self._lanes = {lane: _Lane() for lane in wire.LANES}
        self._conn = 0
        self._failures = 0
        self._timeouts = 0
        self._connect_at_ms = 0
        self._is_connecting = False
        self._opened_ms: "int | None" = None
        self._level = mqtt_core.LEVELS[0]
        self._epoch = ""
        self._live_ms: "int | None" = None
        self.reconnects = 0
        self.on_update: "Callable[[dict[str, Any]], None] | None" = None  # takes a command over
        self.on_part: "Callable[[str, bytes], bool] | None" = None  # whether a message was of a release
        self.on_settings: "Callable[[], None] | None" = None  # new ones are noted: the next start has room
        self.call: "Call | None" = None  # of a node with a help button

    @property
    def is_open(self) -> bool:
        return self._opened_ms is not None

    # --- the connection ---------------------------------------------------------------------------------

    def is_connect_due(self, now_ms: int) -> bool:
        return self._opened_ms is None and not self._is_connecting and now_ms >= self._connect_at_ms

    def connected(self, now_ms: int) -> None:
        """A line to the broker stands: introduce ourselves."""
        self._is_connecting = True
        self._conn = self._outbox.next_conn()
        will = wire.encode_json("birth", {"conn": self._conn, "state": "offline"})
        self.core.connect(now_ms, mqtt_core.Will(wire.topic(self._unit, "birth"), will), self._level)

    def lost(self, now_ms: int) -> None:
        """The line is gone, or there was none: wait, longer each time, half of it chance."""
        if self._opened_ms is not None:
            self.reconnects += 1
            if now_ms - self._opened_ms >= 60_000:
                self._failures = 0
        self._opened_ms = None
        self._is_connecting = False
        longest_ms = min(FIRST_RECONNECT_MS << min(self._failures, 8), LONGEST_RECONNECT_MS)
        self._connect_at_ms = now_ms + longest_ms // 2 + longest_ms // 2 * self._random(1)[0] // 256
        self._failures += 1

    def feed(self, data: bytes, now_ms: int) -> bool:
        """Take what came; False: close the line."""
        return self._hear(self.core.feed(data, now_ms), now_ms)

    def step(self, now_ms: int) -> bool:
        """What is due: pings, batches, time-outs; False: close the line."""
        if not self._hear(self.core.step(now_ms), now_ms):
            return False
        if self._opened_ms is None:
            return True
        if self._timeouts >= _TIMEOUTS_TO_RECONNECT:
            self._tell("no_receipt", "three batches without a receipt", False)
            return False
        if self._outbox.epoch() != self._epoch:
            self._be_born(now_ms)
        if self._clock.word != "none" or now_ms >= HOLD_MS:
            for lane in wire.LANES:
                self._send(lane, now_ms)
        return True

    def output(self) -> bytes:
        """What is to be written now."""
        return self.core.output()

    def wait_ms(self, now_ms: int) -> int:
        """How long nothing will be due by itself."""
        if self._opened_ms is None and not self._is_connecting:
            return max(0, self._connect_at_ms - now_ms)
        due = [lane.deadline_ms - now_ms for lane in self._lanes.values() if lane.last_seq is not None]
        return max(0, min(due + [self.core.wait_ms(now_ms)]))

    def close(self) -> None:
        """Say that the unit goes off, before a sleep."""
        if self.is_open:
            offline = wire.encode_json("birth", {"conn": self._conn, "state": "offline"})
            self.core.publish(wire.topic(self._unit, "birth"), offline, 0, 0, True)
            self.core.disconnect()

    # --- what comes -------------------------------------------------------------------------------------

    def _hear(self, events: "list[mqtt_core.Event]", now_ms: int) -> bool:
        for event in events:
            kind = type(event)
            if kind is mqtt_core.Opened:
                self._opened(event, now_ms)
            elif kind is mqtt_core.Taken:
                self._taken(event)
            elif kind is mqtt_core.Came:
                self._came(event, now_ms)
            elif kind is mqtt_core.Subscribed and event.code >= 0x80:
                self._tell("subscription_denied", "code %d" % event.code, False)
            elif kind is mqtt_core.Refused:
                self._refused(event)
                return False
            elif kind is mqtt_core.Ended:
                if event.cause != "silent":
                    self._tell(WORDS.get(event.code, event.cause), "code %d" % event.code, False)
                return False
        return True

    def _opened(self, event: "mqtt_core.Opened", now_ms: int) -> None:
        self._opened_ms = now_ms
        self._is_connecting = False
        self._timeouts = 0
        self._live_ms = None
        for code in OVER_WHEN_OPEN:
            self._tell(code, "", True)
        if not event.is_resumed:
            for lane in self._lanes.values():
                lane.last_seq = None
        for leaf in wire.DOWN:  # always: the process before may have died in between
            self.core.subscribe(wire.topic(self._unit, leaf), now_ms)
        self._be_born(now_ms)

    def _be_born(self, now_ms: int) -> None:
        self._epoch = self._outbox.epoch()
        message = {
            "software": self._birth["software"],
            "capabilities": self._birth["capabilities"],
            "conn": self._conn,
            "state": "online",
            "epoch": self._epoch,
            "boot": self._outbox.boot,
        }
        self.core.publish(
            wire.topic(self._unit, "birth"), wire.encode_json("birth", message), 1, now_ms, True
        )

    def _refused(self, event: "mqtt_core.Refused") -> None:
        if event.is_other_level_next:
            self._level = 4 if self._level == 5 else 5
        else:
            self._tell("refused", "code %d" % event.code, False)

    def _taken(self, event: "mqtt_core.Taken") -> None:
        if event.code >= 0x80:
            self._tell(WORDS.get(event.code, "refused"), "a publish: code %d" % event.code, False)

    def _came(self, event: "mqtt_core.Came", now_ms: int) -> None:
        try:
            if self.on_part is not None and self.on_part(event.topic, event.payload):
                self.core.acknowledge(event.number, now_ms)
                return
            _, leaf = wire.parse_topic(event.topic)
            message = wire.decode_json(leaf, event.payload)
            if leaf == "receipt":
                self._settle(message, now_ms)
            elif leaf == "command":
                self._answer(message, now_ms)
        except wire.WireError as error:
            self._tell("bad_message", str(error), False)
            self._tell("bad_message", "", True)
        self.core.acknowledge(event.number, now_ms)

    def _settle(self, receipt: "dict[str, Any]", now_ms: int) -> None:
        for progress in self._outbox.settle(receipt, receipt["conn"] == self._conn):
            lane = self._lanes[progress.lane]
            if progress.is_back:
                self._go_back(lane)
                self._tell("store_" + progress.cause, "lane " + progress.lane, False)
                self._tell("store_" + progress.cause, "", True)
            elif progress.mark > progress.was:
                lane.tries = self._timeouts = 0
                lane.is_hint_used = False
                if lane.last_seq is not None and lane.last_seq <= progress.mark:
                    self._go_back(lane)
            elif lane.last_seq is not None and not lane.is_hint_used and now_ms - lane.sent_ms >= _HINT_MS:
                lane.is_hint_used = True  # the service still asks for what is under way
                self._go_back(lane)

    def _go_back(self, lane: _Lane) -> None:
        self.core.forget(lane.number)
        lane.last_seq = None

    # --- sending ----------------------------------------------------------------------------------------

    def _send(self, name: str, now_ms: int) -> None:
        lane = self._lanes[name]
        if lane.last_seq is not None:
            if now_ms < lane.deadline_ms:
                return
            self._go_back(lane)
            lane.tries += 1
            self._timeouts += 1
        batch = self._outbox.take(name)
        if batch is None:
            return
        payload = wire.encode_batch(batch)
        if len(payload) > BATCH_BYTES and batch.rows > 1:
            most = max(1, batch.rows * BATCH_BYTES // (2 * len(payload)))
            batch = self._outbox.take(name, None, most) or batch
            payload = wire.encode_batch(batch)
        number = self.core.publish(wire.topic(self._unit, "batch"), payload, 1, now_ms)
        if number is not None:
            wait_ms = min(RECEIPT_MS << min(lane.tries, 16), _LONGEST_RECEIPT_MS)
            lane.last_seq, lane.number, lane.sent_ms = batch.last_seq, number, now_ms
            lane.deadline_ms = now_ms + wait_ms + wait_ms // 4 * self._random(1)[0] // 256

    def send_live(self, values: "dict[str, Any]", now_ms: int, has_news: bool) -> None:
        """The newest position and vitals, never queued; at most one in _LIVE_MS, rarely without news."""
        period_ms = _LIVE_MS if has_news else _IDLE_LIVE_MS
        if not self.is_open or (self._live_ms is not None and now_ms - self._live_ms < period_ms):
            return
        self._live_ms = now_ms
        time_ms, _, word = self._clock.time_of(now_ms)
        message = {"conn": self._conn, "time_ms": time_ms, "clock": word, "outbox_rows": self._outbox.waiting}
        message.update(values)
        self.core.publish(wire.topic(self._unit, "live"), wire.encode_json("live", message), 0, now_ms)

    # --- commands ---------------------------------------------------------------------------------------

    def _answer(self, command: "dict[str, Any]", now_ms: int) -> None:
        """Do it once; the answer is an event record, kept with the command's id."""
        done = list(self._outbox.notes.get("done", []))
        if command["id"] in done:
            return
        state, rows = "refused", 0
        if command["what"] == "update" and "node" not in command and self.on_update is not None:
            self.on_update(command)  # it answers in its time
            self._outbox.notes.put({"done": (done + [command["id"]])[-_DONE_COMMANDS:]})
            return
        if command["what"] == "settings" and self.on_settings is not None:
            asked = {"id": command["id"], "settings": command["settings"]}
            self._outbox.notes.put({"done": (done + [command["id"]])[-_DONE_COMMANDS:], "asked": asked})
            self.on_settings()
            return
        if command["what"] == "erase":
            self._outbox.forget_settled()
            state = "done"
        elif command["what"] == "resend":
            rows = self._resend(command, now_ms)
            state = "done" if rows else "refused"
        elif command["what"] == "help" and self.call is not None:
            is_done = self.call.answer(command["source"], command["call"], command["state"])
            state = "done" if is_done else "refused"
        words = wire.KINDS["answer"].by_name["state"].words
        values = {"command_id": command["id"], "state": words.index(state), "rows": rows}
        self._outbox.append([("answer", "unit", values, now_ms)], self._clock)
        self._outbox.notes.put({"done": (done + [command["id"]])[-_DONE_COMMANDS:]})

    def _resend(self, command: "dict[str, Any]", now_ms: int) -> int:
        """Send a stretch again, batch by batch, as far as the line has room; the number of rows."""
        rows, after = 0, command["first_seq"] - 1
        while after < command["last_seq"]:
            batch = self._outbox.take(command["lane"], after, min(30, command["last_seq"] - after))
            if batch is None or batch.last_seq > command["last_seq"]:
                break
            if (
                self.core.publish(wire.topic(self._unit, "batch"), wire.encode_batch(batch), 1, now_ms)
                is None
            ):
                break
            rows, after = rows + batch.rows, batch.last_seq
        return rows
