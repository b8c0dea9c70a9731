"""MQTT packets, 5 and 3.1.1 (OASIS): bytes <-> values, as a client has to write and read them.

    type and flags u8 | length, a varint of at most 4 bytes | packet

What no broker may send raises Malformed, and nothing else. No memory of a connection is here: mqtt_core.py.
"""

import struct

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK = 1, 2, 3, 4, 8, 9, 10, 11
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

MAX_PACKET_BYTES = 8192  # that a board takes; a receipt has at most 4 kB
_MAX_TOPIC_BYTES = 128

# Properties by identifier: bytes of a number, or "text", "pair", "varint".
_PROPERTIES: "dict[int, int | str]" = {0x0B: "varint", 0x26: "pair"}
_PROPERTIES.update({what: "text" for what in (0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F)})
_PROPERTIES.update({what: 1 for what in (0x01, 0x24, 0x25, 0x28, 0x29, 0x2A)})
_PROPERTIES.update({what: 2 for what in (0x13, 0x21, 0x22, 0x23)})
_PROPERTIES.update({what: 4 for what in (0x02, 0x11, 0x27)})
SERVER_KEEP_ALIVE, RECEIVE_MAX, RETAIN_AVAILABLE, MAX_PACKET = 0x13, 0x21, 0x25, 0x27


class Malformed(ValueError):
    """What no broker may send."""


class TooLarge(Malformed):
    """More than a board takes."""


# --- what a client writes -------------------------------------------------------------------------------


def packet(first: int, body: bytes) -> bytes:
    """Any packet: its first byte, its length, its body."""
    head = bytearray((first,))
    size = len(body)
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return bytes(head) + body


def connect(
    level: int,
    client_id: str,
    keep_alive_s: int,
    session_s: int,
    will: "tuple[str, bytes] | None",
    username: "str | None",
    password: "bytes | None",
) -> bytes:
    """CONNECT; `will`: topic and payload, retained; the broker is to keep the session for `session_s`."""
    flags = 0 if session_s else 2
    body = b""
    if level == 5:
        properties = b"\x11" + struct.pack(">I", session_s)
        properties += b"\x27" + struct.pack(">I", MAX_PACKET_BYTES)
        body += bytes((len(properties),)) + properties
    body += text(client_id)
    if will is not None:
        flags |= 0x04 | 1 << 3 | 0x20  # QoS 1, retained
        body += (b"\x00" if level == 5 else b"") + text(will[0]) + _blob(will[1])
    if username is not None:
        flags |= 0x80
        body += text(username)
    if password is not None:
        flags |= 0x40
        body += _blob(password)
    head = text("MQTT") + bytes((level, flags)) + struct.pack(">H", keep_alive_s)
    return packet(CONNECT << 4, head + body)


def publish(level: int, topic: bytes, payload: bytes, number: int, is_retained: bool) -> bytes:
    """PUBLISH; `topic` as `text` gives it; with a `number` of QoS 1, with 0 of QoS 0."""
    body = topic + (struct.pack(">H", number) if number else b"") + (b"\x00" if level == 5 else b"")
    return packet(PUBLISH << 4 | bool(number) << 1 | is_retained, body + payload)


def again(published: bytes) -> bytes:
    """The same PUBLISH, marked as a repeat."""
    return bytes((published[0] | 8,)) + published[1:]


def subscribe(level: int, number: int, topic: str) -> bytes:
    """SUBSCRIBE with QoS 1."""
    return packet(SUBSCRIBE << 4 | 2, _numbered(level, number) + text(topic) + b"\x01")


def unsubscribe(level: int, number: int, topic: str) -> bytes:
    """UNSUBSCRIBE."""
    return packet(UNSUBSCRIBE << 4 | 2, _numbered(level, number) + text(topic))


def puback(number: int) -> bytes:
    """PUBACK."""
    return packet(PUBACK << 4, struct.pack(">H", number))


def _numbered(level: int, number: int) -> bytes:
    return struct.pack(">H", number) + (b"\x00" if level == 5 else b"")


def text(given: str) -> bytes:
    """A text behind its length."""
    return _blob(given.encode())


def _blob(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


# --- what it reads --------------------------------------------------------------------------------------


def cut(held: bytearray) -> "tuple[int, bytes] | None":
    """Take the first whole packet out of `held`: (first byte, body); None while there is none."""
    at, size, byte = 1, 0, 128
    while byte > 127:
        if at > 4:
            raise Malformed("length")
        if at >= len(held):
            return None
        byte = held[at]
        size |= (byte & 127) << 7 * (at - 1)
        at += 1
    if size + at > MAX_PACKET_BYTES:
        raise TooLarge("packet")
    if len(held) < at + size:
        return None
    first, body = held[0], bytes(held[at : at + size])
    held[: at + size] = b""
    return first, body


def connacked(body: bytes, level: int) -> "tuple[bool, int, dict[int, int]]":
    """(is the session kept, code, what the broker allows by property)."""
    if len(body) < 2 or body[0] > 1:
        raise Malformed("connack")
    is_limited = level == 5 and len(body) > 2 and not body[1]
    return body[0] == 1, body[1], properties(body, 2)[0] if is_limited else {}


def published(body: bytes, qos: int, level: int) -> "tuple[str, bytes, int]":
    """(topic, payload, number or 0)."""
    size = u16(body, 0)
    at = 2 + size
    if qos > 1 or size > _MAX_TOPIC_BYTES or at > len(body):
        raise Malformed("publish")
    number = 0
    if qos:
        number, at = u16(body, at), at + 2
        if not number:
            raise Malformed("publish")
    if level == 5:
        _, at = properties(body, at)
    try:
        return str(body[2 : 2 + size], "utf-8"), body[at:], number
    except ValueError:
        raise Malformed("publish")


def pubacked(body: bytes, level: int) -> "tuple[int, int]":
    """(number, code)."""
    if level != 5 and len(body) != 2:
        raise Malformed("puback")
    return u16(body, 0), body[2] if len(body) > 2 else 0


def subacked(body: bytes, level: int) -> "tuple[int, int]":
    """(number, granted QoS or code)."""
    number, at = u16(body, 0), 2
    if level == 5:
        _, at = properties(body, at)
    if len(body) != at + 1:
        raise Malformed("suback")
    return number, body[at]


def u16(body: bytes, at: int) -> int:
    """The number of two bytes there."""
    if at + 2 > len(body):
        raise Malformed("short")
    return body[at] << 8 | body[at + 1]


def properties(body: bytes, at: int) -> "tuple[dict[int, int], int]":
    """(the numbers among the properties, where they end)."""
    size, at = varint(body, at)
    end = at + size
    if end > len(body):
        raise Malformed("properties")
    found: "dict[int, int]" = {}
    while at < end:
        what = body[at]
        form = _PROPERTIES.get(what)
        at += 1
        if form == "varint":
            found[what], at = varint(body, at)
        elif form in ("text", "pair"):
            for _ in range(2 if form == "pair" else 1):
                at += 2 + u16(body, at)
        elif isinstance(form, int):
            if at + form > end:
                raise Malformed("properties")
            found[what] = int.from_bytes(body[at : at + form], "big")
            at += form
        else:
            raise Malformed("properties")
    if at != end:
        raise Malformed("properties")
    return found, end


def varint(body: bytes, at: int) -> "tuple[int, int]":
    """(the number there, where it ends)."""
    value = shift = 0
    while shift < 28:
        if at >= len(body):
            raise Malformed("varint")
        value |= (body[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if body[at - 1] < 128:
            return value, at
    raise Malformed("varint")
