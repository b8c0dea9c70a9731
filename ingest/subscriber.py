"""The service's end of the broker: the only file that imports paho here.

paho keeps the connection: it connects, authenticates, subscribes, pings, comes back. What passes in
thousands goes around it, a read or a write at a time (`frames`): batches in, acknowledgements and receipts
out. One message after the other through paho costs as much as all the rest of the service.

Callbacks only append to the intake; a lock of ours around `publish` and again in a callback would deadlock.
Messages are acknowledged by hand once their group is committed, and the receive maximum bounds what lies
between. The session is kept by the broker, so a restart goes on with what was not acknowledged.

A `mid` belongs to one connection: the next one uses the numbers again for other messages, so an
acknowledgement that comes too late is dropped, and its message is handed over once more.
"""

from __future__ import annotations

import logging
import random
import ssl
import threading
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from firmware import wire
from ingest import frames
from ingest.intake import Intake, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from paho.mqtt.reasoncodes import ReasonCode

    from ingest.config import BrokerSettings
    from ingest.frames import Puback, Publish

log = logging.getLogger(__name__)

SESSION_S = 7 * 86400
READ_BYTES = 1 << 18
RETRY_AT_MOST_S = (15, 30)
UNSUPPORTED = 0x84
REFUSED = 0x80
MOST_IN_FLIGHT = 1000  # receipts, unless the broker wants fewer
FIRST_MID = 0x8000  # receipts count from here; paho counts its few messages from 1
PUBACK = 0x40
LIVE = "/live"
TOPICS = ((f"{wire.PREFIX}/+/batch", 1), (f"{wire.PREFIX}/+/birth", 1), (f"{wire.PREFIX}/+/live", 0))


class _BulkClient(Client):
    """paho, with a way around it for whole reads of PUBLISH and PUBACK, and for joined writes.

    It leans on four inner names of paho 2.2: `_sock_recv`, `_in_packet`, `_packet_queue`, `_protocol`.
    """

    def __init__(self, take: Callable[[list[Publish], list[Puback]], None], **options: Any) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, **options)
        self._take = take
        self._ahead = b""  # read, but not yet cut up

    @property
    def is_5(self) -> bool:
        return self._protocol == MQTTProtocolVersion.MQTTv5

    def reconnect(self) -> MQTTErrorCode:
        self._ahead = b""
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Take what has come; a packet that is not ours to cut goes through paho."""
        if self._in_packet["command"] == 0 and self._sock is not None:
            try:
                self._ahead += super()._sock_recv(READ_BYTES)
            except BlockingIOError:
                pass
            except OSError:  # paho meets the same error and deals with it
                return super().loop_read(max_packets)
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        while code == MQTTErrorCode.MQTT_ERR_SUCCESS and self._sock is not None:
            is_at_packet = self._in_packet["command"] == 0
            if is_at_packet and not self._cut():
                break
            code = super().loop_read(max_packets)
            if not self._ahead:
                break
        return code

    def _cut(self) -> bool:
        """Whether paho has to go on: with another packet, or with the end of the stream."""
        if not self._ahead:
            return True
        found = frames.cut(self._ahead, is_5=self.is_5)
        self._ahead = self._ahead[found.taken :]
        if found.publishes or found.pubacks:
            self._take(found.publishes, found.pubacks)
        return found.is_other

    def _sock_recv(self, bufsize: int) -> bytes:
        if not self._ahead:
            return super()._sock_recv(bufsize)
        data, self._ahead = self._ahead[:bufsize], self._ahead[bufsize:]
        return data

    def write(self, data: bytes) -> None:
        """Send packets that are complete already; from any thread."""
        self._packet_queue(PUBACK, data, 0, 1)


class _Receipts:
    """Receipts on their way: the newest per topic and epoch, no more in flight than the broker allows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, bytes], bytes] = {}
        self._in_flight: set[int] = set()
        self._most = MOST_IN_FLIGHT
        self._mid = FIRST_MID

    def begin(self, most: int) -> None:
        """A new connection: forget the receipts of the last one, since every birth is answered anew."""
        with self._lock:
            self._waiting.clear()
            self._in_flight.clear()
            self._most = min(most, MOST_IN_FLIGHT)

    def put(self, receipts: Iterable[tuple[str, bytes]], *, is_5: bool) -> bytes:
        """Add some; the packets that may go now."""
        with self._lock:
            self._waiting.update({(topic, _epoch(payload)): payload for topic, payload in receipts})
            return self._next(is_5=is_5)

    def settle(self, mids: Iterable[int], *, is_5: bool) -> bytes:
        """These were answered; the packets that may go now."""
        with self._lock:
            self._in_flight.difference_update(mids)
            return self._next(is_5=is_5)

    def _next(self, *, is_5: bool) -> bytes:
        packets = []
        while self._waiting and len(self._in_flight) < self._most:
            topic, epoch = next(iter(self._waiting))
            self._mid = FIRST_MID | self._mid + 1 & 0x7FFF
            self._in_flight.add(self._mid)
            payload = self._waiting.pop((topic, epoch))
            packets.append(frames.retained(topic, self._mid, payload, is_5=is_5))
        return b"".join(packets)


