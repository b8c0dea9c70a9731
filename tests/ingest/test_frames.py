"""PUBLISH and PUBACK packets, against paho's own packing and cut at every place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import frames
from ingest.frames import Puback, Publish
from tests.fixtures.packets import packet


def publish(topic: str, payload: bytes, mid: int = 0, *, is_5: bool, properties: bytes = b"") -> bytes:
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name + (mid.to_bytes(2, "big") if mid else b"")
    if is_5:
        body += bytes([len(properties)]) + properties
    return packet(0x32 if mid else 0x30, body + payload)


CONTENT = st.lists(
    st.tuples(st.text("abc/é", min_size=1, max_size=20), st.binary(max_size=300), st.integers(0, 65535)),
    max_size=8,
)


@given(CONTENT, st.booleans(), st.data())
def test_packets_cut_anywhere_come_out_whole_and_once(
    content: list[tuple[str, bytes, int]], is_5: bool, data: st.DataObject
) -> None:
    stream = b"".join(publish(*one, is_5=is_5) for one in content)
    expected = [Publish(topic, payload, mid, min(mid, 1), False) for topic, payload, mid in content]
    at = data.draw(st.integers(0, len(stream)))
    first = frames.cut(stream[:at], is_5=is_5)
    second = frames.cut(stream[first.taken :], is_5=is_5)
    assert not first.is_other
    assert first.publishes + second.publishes == expected
    assert first.taken + second.taken == len(stream)


@pytest.mark.parametrize(
    "data", [b"\xd0\x00", b"\x90\x03\x00\x01\x01", b"\x34\x05\x00\x01a\x00\x01", b"\x32\x02\x00\x09"]
)
def test_other_packets_and_wrong_ones_are_left(data: bytes) -> None:
    good = publish("a", b"x", 1, is_5=True)
    found = frames.cut(good + data, is_5=True)
    assert (len(found.publishes), found.taken, found.is_other) == (1, len(good), True)


def test_properties_are_passed_over() -> None:
    found = frames.cut(publish("a", b"x", 7, is_5=True, properties=b"\x02\x00\x00\x00\x09"), is_5=True)
    assert found.publishes == [Publish("a", b"x", 7, 1, False)]


def test_acknowledgements_both_ways() -> None:
    data = frames.pubacks([1, 65535])
    assert data == b"\x40\x02\x00\x01\x40\x02\xff\xff"
    assert frames.cut(data + b"\x40\x04\x00\x02\x87\x00", is_5=True).pubacks == [
        Puback(1, 0),
        Puback(65535, 0),
        Puback(2, 0x87),
    ]


@given(
    st.text("abc", min_size=1, max_size=9), st.integers(1, 65535), st.binary(max_size=20000), st.booleans()
)
def test_a_retained_message_reads_back(topic: str, mid: int, payload: bytes, is_5: bool) -> None:
    found = frames.cut(frames.retained(topic, mid, payload, is_5=is_5), is_5=is_5)
    assert found.publishes == [Publish(topic, payload, mid, 1, True)]


@given(st.binary(max_size=60), st.booleans())
def test_noise_raises_nothing(data: bytes, is_5: bool) -> None:
    found = frames.cut(data, is_5=is_5)
    assert 0 <= found.taken <= len(data)
