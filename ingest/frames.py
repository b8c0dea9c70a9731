"""The two MQTT packets that come in thousands, PUBLISH and PUBACK: bytes in, bytes out. Pure.

A client library reads a packet by four system calls and makes a dozen objects of it. Here a whole read's
worth of packets is cut up at once, and what goes out is joined to one write. Every other packet, and whatever
looks wrong, is left to the library.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_PUBLISH, _PUBACK = 0x30, 0x40
_RETAINED_AT_ONE = 0x33
_pack_ack = struct.Struct("!BBH").pack


class Publish(NamedTuple):
    """A message as it came, at QoS 0 or 1."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    is_retained: bool


class Puback(NamedTuple):
    """The broker's answer to a message of ours; `reason` from 128 on is a refusal."""

    mid: int
    reason: int


class Cut(NamedTuple):
    """What stood at the front of the bytes: `taken` of them; `is_other`: what follows is not for us."""

    publishes: list[Publish]
    pubacks: list[Puback]
    taken: int
    is_other: bool


class _Other(Exception):
    """A packet for the library."""


def cut(data: bytes, *, is_5: bool) -> Cut:
    """All whole PUBLISH and PUBACK packets up to the first other packet or the first torn one."""
    publishes: list[Publish] = []
    pubacks: list[Puback] = []
    at, end = 0, len(data)
    try:
        while at + 2 <= end:
            first = data[at]
            if first & 0xF0 not in (_PUBLISH, _PUBACK):
                return Cut(publishes, pubacks, at, is_other=True)
            size, body = _number(data, at + 1, min(end, at + 5))
            if body < 0 or body + size > end:
                break
            if first & 0xF0 == _PUBACK:
                pubacks.append(_puback(data, body, size))
            else:
                publishes.append(_publish(data, first, body, body + size, is_5=is_5))
            at = body + size
    except (_Other, IndexError, UnicodeDecodeError):
        return Cut(publishes, pubacks, at, is_other=True)
    return Cut(publishes, pubacks, at, is_other=False)


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A variable byte integer and the place after it, -1 when it is torn."""
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    if shift > 21:
        raise _Other
    return value, -1


def _puback(data: bytes, body: int, size: int) -> Puback:
    if size < 2:
        raise _Other
    return Puback(data[body] << 8 | data[body + 1], data[body + 2] if size > 2 else 0)


def _publish(data: bytes, first: int, body: int, end: int, *, is_5: bool) -> Publish:
    topic_end = body + 2 + (data[body] << 8 | data[body + 1])
    qos, mid, at = first >> 1 & 3, 0, topic_end
    if qos == 1:
        mid = data[at] << 8 | data[at + 1]
        at += 2
    if is_5:
        size, at = _number(data, at, at + 4)
        at += size
    if qos > 1 or at > end:
        raise _Other
    return Publish(str(data[body + 2 : topic_end], "utf-8"), data[at:end], mid, qos, bool(first & 1))


def pubacks(mids: Iterable[int]) -> bytes:
    """The acknowledgements of these messages as one write."""
    return b"".join([_pack_ack(_PUBACK, 2, mid) for mid in mids])


def retained(topic: str, mid: int, payload: bytes, *, is_5: bool) -> bytes:
    """A retained message at QoS 1."""
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name + mid.to_bytes(2, "big") + (b"\0" if is_5 else b"") + payload
    size, length = len(body), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    length.append(size)
    return bytes([_RETAINED_AT_ONE]) + bytes(length) + body