def _epoch(receipt: bytes) -> bytes:
    """Which epoch a receipt is about: one must not take the place of another's."""
    return receipt.partition(b'"epoch":"')[2][: 2 * wire.ID_BYTES]


class Subscriber:
    """One session on one broker, taken up again whenever it breaks."""

    def __init__(
        self,
        settings: BrokerSettings,
        password: str | None,
        intake: Intake,
        mono_s: Callable[[], float],
        session_s: int = SESSION_S,
    ) -> None:
        self._settings = settings
        self._password = password
        self._intake = intake
        self._mono_s = mono_s
        self._session_s = session_s
        self._protocol = "5" if settings.protocol == "auto" else settings.protocol
        self._connection = 0
        self._was_accepted = False
        self._should_fall_back = False
        self._has_complained = False
        self._settled = threading.Event()
        self._receipts = _Receipts()
        self.is_connected = False
        self.refusal: str | None = None
        self.publish_refusal = ""  # the last one of this connection; MQTT 3.1.1 tells none
        self._client = self._made()

    @property
    def connection(self) -> int:
        """Counts up with each connection: a broker that has lost what it kept has lost us first."""
        return self._connection

    @property
    def address(self) -> str:
        """Where the broker is."""
        return f"{self._settings.host}:{self._settings.port}"

    def start(self) -> None:
        """Connect, and connect again for ever."""
        self._client.connect_async(
            self._settings.host, self._settings.port, self._settings.keepalive_s, **self._session()
        )
        self._client.loop_start()

    def wait_settled(self, timeout_s: float) -> bool:
        """True once the broker has taken us, refused us or not answered at all; False after the time."""
        return self._settled.wait(timeout_s)

    def tend(self) -> None:
        """Try the older protocol once the newer one was turned down; called now and then."""
        if not self._should_fall_back:
            return
        self._should_fall_back = False
        self._client.loop_stop()
        self._protocol = "3.1.1"
        log.info("broker %s does not speak MQTT 5: going on with 3.1.1", self.address)
        self._client = self._made()
        self.start()

    def stop(self) -> None:
        """Leave; the broker keeps the session."""
        self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_stop()
        self.is_connected = False

    def ack(self, messages: Iterable[Message]) -> None:
        """Tell the broker that these are safe here."""
        mids = [message.mid for message in messages if message.qos and message.connection == self._connection]
        if mids and self.is_connected:
            self._client.write(frames.pubacks(mids))

    def publish_receipts(self, receipts: list[tuple[str, bytes]]) -> bool:
        """Send these retained at QoS 1; False when there is no connection, then births bring them."""
        if not self.is_connected:
            return False
        self._write(self._receipts.put(receipts, is_5=self._client.is_5))
        return True

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send a message at QoS 1; False when it could not be taken."""
        if not self.is_connected:  # paho would keep it and say no at once
            return False
        return self._client.publish(topic, payload, 1).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _write(self, packets: bytes) -> None:
        if packets:
            self._client.write(packets)

    # --- the client

    def _session(self) -> dict[str, Any]:
        if self._protocol != "5":
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._session_s
        properties.ReceiveMaximum = self._settings.receive_maximum
        properties.MaximumPacketSize = 2 * wire.MAX_BATCH_BYTES
        return {"clean_start": False, "properties": properties}

    def _made(self) -> _BulkClient:
        is_5 = self._protocol == "5"
        client = _BulkClient(
            self._take,
            client_id=self._settings.client_id,
            clean_session=None if is_5 else self._session_s == 0,
            protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        if self._settings.username:
            client.username_pw_set(self._settings.username, self._password)
        if self._settings.is_tls:
            client.tls_set_context(self._tls())
        client.max_inflight_messages_set(0)  # a few commands; receipts have a window of their own
        client.reconnect_delay_set(1, random.randint(*RETRY_AT_MOST_S))  # noqa: S311 - jitter
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._settings.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._settings.certificate_file:
            context.load_cert_chain(self._settings.certificate_file, self._settings.key_file or None)
        return context

    # --- in paho's thread

    def _take(self, publishes: list[Publish], pubacks: list[Puback]) -> None:
        now_s = self._mono_s()
        for publish in publishes:
            message = Message(*publish, self._connection, now_s)
            if publish.topic.endswith(LIVE):
                self._intake.put_live(message)
            else:
                self._intake.put(message)
        if pubacks:
            refused = next((reason for _, reason in pubacks if reason >= REFUSED), None)
            if refused is not None:
                self.publish_refusal = f"broker {self.address} refuses a message of ours: reason {refused:#x}"
                self._complain(self.publish_refusal)
            self._write(self._receipts.settle([mid for mid, _ in pubacks], is_5=self._client.is_5))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        came = frames.Publish(message.topic, bytes(message.payload), message.mid, message.qos, message.retain)
        self._take([came], [])

    def _on_connect(
        self,
        client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        props: Properties | None,
    ) -> None:
        if reason.is_failure:
            if reason.value == UNSUPPORTED and self._may_fall_back():
                self._should_fall_back = True
                return
            self._refuse(f"broker {self.address} refuses the service: {reason}")
            return
        self._connection += 1
        self.publish_refusal = ""
        self._was_accepted = True
        self._receipts.begin(getattr(props, "ReceiveMaximum", MOST_IN_FLIGHT))
        client.drop_out_messages()  # commands of before have had their time
        is_5 = self._protocol == "5"
        options = [(topic, SubscribeOptions(qos)) if is_5 else (topic, qos) for topic, qos in TOPICS]
        client.subscribe(options)  # type: ignore[arg-type]

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, reasons: list[ReasonCode], _props: Properties | None
    ) -> None:
        refused = [topic for (topic, _), reason in zip(TOPICS, reasons, strict=False) if reason.is_failure]
        if refused:
            self._refuse(f"broker {self.address} does not let the service hear {', '.join(refused)}")
            return
        self.is_connected, self.refusal, self._has_complained = True, None, False
        log.info("broker %s: connected, MQTT %s", self.address, self._protocol)
        self._settled.set()

    def _on_connect_fail(self, _client: Client, _data: object) -> None:
        self._complain(f"broker {self.address} cannot be reached; trying again for ever")
        self._settled.set()

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _props: Properties | None,
    ) -> None:
        self.is_connected = False
        if self._may_fall_back():
            self._should_fall_back = True
        elif self.refusal is None:
            self._complain(f"broker {self.address} is gone: {reason}; trying again for ever")
        self._intake.wake()

    def _may_fall_back(self) -> bool:
        is_untried = not self._was_accepted and self.refusal is None
        return is_untried and self._settings.protocol == "auto" and self._protocol == "5"

    def _refuse(self, text: str) -> None:
        self.refusal = text
        self._complain(text)
        self._settled.set()

    def _complain(self, text: str) -> None:
        """The first failure is said aloud, the rest quietly."""
        log.log(logging.DEBUG if self._has_complained else logging.WARNING, "%s", text)
        self._has_complained = True
