"""The courier: carries batches from the outbox to the broker as the uplink decides, and receipts back.

Joins the three parts that know nothing of each other: `outbox` (what there is), `uplink` (when to send what),
`mqtt` (the line). Runs in the agent's one main thread.
"""

from __future__ import annotations

import logging
import zlib
from collections import deque
from typing import TYPE_CHECKING, Any

from edge import mqtt
from edge.outbox import OutboxError, OutboxFull
from edge.uplink import Progress, Uplink
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.mqtt import Mqtt
    from edge.outbox import Outbox, Settled
    from edge.releases.rollout import Rollout
    from edge.sources.faults import Faults

log = logging.getLogger(__name__)

NO_SUBSCRIBERS = 0x10  # taken by the broker, and nobody is there to hear it
CODES = {NO_SUBSCRIBERS: "no_service", 0x87: "not_authorized", 0x97: "quota"}


class Courier:
    """`birth` gives what the birth says besides conn, epoch and boot; `on_help` hears of calls,
    `rollout` of updates for nodes."""

    def __init__(
        self,
        line: Mqtt,
        uplink: Uplink,
        faults: Faults,
        *,
        birth: dict[str, Any],
        batch_rows: int,
        batch_bytes: int,
        is_deflated: bool,
        on_help: Callable[[Outbox, dict[str, Any]], None] | None = None,
        rollout: Rollout | None = None,
    ) -> None:
        self._line = line
        self._uplink = uplink
        self._faults = faults
        self._birth = birth
        self._batch_rows = batch_rows
        self._batch_bytes = batch_bytes
        self._is_deflated = is_deflated
        self._on_help = on_help
        self._rollout = rollout
        self._events: deque[mqtt.Event] = deque()
        self._conn = 0
        self._is_told = False  # of the trouble to connect: the first time loudly, then quietly
        self._epoch = ""
        self._resend: tuple[int, wire.Batch, int] | None = None  # its number, the batch, the publish

    @property
    def is_open(self) -> bool:
        return self._uplink.is_open

    @property
    def reconnects(self) -> int:
        return self._uplink.reconnects

    def step(self, outbox: Outbox, now_ms: int, *, is_waiting: bool, is_clock_good: bool) -> None:
        """Hear what came, connect if it is time, send what may be sent."""
        self._events.extend(self._line.events())
        for _ in range(len(self._events)):  # when the disk fails at one, those behind it are heard next time
            self._hear_next(self._events.popleft(), outbox, now_ms)
        if self._uplink.is_stuck():
            log.warning("%s: no receipt for long: connecting anew", self._line.address)
            self._line.close()
            self._uplink.failed(now_ms)
        if self._uplink.is_connect_due(now_ms):
            self._connect(outbox, now_ms, is_clock_good=is_clock_good)
        if self._uplink.is_open:
            self._send(outbox, now_ms, is_waiting=is_waiting)
        if self._rollout is not None:
            self._rollout.step(outbox, self._line if self._uplink.is_open else None, now_ms)

    def wait_ms(self, now_ms: int) -> int:
        return self._uplink.wait_ms(now_ms)

    def close(self) -> None:
        """Say that the unit goes off, and go."""
        self._line.close(self._will() if self._uplink.is_open else None)

    # --- the connection ---------------------------------------------------------------------------------

    def _connect(self, outbox: Outbox, now_ms: int, *, is_clock_good: bool) -> None:
        try:
            self._conn = outbox.next_conn()
        except OutboxError:
            self._uplink.failed(now_ms)  # not at once again
            raise
        self._uplink.connecting()
        self._line.open(self._will(), is_clock_good=is_clock_good)

    def _will(self) -> bytes:
        return wire.encode_json("birth", {"conn": self._conn, "state": "offline"})

    def _hear_next(self, event: mqtt.Event, outbox: Outbox, now_ms: int) -> None:
        try:
            self._hear(event, outbox, now_ms)
        except OutboxError as error:
            is_kept = isinstance(event, mqtt.Came) and event.leaf == "command"
            if is_kept:
                self._events.append(event)  # the broker thinks that we have it
            if not is_kept or not isinstance(error, OutboxFull):  # room comes by sending
                raise

    def _hear(self, event: mqtt.Event, outbox: Outbox, now_ms: int) -> None:
        if isinstance(event, mqtt.Opened):
            self._opened(event, outbox, now_ms)
        elif isinstance(event, mqtt.Closed):
            self._closed(event, now_ms)
        elif isinstance(event, mqtt.Taken):
            self._taken(event, outbox)
        elif isinstance(event, mqtt.Denied):
            self._faults.begin("subscription_denied", event.detail)
        elif isinstance(event, mqtt.Part):
            if self._rollout is not None:
                self._rollout.take(self._line, event.digest, event.number, event.payload)
            else:
                self._line.drop_part(event.digest, event.number)
        else:
            self._came(event, outbox, now_ms)

    def _opened(self, event: mqtt.Opened, outbox: Outbox, now_ms: int) -> None:
        log.info("%s: connected (MQTT %s)", self._line.address, event.protocol)
        self._is_told = False
        self._resend = None
        self._uplink.opened(now_ms)
        self._faults.end(*mqtt.CAUSES)
        self._line.subscribe()
        self._be_born(outbox)
        outbox.note("protocol", event.protocol)  # from here on the disk may fail
        self._offer_ends(outbox)

    def _be_born(self, outbox: Outbox) -> None:
        self._epoch = outbox.epoch
        message = {
            **self._birth,
            "conn": self._conn,
            "state": "online",
            "epoch": outbox.epoch,
            "boot": outbox.boot,
        }
        self._line.publish("birth", wire.encode_json("birth", message), is_retained=True)

    def _offer_ends(self, outbox: Outbox) -> None:
        for batch in outbox.ends():
            self._line.publish("batch", self._encoded(batch))

    def _closed(self, event: mqtt.Closed, now_ms: int) -> None:
        if self._rollout is not None:
            self._rollout.closed()
        self._uplink.failed(now_ms, is_broker_gone=event.is_broker_gone)
        if event.is_other_protocol_next:
            self._uplink.retry_at_once(now_ms)
        tell = log.debug if self._is_told else log.warning
        tell("%s; trying again by itself, every minute or so at least", event.detail)
        self._is_told = True
        if event.code != "connection_lost":
            self._faults.begin(event.code, event.detail)

    # --- sending ----------------------------------------------------------------------------------------

    def _send(self, outbox: Outbox, now_ms: int, *, is_waiting: bool) -> None:
        if outbox.epoch != self._epoch:
            self._be_born(outbox)
        for lane in self._uplink.open_lanes(now_ms):
            while self._uplink.has_room(lane) and self._send_next(
                lane, outbox, now_ms, is_waiting=is_waiting
            ):
                pass
        if self._uplink.has_no_receipts:
            self._faults.begin("no_receipt", f"{self._line.address}: the service does not answer")
        if self._resend is None:
            self._send_again(outbox)

    def _send_next(self, lane: str, outbox: Outbox, now_ms: int, *, is_waiting: bool) -> bool:
        most = self._batch_rows
        while True:
            batch = outbox.take(lane, self._uplink.after(lane), most=most, is_waiting=is_waiting)
            if batch is None:
                return False
            payload = self._encoded(batch)
            if len(payload) <= self._batch_bytes or batch.rows == 1:
                break
            most = _rows_within(batch.rows, self._batch_bytes, len(payload))
        if self._line.publish("batch", payload) is None:
            return False
        self._uplink.sent(lane, batch.epoch, batch.last_seq, now_ms)
        return True

    def _encoded(self, batch: wire.Batch) -> bytes:
        plain = wire.encode_batch(batch)
        if not self._is_deflated:
            return plain
        return min(plain, zlib.compress(plain, 9), key=len)

    def _send_again(self, outbox: Outbox) -> None:
        """One batch of the black box that was asked for, when the broker has taken the one before."""
        found = outbox.take_resend()
        if found is None:
            return
        number, batch = found
        sent = self._line.publish("batch", self._encoded(batch))
        if sent is not None:
            self._resend = (number, batch, sent)

    def send_live(self, live: Callable[[], dict[str, Any]], now_ms: int, *, has_news: bool) -> bool:
        """The newest position, if it is time for it and the line is free."""
        if not self._uplink.is_live_due(now_ms, has_news=has_news):
            return False
        if not self._line.publish_now("live", wire.encode_json("live", {**live(), "conn": self._conn})):
            return False
        self._uplink.live_sent(now_ms)
        return True

    # --- answers ----------------------------------------------------------------------------------------

    def _taken(self, event: mqtt.Taken, outbox: Outbox) -> None:
        if event.code == 0:
            self._faults.end(*CODES.values(), "publish_refused")
        else:
            code = CODES.get(event.code, "publish_refused")
            self._faults.begin(code, f"{self._line.address}: {event.detail}")
        if self._resend is not None and self._resend[2] == event.number:
            number, batch, _ = self._resend
            self._resend = None
            if event.code < mqtt.REFUSED:
                outbox.resent(number, batch)

    def _came(self, event: mqtt.Came, outbox: Outbox, now_ms: int) -> None:
        try:
            message = wire.decode_json(event.leaf, event.payload)
        except wire.WireError as error:
            self._faults.begin("bad_message", f"{event.leaf}: {error}")
            return
        if event.leaf == "receipt":
            self._settle(message, outbox, now_ms)
            return
        if message["what"] == "help" and self._on_help is not None:
            self._on_help(outbox, message)  # each time: it may not have been kept before a cut
        if message["what"] == "update" and self._rollout is not None:
            self._rollout.ask(outbox, message)
            return
        if outbox.obey(message):
            log.info("did what command %s asked", message["id"])

    def _settle(self, receipt: dict[str, Any], outbox: Outbox, now_ms: int) -> None:
        settled = outbox.settle(receipt, self._conn)
        self._uplink.settled([_progress(lane) for lane in settled], now_ms)
        if any(lane.mark > lane.was for lane in settled):
            self._faults.end("no_receipt")
        for lane in settled:
            self._tell(lane)
        if any(lane.is_lowered and lane.epoch == outbox.epoch for lane in settled):
            self._offer_ends(outbox)

    def _tell(self, lane: Settled) -> None:
        if lane.moved is not None:
            detail = f"lane {lane.lane}: other records under the same numbers; {lane.moved} rows go out anew"
            self._alarm("fork", detail)
        elif lane.is_ahead:
            self._alarm(
                "store_ahead", f"lane {lane.lane}: the service holds numbers this unit no longer knows"
            )
        elif lane.is_lowered:
            self._alarm("store_behind", f"lane {lane.lane}: the service asks again from {lane.mark + 1}")

    def _alarm(self, code: str, detail: str) -> None:
        log.warning("%s", detail)
        self._faults.begin(code, detail)
        self._faults.end(code)


def _rows_within(rows: int, limit_bytes: int, size_bytes: int) -> int:
    """How many fit where so many rows took more; a little less than in proportion: few deflate worse."""
    return max(1, rows * limit_bytes * 15 // (size_bytes * 16))


def _progress(lane: Settled) -> Progress:
    is_back = lane.is_lowered or lane.moved is not None or lane.is_ahead
    return Progress(lane.lane, lane.epoch, lane.mark, lane.mark > lane.was, is_back)
