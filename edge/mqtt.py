"""MQTT: the only paho import. Opens one connection at a time, publishes, and says what happened.

paho's callbacks only append to a queue: a lock of ours around `publish` and again in `on_publish` would
deadlock. Each connection has a client of its own, so nothing of the last one can stand between the outbox and
the wire: what was under way is the uplink's to send again. MQTT 5 is tried first, since it says why a publish
was refused where 3.1.1 answers as if all were fine; a broker that does not speak it gets 3.1.1.
"""

# ruff: noqa: E402 - what paho shall not load has to be settled before paho
from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.late_import import postpone

postpone("urllib", "request")  # paho asks it for a proxy, where it finds PySocks; it costs 3 MB

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable

SESSION_S = 7 * 86400  # the broker keeps commands for a unit that is away so long
MOST_EVENTS = 1000
CONNECT_TIMEOUT_S = 10.0
CLOSE_S = 1.0  # for the last word, before the socket is shut
MOST_BYTES = wire.MAX_BATCH_BYTES  # of one packet to us: a broker that speaks MQTT 5 drops what is larger
NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME, which `ssl` does not name
PROTOCOLS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
MAX_PASSWORD_BYTES = 1024
REFUSED = 0x80
NOT_AUTHORIZED, UNSUPPORTED_PROTOCOL, KEEPALIVE_TIMEOUT = 0x87, 0x84, 0x8D
# Why a connection could not be, or ended: the codes of `Closed`.
CAUSES = ("settings", "unreachable", "refused", "dropped", "taken_over", "quota", "not_authorized")
WORDS = {0x8E: "taken_over", 0x97: "quota", NOT_AUTHORIZED: "not_authorized"}


@dataclass(frozen=True, slots=True)
class Opened:
    protocol: str


@dataclass(frozen=True, slots=True)
class Closed:
    """An attempt failed, or the connection ended.

    `is_other_protocol_next`: worth another attempt at once. `is_broker_gone`: the path is there, and at its
    end nobody accepts us, or somebody has cut us off.
    """

    code: str
    detail: str
    is_other_protocol_next: bool = False
    is_broker_gone: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """The broker has answered a publish: `code` 0, or why it refused or delivered to nobody."""

    number: int
    code: int
    detail: str


@dataclass(frozen=True, slots=True)
class Came:
    leaf: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a blob of a release of firmware."""

    digest: str
    number: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Denied:
    """The broker does not let us hear what is meant for us."""

    detail: str


Event = Opened | Closed | Taken | Came | Part | Denied


class _Context(ssl.SSLContext):
    """Remembers its last socket: paho leaves it open when the handshake fails."""

    _last: ssl.SSLSocket | None = None

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        self._last = super().wrap_socket(*arguments, **options)
        return self._last

    def close(self) -> None:
        if self._last is not None:
            self._last.close()


class _Client(paho.Client):
    """Says when what came has ended its loop: else paho's thread dies, and the connection looks alive."""

    on_broken: Callable[[Exception], None] | None = None
    is_broken = False

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except Exception as error:  # noqa: BLE001 - whatever a peer can make paho stumble over
            self.is_broken = True
            if self.on_broken is not None:
                self.on_broken(error)
            return MQTTErrorCode.MQTT_ERR_PROTOCOL


