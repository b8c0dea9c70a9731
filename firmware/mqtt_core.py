"""An MQTT client without a socket: what came goes in, events and what to write come out, time is passed in.

MQTT 5 and 3.1.1 (OASIS), as a client that publishes with QoS 0 and 1 and hears with QoS 0 and 1:

    type and flags u8 | length, a varint of at most 4 bytes | packet

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

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Event = Any

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 1, 2, 3, 4, 8, 9, 10, 11
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

LEVELS = (5, 4)  # of MQTT 5 and 3.1.1
ANSWER_MS = 10_000  # until a CONNACK or PINGRESP must have come
MAX_PACKET_BYTES = 8192  # that a board takes; a receipt has at most 4 kB
MAX_TOPIC_BYTES = 128
UNSUPPORTED_VERSION = 0x84  # and 1 in 3.1.1

# Properties by identifier: bytes of a number, or "text", "pair", "varint".
_PROPERTIES: "dict[int, int | str]" = {0x0B: "varint", 0x26: "pair"}
_PROPERTIES.update({what: "text" for what in (0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F)})
_PROPERTIES.update({what: 1 for what in (0x01, 0x24, 0x25, 0x28, 0x29, 0x2A)})
_PROPERTIES.update({what: 2 for what in (0x13, 0x21, 0x22, 0x23)})
_PROPERTIES.update({what: 4 for what in (0x02, 0x11, 0x27)})
_SERVER_KEEP_ALIVE, _RECEIVE_MAX, _RETAIN_AVAILABLE, _MAX_PACKET = 0x13, 0x21, 0x25, 0x27


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


class _Malformed(ValueError):
    """What no broker may send."""


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
        flags = 0 if self._session_s else 2
        body = _text("MQTT") + bytes((level, 0)) + struct.pack(">H", self._keep_alive_s)
        if level == 5:
            properties = b"\x11" + struct.pack(">I", self._session_s)
            properties += b"\x27" + struct.pack(">I", MAX_PACKET_BYTES)
            body += bytes((len(properties),)) + properties
        body += _text(self._client_id)
        if will is not None:
            flags |= 0x04 | 1 << 3 | 0x20  # QoS 1, retained
            body += (b"\x00" if level == 5 else b"") + _text(will.topic)
            body += struct.pack(">H", len(will.payload)) + will.payload
        if self._username is not None:
            flags |= 0x80
            body += _text(self._username)
        if self._password is not None:
            flags |= 0x40
            body += struct.pack(">H", len(self._password)) + self._password
        self._put(CONNECT << 4, body[:7] + bytes((flags,)) + body[8:])

    def publish(
        self, topic: str, payload: bytes, qos: int, now_ms: int, is_retained: bool = False
    ) -> "int | None":
        """Its number (0 for QoS 0); None when there is no room for it now. ValueError: never will be."""
        head = _text(topic)
        if len(head) + len(payload) + 16 > self._max_packet:
            raise ValueError("a message of %d bytes, the broker takes %d" % (len(payload), self._max_packet))
        if not self.is_open or (qos and len(self._held) >= self._room):
            return None
        is_retained = is_retained and self._is_retain_known
        number = self._next_number() if qos else 0
        packet = _packet(
            PUBLISH << 4 | qos << 1 | is_retained,
            head
            + (struct.pack(">H", number) if qos else b"")
            + (b"\x00" if self.level == 5 else b"")
            + payload,
        )
        if qos:
            self._held[number] = packet
        self._out += packet
        self._sent_ms = now_ms
        return number

    def subscribe(self, topic: str, now_ms: int) -> int:
        """Ask for a topic with QoS 1; the number that `Subscribed` will bear."""
        number = self._next_number()
        body = struct.pack(">H", number) + (b"\x00" if self.level == 5 else b"")
        self._put(SUBSCRIBE << 4 | 2, body + _text(topic) + b"\x01")
        self._sent_ms = now_ms
        return number

    def unsubscribe(self, topic: str, now_ms: int) -> None:
        """Hear no more of a topic; nothing tells when the broker has done it."""
        body = struct.pack(">H", self._next_number()) + (b"\x00" if self.level == 5 else b"")
        self._put(UNSUBSCRIBE << 4 | 2, body + _text(topic))
        self._sent_ms = now_ms

    def acknowledge(self, number: int, now_ms: int) -> None:
        """A message that came with QoS 1 was dealt with."""
        if number:
            self._put(PUBACK << 4, struct.pack(">H", number))
            self._sent_ms = now_ms

    def forget(self, number: int) -> None:
        """Do not hold this publish any longer: its owner will send it as another one."""
        self._held.pop(number, None)

    def disconnect(self) -> None:
        """Say good-bye: the will is not told."""
        self._put(DISCONNECT << 4, b"")
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
            self._put(PINGREQ << 4, b"")
            self._sent_ms = self._asked_ms = now_ms
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
        self._in += data
        try:
            while not self._is_ended:
                found = self._cut()
                if found is None:
                    break
                events += self._take(found[0], found[1], now_ms)
        except _TooLarge:
            events.append(self._end("too_large"))
        except _Malformed:
            events.append(self._end("malformed"))
        return events

    def _cut(self) -> "tuple[int, bytes] | None":
        """(first byte, packet) of the first whole packet."""
        if len(self._in) < 2:
            return None
        size = shift = 0
        at = 1
        while True:
            if at > 4:
                raise _Malformed("length")
            if at >= len(self._in):
                return None
            byte = self._in[at]
            size |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                break
        if size + at > MAX_PACKET_BYTES:
            raise _TooLarge("packet")
        if len(self._in) < at + size:
            return None
        first, packet = self._in[0], bytes(self._in[at : at + size])
        self._in[: at + size] = b""
        return first, packet

    def _take(self, first: int, packet: bytes, now_ms: int) -> "list[Event]":
        kind, flags = first >> 4, first & 15
        if self.is_open == (kind == CONNACK) or (flags and kind != PUBLISH):
            raise _Malformed("order")
        if kind == CONNACK:
            return self._connack(packet, now_ms)
        if kind == PUBLISH:
            return [self._came(flags, packet)]
        if kind == PUBACK:
            return self._puback(packet)
        if kind == SUBACK:
            return self._suback(packet)
        if kind == UNSUBACK or (kind == PINGRESP and not packet):
            if kind == PINGRESP:
                self._asked_ms = None
            return []
        if kind == DISCONNECT and self.level == 5:
            return [self._end("closed", packet[0] if packet else 0)]
        raise _Malformed("type")

    def _connack(self, packet: bytes, now_ms: int) -> "list[Event]":
        if len(packet) < 2 or packet[0] > 1:
            raise _Malformed("connack")
        code = packet[1]
        if code or (self.level == 5) != (len(packet) > 2):
            # A broker of the one level answers the other in its own form.
            self._end("refused")
            is_other = code == (UNSUPPORTED_VERSION if len(packet) > 2 else 1)
            return [Refused(code, is_other or not code)]
        if self.level == 5:
            self._limits(packet)
        self.is_open = True
        self._asked_ms = None
        self._sent_ms = now_ms
        is_resumed = packet[0] == 1
        events: "list[Event]" = [Opened(is_resumed)]
        if is_resumed:
            for number in sorted(self._held):
                packet = self._held[number]
                self._out += bytes((packet[0] | 8,)) + packet[1:]
        elif self._held:
            events.append(Forgotten(sorted(self._held)))
            self._held = {}
        return events

    def _limits(self, packet: bytes) -> None:
        found, _ = _properties(packet, 2)
        self._room = min(self._window, found.get(_RECEIVE_MAX, self._window))
        self._max_packet = found.get(_MAX_PACKET, self._max_packet)
        self._is_retain_known = found.get(_RETAIN_AVAILABLE, 1) == 1
        self._idle_s = found.get(_SERVER_KEEP_ALIVE, self._keep_alive_s)

    def _came(self, flags: int, packet: bytes) -> Came:
        qos = flags >> 1 & 3
        size = _u16(packet, 0)
        at = 2 + size
        if qos > 1 or size > MAX_TOPIC_BYTES or at > len(packet):
            raise _Malformed("publish")
        number = 0
        if qos:
            number, at = _u16(packet, at), at + 2
            if not number:
                raise _Malformed("publish")
        if self.level == 5:
            _, at = _properties(packet, at)
        try:
            topic = str(packet[2 : 2 + size], "utf-8")
        except ValueError:
            raise _Malformed("publish")
        return Came(topic, packet[at:], number, bool(flags & 8), bool(flags & 1))

    def _puback(self, packet: bytes) -> "list[Event]":
        number = _u16(packet, 0)
        if self.level != 5 and len(packet) != 2:
            raise _Malformed("puback")
        if self._held.pop(number, None) is None:
            return []  # a second one
        return [Taken(number, packet[2] if len(packet) > 2 else 0)]

    def _suback(self, packet: bytes) -> "list[Event]":
        number, at = _u16(packet, 0), 2
        if self.level == 5:
            _, at = _properties(packet, at)
        if len(packet) != at + 1:
            raise _Malformed("suback")
        return [Subscribed(number, packet[at])]

    # --- inside -----------------------------------------------------------------------------------------

    def _end(self, cause: str, code: int = 0) -> Ended:
        self.is_open = False
        self._is_ended = True
        self._asked_ms = None
        self._in = bytearray()
        return Ended(cause, code)

    def _put(self, first: int, body: bytes) -> None:
        self._out += _packet(first, body)

    def _next_number(self) -> int:
        while True:
            self._number = self._number % 65535 + 1
            if self._number not in self._held:
                return self._number


class _TooLarge(_Malformed):
    """More than a board takes."""


def _packet(first: int, body: bytes) -> bytes:
    head = bytearray((first,))
    size = len(body)
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return bytes(head) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _u16(packet: bytes, at: int) -> int:
    if at + 2 > len(packet):
        raise _Malformed("short")
    return packet[at] << 8 | packet[at + 1]


def _properties(packet: bytes, at: int) -> "tuple[dict[int, int], int]":
    """(the numbers among the properties, where they end)."""
    size, at = _varint(packet, at)
    end = at + size
    if end > len(packet):
        raise _Malformed("properties")
    found: "dict[int, int]" = {}
    while at < end:
        what = packet[at]
        form = _PROPERTIES.get(what)
        at += 1
        if form == "varint":
            found[what], at = _varint(packet, at)
        elif form in ("text", "pair"):
            for _ in range(2 if form == "pair" else 1):
                at += 2 + _u16(packet, at)
        elif isinstance(form, int):
            if at + form > end:
                raise _Malformed("properties")
            found[what] = int.from_bytes(packet[at : at + form], "big")
            at += form
        else:
            raise _Malformed("properties")
    if at != end:
        raise _Malformed("properties")
    return found, end


def _varint(packet: bytes, at: int) -> "tuple[int, int]":
    value = shift = 0
    while shift < 28:
        if at >= len(packet):
            raise _Malformed("varint")
        value |= (packet[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if packet[at - 1] < 128:
            return value, at
    raise _Malformed("varint")
