"""An MQTT client without a socket: what came goes in, events and what to write come out, time is passed in.

MQTT 5 and 3.1.1, as a client that publishes with QoS 0 and 1 and hears with QoS 0 and 1; the packets stand in
mqtt_packets.py.

    owner                      core                        broker
    connect, feed      ──▶  output           ──▶     CONNECT, PUBLISH, PINGREQ, PUBACK
    events             ◀──  feed, step       ◀──     CONNACK, PUBACK, PUBLISH, PINGRESP, DISCONNECT

A publish of QoS 1 is held until its PUBACK, as many as the broker's Receive Maximum allows and at most
`window`. When the broker has kept the session they go out again, marked as repeats; when it has not, they are
given back as `Forgotten`: whether they are to be sent again is for the owner to say. What comes with QoS 1 is
acknowledged when the owner has dealt with it. A silent line is known by a PINGREQ without its answer.

Whatever a broker sends, no exception leaves `feed`: what cannot be is the event `Ended`, and the owner
closes.
"""

from firmware.line import mqtt_packets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Event = Any

LEVELS = (5, 4)  # of MQTT 5 and 3.1.1
ANSWER_MS = 10_000  # until a CONNACK or PINGRESP must have come
_UNSUPPORTED_VERSION = 0x84  # and 1 in 3.1.1


class Opened:
    """The broker lets us in; `is_resumed`: it has kept our session."""

    def __init__(self, is_resumed: bool) -> None:
        self.is_resumed = is_resumed


class Refused:
    """The broker does not let us in: the code of its CONNACK, and whether the other level is worth a try."""

    def __init__(self, code: int, is_other_level_next: bool) -> None:
        self.code = code
        self.is_other_level_next = is_other_level_next


class Taken:
    """A publish was acknowledged: 0, 0x10 for nobody heard it, or from 0x80 on why it was refused."""

    def __init__(self, number: int, code: int) -> None:
        self.number = number
        self.code = code


class Forgotten:
    """The broker has not kept the session: these publishes will not be acknowledged."""

    def __init__(self, numbers: "list[int]") -> None:
        self.numbers = numbers


class Subscribed:
    """The answer to a subscription: granted QoS, or from 0x80 on why it was refused."""

    def __init__(self, number: int, code: int) -> None:
        self.number = number
        self.code = code


class Came:
    """A message; with `number` above 0 it is to be acknowledged once it is dealt with."""

    def __init__(self, topic: str, payload: bytes, number: int, is_repeat: bool, is_retained: bool) -> None:
        self.topic = topic
        self.payload = payload
        self.number = number
        self.is_repeat = is_repeat
        self.is_retained = is_retained


class Ended:
    """The connection is of no more use: `cause` is silent, malformed, too_large or closed with its code."""

    def __init__(self, cause: str, code: int = 0) -> None:
        self.cause = cause
        self.code = code


class Will:
    """What the broker says, retained, when we are gone without a word."""

    def __init__(self, topic: str, payload: bytes) -> None:
        self.topic = topic
        self.payload = payload