class Mqtt:
    """One connection at a time to one broker. `wake` is called from paho's thread when an event waits."""

    def __init__(
        self,
        unit: str,
        host: str,
        port: int,
        *,
        wake: Callable[[], None],
        username: str = "",
        password_file: str = "",
        is_tls: bool = False,
        ca_file: str = "",
        certificate_file: str = "",
        key_file: str = "",
        protocol: str = "auto",
        known_protocol: str | None = None,
        keepalive_s: int = 30,
    ) -> None:
        self._unit, self._host, self._port = unit, host, port
        self._username, self._password_file = username, password_file
        self._is_tls, self._ca_file = is_tls, ca_file
        self._certificate_file, self._key_file = certificate_file, key_file
        self._is_auto = protocol == "auto"
        self._protocol = (known_protocol or "5") if self._is_auto else protocol
        self._has_spoken_5 = known_protocol == "5"
        self._keepalive_s = keepalive_s
        self._wake = wake
        self._client: _Client | None = None
        self._switching = threading.Lock()
        self._context: _Context | None = None
        self._is_accepted = False
        self._refusal: tuple[int, str] | None = None
        self._events: deque[Event] = deque()

    @property
    def address(self) -> str:
        return f"{self._host}:{self._port}"

    def open(self, will: bytes, *, is_clock_good: bool = True) -> None:
        """Begin to connect; the outcome is an event. Without a good clock certificates may be outdated."""
        self.close()
        self._is_accepted, self._refusal = False, None
        try:
            client = self._client_for(will, is_clock_good=is_clock_good)
        except OSError as error:  # of a file with a password or a certificate: ssl.SSLError is one, too
            self._put(Closed("settings", _file_trouble(error)))
            return
        except ValueError as error:
            self._put(Closed("settings", f"[broker] password_file: {self._password_file}: {error}"))
            return
        self._client = client
        threading.Thread(target=self._connect, args=(client,), name="mqtt-connect", daemon=True).start()

    def close(self, last: bytes | None = None) -> None:
        """End the connection at once; with `last` as the unit's birth topic's final word, sent before."""
        with self._switching:
            client, self._client = self._client, None
        if client is None:
            return
        if last is not None and self._is_accepted:
            info = client.publish(wire.topic(self._unit, "birth"), last, 1, retain=True)
            with contextlib.suppress(RuntimeError, ValueError):
                info.wait_for_publish(1.0)
        client.on_disconnect = client.on_connect = client.on_message = client.on_publish = None
        client.on_broken = None
        client.disconnect()
        _shut(client)
        with contextlib.suppress(RuntimeError):  # a loop for which there was no thread
            client.loop_stop()

    def subscribe(self) -> None:
        """Hear receipts and commands."""
        if self._client is not None:
            self._client.subscribe([(wire.topic(self._unit, leaf), 1) for leaf in wire.DOWN])

    def want_part(self, digest: str, part: int) -> None:
        """Have the broker send a part of a release's blob, which it keeps; it comes as `Part`."""
        if self._client is not None:
            self._client.subscribe(wire.part_topic(digest, part), 1)

    def drop_part(self, digest: str, part: int) -> None:
        """Hear no more of it: it would come again each time it is published."""
        if self._client is not None:
            self._client.unsubscribe(wire.part_topic(digest, part))

    def publish(self, leaf: str, payload: bytes, *, is_retained: bool = False) -> int | None:
        """Send at QoS 1; the number that `Taken` will name, None when there is no connection."""
        if self._client is None:
            return None
        info = self._client.publish(wire.topic(self._unit, leaf), payload, 1, retain=is_retained)
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    def publish_now(self, leaf: str, payload: bytes) -> bool:
        """Send at QoS 0, or not at all when the line is not even free of what went before."""
        if self._client is None or self._client.want_write():
            return False
        return self._client.publish(wire.topic(self._unit, leaf), payload, 0).rc == paho.MQTT_ERR_SUCCESS

    def events(self) -> list[Event]:
        """What has happened since the last call."""
        found: list[Event] = []
        while self._events:
            found.append(self._events.popleft())
        return found

    # --- making a client --------------------------------------------------------------------------------

    def _client_for(self, will: bytes, *, is_clock_good: bool) -> _Client:
        version = PROTOCOLS[self._protocol]
        is_new = version == MQTTProtocolVersion.MQTTv5
        client = _Client(
            CallbackAPIVersion.VERSION2,
            self._unit,
            clean_session=None if is_new else False,
            protocol=version,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.will_set(wire.topic(self._unit, "birth"), will, 1, retain=True)
        if self._username:
            client.username_pw_set(self._username, self._password())
        if self._is_tls:
            self._context = self._tls(is_clock_good=is_clock_good)
            client.tls_set_context(self._context)
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_broken = lambda error: self._broken(client, error)
        return client

    def _password(self) -> str | None:
        if not self._password_file:
            return None
        with Path(self._password_file).open("rb") as file:
            password = file.read(MAX_PASSWORD_BYTES + 1).strip(b"\r\n")
        if len(password) > MAX_PASSWORD_BYTES:
            raise ValueError(f"a password has at most {MAX_PASSWORD_BYTES} bytes")
        try:
            return password.decode()
        except UnicodeDecodeError:
            raise ValueError("is not text in UTF-8") from None

    def _tls(self, *, is_clock_good: bool) -> _Context:
        context = _Context(ssl.PROTOCOL_TLS_CLIENT)
        if self._ca_file:
            context.load_verify_locations(self._ca_file)
        else:
            context.load_default_certs()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._certificate_file:
            context.load_cert_chain(self._certificate_file, self._key_file)
        if not is_clock_good:
            # A unit that boots in 1970 could never connect; who signed the certificate still counts.
            context.verify_flags |= NO_CHECK_TIME
        return context

    def _connect(self, client: _Client) -> None:
        """The body of a thread: names are resolved and connections made without holding up the agent."""
        options: dict[str, Any] = {}
        if self._protocol == "5":
            options["properties"] = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            options["properties"].SessionExpiryInterval = SESSION_S
            options["properties"].MaximumPacketSize = MOST_BYTES
            options["clean_start"] = False
        try:
            client.connect(self._host, self._port, self._keepalive_s, **options)
            with self._switching:  # a loop can be stopped before it is begun or after, not meanwhile
                is_wanted = client is self._client
                if is_wanted:
                    client.loop_start()
        except Exception as error:  # noqa: BLE001 - an attempt that ends without a word would be the last
            if self._context is not None:
                self._context.close()
            is_there = isinstance(error, ConnectionRefusedError | ConnectionResetError)
            detail = f"{self.address}: {_reason(error)}"
            self._say(client, Closed("unreachable", detail, is_broker_gone=is_there))
            return
        if not is_wanted:
            client.disconnect()

    def _broken(self, client: paho.Client, error: Exception) -> None:
        with contextlib.suppress(OSError, AttributeError):
            client.socket().close()  # type: ignore[union-attr]
        detail = f"{self.address}: what came is no MQTT ({type(error).__name__}: {error})"
        self._say(client, Closed("dropped", detail, is_broker_gone=True))

    # --- paho's callbacks: they only append ---------------------------------------------------------------

    def _on_socket_open(self, _client: paho.Client, _data: Any, connected: Any) -> None:
        """A live position must not wait until what went before has been acknowledged: no Nagle."""
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            self._refusal = (code.value, str(code))  # `on_disconnect` follows, and does not know it
        else:
            self._is_accepted = True
            self._has_spoken_5 |= self._protocol == "5"
            self._say(client, Opened(self._protocol))

    def _on_disconnect(
        self, client: paho.Client, _data: Any, flags: Any, code: Any, _properties: Any
    ) -> None:
        if self._is_accepted:
            is_told = flags.is_disconnect_packet_from_server
            cause = WORDS.get(code.value, "dropped") if is_told else "connection_lost"
            is_cut = code.value != KEEPALIVE_TIMEOUT
            self._say(client, Closed(cause, f"{self.address}: {code}", is_broker_gone=is_cut))
            return
        value, text = self._refusal or (None, "closed before an answer")
        is_other = self._switch_protocol(value)
        self._say(client, Closed("refused", f"{self.address}: {text}", is_other, is_broker_gone=True))

    def _switch_protocol(self, code: int | None) -> bool:
        """Speak the other protocol next time, if that may have been the reason. Whether at once.

        Old brokers close without an answer (None). So do bad links, and those must not cost a unit MQTT 5.
        """
        may_be_it = code == UNSUPPORTED_PROTOCOL or (code is None and not self._has_spoken_5)
        if not self._is_auto or not may_be_it:
            return False
        was, self._protocol = self._protocol, "3.1.1" if self._protocol == "5" else "5"
        return was == "5"

    def _on_publish(self, client: paho.Client, _data: Any, mid: int, code: Any, _properties: Any) -> None:
        self._say(client, Taken(mid, code.value, str(code)))

    def _on_subscribe(self, client: paho.Client, _data: Any, _mid: int, codes: Any, _properties: Any) -> None:
        denied = [str(code) for code in codes if code.value >= REFUSED]
        if denied:
            self._say(client, Denied(f"{self.address}: {denied[0]}"))

    def _on_message(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if message.topic.startswith(wire.RELEASES):
            digest, _, number = message.topic.removeprefix(wire.RELEASES).partition("/")
            if number.isdecimal() and message.payload:  # empty: withdrawn
                self._say(client, Part(digest, int(number), bytes(message.payload)))
            return
        with contextlib.suppress(wire.WireError):  # a topic that we never asked for
            unit, leaf = wire.parse_topic(message.topic)
            if unit == self._unit and leaf in wire.DOWN:
                self._say(client, Came(leaf, bytes(message.payload)))

    def _say(self, client: paho.Client, event: Event) -> None:
        if client is self._client:
            self._put(event)

    def _put(self, event: Event) -> None:
        if len(self._events) < MOST_EVENTS or not isinstance(event, Came):
            self._events.append(event)
        self._wake()


def _shut(client: _Client) -> None:
    """Have the loop end: with nobody to take the last word it would wait for as long as the keepalive."""
    line, until_s = client.socket(), time.monotonic() + CLOSE_S
    if line is None:
        return
    while client.want_write() and not client.is_broken and time.monotonic() < until_s:
        time.sleep(0.005)
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "the name cannot be resolved"
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    return str(getattr(error, "strerror", None) or error).lower()


def _file_trouble(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"[broker] certificate_file, key_file or ca_file: {error.reason or error}"
    return f"[broker] {error.filename}: {error.strerror}"
