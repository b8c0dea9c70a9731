"""The service's end of the broker: the only file that imports paho here.

paho's callbacks only append to the intake; a lock of ours around `publish` and again in a callback would
deadlock. Messages are acknowledged by hand once their group is committed, and the receive maximum bounds what
lies between. The session is kept by the broker, so a restart goes on with what was not acknowledged.

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
from ingest.intake import Intake, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from paho.mqtt.reasoncodes import ReasonCode

    from ingest.config import BrokerSettings

log = logging.getLogger(__name__)

SESSION_S = 7 * 86400
MAX_RECEIPTS = 20_000  # under way at once; a unit whose receipt is dropped sends again
RETRY_AT_MOST_S = (15, 30)
UNSUPPORTED = 0x84
LIVE = "/live"
TOPICS = ((f"{wire.PREFIX}/+/batch", 1), (f"{wire.PREFIX}/+/birth", 1), (f"{wire.PREFIX}/+/live", 0))


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
        self.is_connected = False
        self.refusal: str | None = None
        self._client = self._made()

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
        for message in messages:
            if message.qos and message.connection == self._connection:
                self._client.ack(message.mid, message.qos)

    def publish(self, topic: str, payload: bytes, *, is_retained: bool) -> bool:
        """Hand a message to the broker at QoS 1; False when it could not be taken."""
        info = self._client.publish(topic, payload, 1, retain=is_retained)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _session(self) -> dict[str, Any]:
        if self._protocol != "5":
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._session_s
        properties.ReceiveMaximum = self._settings.receive_maximum
        properties.MaximumPacketSize = 2 * wire.MAX_BATCH_BYTES
        return {"clean_start": False, "properties": properties}

    def _made(self) -> Client:
        is_5 = self._protocol == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.client_id,
            clean_session=None if is_5 else self._session_s == 0,
            protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        if self._settings.username:
            client.username_pw_set(self._settings.username, self._password)
        if self._settings.is_tls:
            client.tls_set_context(self._tls())
        client.max_inflight_messages_set(self._settings.receive_maximum)
        client.max_queued_messages_set(MAX_RECEIPTS)
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

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        topic = message.topic
        came = Message(
            topic,
            bytes(message.payload),
            message.mid,
            message.qos,
            message.retain,
            self._connection,
            self._mono_s(),
        )
        if topic.endswith(LIVE):
            self._intake.put_live(came)
        else:
            self._intake.put(came)

    def _on_connect(
        self,
        client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _props: Properties | None,
    ) -> None:
        if reason.is_failure:
            if reason.value == UNSUPPORTED and self._may_fall_back():
                self._should_fall_back = True
                return
            self._refuse(f"broker {self.address} refuses the service: {reason}")
            return
        self._connection += 1
        self._was_accepted = True
        client.drop_out_messages()  # receipts of before: every birth is answered anew
        options = [
            (topic, SubscribeOptions(qos)) if self._protocol == "5" else (topic, qos) for topic, qos in TOPICS
        ]
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