class Core:
    """One client. After `connect` feed it what comes and write what `output` gives; `step` now and then."""

    def __init__(
        self,
        client_id: str,
        keep_alive_s: int = 60,
        session_s: int = 0,
        window: int = 4,
        username: "str | None" = None,
        password: "bytes | None" = None,
    ) -> None:
        """`session_s`: how long the broker is to keep our session; 0: it ends with the connection."""
        self._client_id = client_id
        self._keep_alive_s = keep_alive_s
        self._session_s = session_s
        self._window = window
        self._username = username
        self._password = password
        self._held: dict[int, bytes] = {}  # sent with QoS 1, not acknowledged
        self._number = 0
        self.level = LEVELS[0]
        self._begin(0)

    def _begin(self, now_ms: int) -> None:
        self._in = bytearray()
        self._out = bytearray()
        self.is_open = False
        self._is_ended = False
        self._room = self._window
        self._max_packet = 268435455
        self._is_retain_known = True
        self._idle_s = self._keep_alive_s
        self._sent_ms = now_ms
        self._asked_ms: "int | None" = now_ms  # since when an answer is due

    # --- what the owner does ----------------------------------------------------------------------------

    def connect(self, now_ms: int, will: "Will | None" = None, level: int = 5) -> None:
        """Begin on a new connection; what was not acknowledged is still held."""
        self.level = level
        self._begin(now_ms)
        self._out += mqtt_packets.connect(
            level,
            self._client_id,
            self._keep_alive_s,
            self._session_s,
            None if will is None else (will.topic, will.payload),
            self._username,
            self._password,
        )

    def publish(
        self, topic: str, payload: bytes, qos: int, now_ms: int, is_retained: bool = False
    ) -> "int | None":
        """Its number (0 for QoS 0); None when there is no room for it now. ValueError: never will be."""
        head = mqtt_packets.text(topic)
        if len(head) + len(payload) + 16 > self._max_packet:
            raise ValueError("a message of %d bytes, the broker takes %d" % (len(payload), self._max_packet))
        if not self.is_open or (qos and len(self._held) >= self._room):
            return None
        number = self._next_number() if qos else 0
        is_retained = is_retained and self._is_retain_known
        packet = mqtt_packets.publish(self.level, head, payload, number, is_retained)
        if qos:
            self._held[number] = packet
        self._out += packet
        self._sent_ms = now_ms
        return number

    def subscribe(self, topic: str, now_ms: int) -> int:
        """Ask for a topic with QoS 1; the number that `Subscribed` will bear."""
        number = self._next_number()
        self._put(mqtt_packets.subscribe(self.level, number, topic), now_ms)
        return number

    def unsubscribe(self, topic: str, now_ms: int) -> None:
        """Hear no more of a topic; nothing tells when the broker has done it."""
        self._put(mqtt_packets.unsubscribe(self.level, self._next_number(), topic), now_ms)

    def acknowledge(self, number: int, now_ms: int) -> None:
        """A message that came with QoS 1 was dealt with."""
        if number:
            self._put(mqtt_packets.puback(number), now_ms)

    def forget(self, number: int) -> None:
        """Do not hold this publish any longer: its owner will send it as another one."""
        self._held.pop(number, None)

    def disconnect(self) -> None:
        """Say good-bye: the will is not told."""
        self._out += mqtt_packets.packet(mqtt_packets.DISCONNECT << 4, b"")
        self.is_open = False

    def output(self) -> bytes:
        """What is to be written now; it is given once."""
        given, self._out = bytes(self._out), bytearray()
        return given

    def step(self, now_ms: int) -> "list[Event]":
        """What time brings: a PINGREQ when the line was idle, an end when its answer does not come."""
        if self._is_ended:
            return []
        if self._asked_ms is not None:
            return [self._end("silent")] if now_ms - self._asked_ms >= ANSWER_MS else []
        if self.is_open and self._idle_s and now_ms - self._sent_ms >= self._idle_s * 1000:
            self._put(mqtt_packets.packet(mqtt_packets.PINGREQ << 4, b""), now_ms)
            self._asked_ms = now_ms
        return []

    def wait_ms(self, now_ms: int) -> int:
        """How long `step` will have nothing to do."""
        if self._asked_ms is not None:
            return max(0, self._asked_ms + ANSWER_MS - now_ms)
        return max(0, self._sent_ms + (self._idle_s or 3600) * 1000 - now_ms)

    # --- what comes -------------------------------------------------------------------------------------

    def feed(self, data: bytes, now_ms: int) -> "list[Event]":
        """The events that these bytes complete."""
        events: "list[Event]" = []
        try:
            self._in += data
            while not self._is_ended:
                found = mqtt_packets.cut(self._in)
                if found is None:
                    break
                events += self._take(found[0], found[1], now_ms)
        except (mqtt_packets.TooLarge, MemoryError):  # or more than this board has left
            events.append(self._end("too_large"))
        except mqtt_packets.Malformed:
            events.append(self._end("malformed"))
        return events

    def _take(self, first: int, body: bytes, now_ms: int) -> "list[Event]":
        kind, flags = first >> 4, first & 15
        if self.is_open == (kind == mqtt_packets.CONNACK) or (flags and kind != mqtt_packets.PUBLISH):
            raise mqtt_packets.Malformed("order")
        if kind == mqtt_packets.CONNACK:
            return self._connack(body, now_ms)
        if kind == mqtt_packets.PUBLISH:
            topic, payload, number = mqtt_packets.published(body, flags >> 1 & 3, self.level)
            return [Came(topic, payload, number, bool(flags & 8), bool(flags & 1))]
        if kind == mqtt_packets.PUBACK:
            number, code = mqtt_packets.pubacked(body, self.level)
            is_held = self._held.pop(number, None) is not None
            return [Taken(number, code)] if is_held else []  # a second one
        if kind == mqtt_packets.SUBACK:
            number, code = mqtt_packets.subacked(body, self.level)
            return [Subscribed(number, code)]
        if kind == mqtt_packets.UNSUBACK or (kind == mqtt_packets.PINGRESP and not body):
            if kind == mqtt_packets.PINGRESP:
                self._asked_ms = None
            return []
        if kind == mqtt_packets.DISCONNECT and self.level == 5:
            return [self._end("closed", body[0] if body else 0)]
        raise mqtt_packets.Malformed("type")

    def _connack(self, body: bytes, now_ms: int) -> "list[Event]":
        is_resumed, code, limits = mqtt_packets.connacked(body, self.level)
        if code or (self.level == 5) != (len(body) > 2):
            # A broker of the one level answers the other in its own form.
            self._end("refused")
            is_other = code == (_UNSUPPORTED_VERSION if len(body) > 2 else 1)
            return [Refused(code, is_other or not code)]
        self._keep_to(limits)
        self.is_open = True
        self._asked_ms = None
        self._sent_ms = now_ms
        events: "list[Event]" = [Opened(is_resumed)]
        if is_resumed:
            for number in sorted(self._held):
                self._out += mqtt_packets.again(self._held[number])
        elif self._held:
            events.append(Forgotten(sorted(self._held)))
            self._held = {}
        return events

    def _keep_to(self, limits: "dict[int, int]") -> None:
        self._room = min(self._window, limits.get(mqtt_packets.RECEIVE_MAX, self._window))
        self._max_packet = limits.get(mqtt_packets.MAX_PACKET, self._max_packet)
        self._is_retain_known = limits.get(mqtt_packets.RETAIN_AVAILABLE, 1) == 1
        self._idle_s = limits.get(mqtt_packets.SERVER_KEEP_ALIVE, self._keep_alive_s)

    # --- inside -----------------------------------------------------------------------------------------

    def _end(self, cause: str, code: int = 0) -> Ended:
        self.is_open = False
        self._is_ended = True
        self._asked_ms = None
        self._in = bytearray()
        return Ended(cause, code)

    def _put(self, packet: bytes, now_ms: int) -> None:
        self._out += packet
        self._sent_ms = now_ms

    def _next_number(self) -> int:
        while True:
            self._number = self._number % 65535 + 1
            if self._number not in self._held:
                return self._number
