"""The MQTT core without a line: packets of the specifications, limits, and whatever else may come."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.line import mqtt_core, mqtt_packets
from firmware.line.mqtt_core import Came, Core, Ended, Opened, Refused, Subscribed, Taken, Will
from tests.firmware import mqtt_judge
from tests.micropython import MicroPython

WELCOME = b"\x20\x03\x00\x00\x00"


def opened(welcome: bytes = WELCOME, level: int = 5) -> Core:
    core = Core("node-01", session_s=60)
    core.connect(0, level=level)
    core.output()
    assert isinstance(core.feed(welcome, 0)[0], Opened)
    return core


def test_a_connect_is_that_of_the_specification() -> None:
    core = Core("n", keep_alive_s=10, username="u", password=b"p")
    core.connect(0, Will("t", b"w"), 4)
    assert (
        core.output().hex(" ")
        == "10 19 00 04 4d 51 54 54 04 ee 00 0a 00 01 6e 00 01 74 00 01 77 00 01 75 00 01 70"
    )
    core.connect(0)
    properties = "0a 11 00 00 00 00 27 00 00 20 00"
    assert (
        core.output().hex(" ")
        == f"10 1e 00 04 4d 51 54 54 05 c2 00 0a {properties} 00 01 6e 00 01 75 00 01 70"
    )


def test_limits_of_the_broker_are_kept() -> None:
    core = opened(b"\x20\x10\x00\x00\x0d\x21\x00\x01\x27\x00\x00\x00\x20\x25\x00\x13\x00\x05")
    assert core.publish("t", b"1", 1, 0, is_retained=True) == 1
    assert core.output()[0] == 0x32  # the broker knows no retained messages
    assert core.publish("t", b"2", 1, 0) is None
    assert core.publish("t", b"2", 0, 0) == 0
    with pytest.raises(ValueError, match="the broker takes 32"):
        core.publish("t", b"x" * 32, 0, 0)
    assert core.step(4_999) == []
    core.output()
    core.step(5_000)
    assert core.output() == b"\xc0\x00"
    assert core.feed(b"\xd0\x00", 5_001) == []
    assert core.step(9_999) == []
    core.step(10_000)
    (ended,) = core.step(10_000 + mqtt_core.ANSWER_MS)
    assert (ended.cause, core.is_open) == ("silent", False)


def test_whoever_does_not_answer_is_silent() -> None:
    core = Core("n")
    core.connect(0)
    assert core.wait_ms(1000) == mqtt_core.ANSWER_MS - 1000
    (ended,) = core.step(mqtt_core.ANSWER_MS)
    assert ended.cause == "silent"


@pytest.mark.parametrize(
    ("level", "answer", "code", "is_other"),
    [
        (5, "2003008400", 0x84, True),
        (5, "20020001", 1, True),  # a broker of 3.1.1
        (5, "20020000", 0, True),
        (5, "2003008700", 0x87, False),
        (4, "20020005", 5, False),
    ],
)
def test_who_is_not_let_in_is_told_why(level: int, answer: str, code: int, is_other: bool) -> None:
    core = Core("n")
    core.connect(0, level=level)
    (refused,) = core.feed(bytes.fromhex(answer), 0)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.is_other_level_next, core.is_open) == (code, is_other, False)


def test_codes_of_a_publish_and_of_a_subscription() -> None:
    core = opened()
    number = core.publish("t", b"x", 1, 0)
    assert number is not None
    asked = core.subscribe("d", 0)
    events = core.feed(b"\x40\x04" + number.to_bytes(2, "big") + b"\x87\x00\x90\x04\x00\x02\x00\x87", 0)
    assert isinstance(events[0], Taken)
    assert isinstance(events[1], Subscribed)
    assert [events[0].code, events[1].code, events[1].number] == [0x87, 0x87, asked]


@pytest.mark.parametrize(
    ("level", "said", "answer"),
    [(5, "a2 06 00 02 00 00 01 74", "b0 04 00 02 00 00"), (4, "a2 05 00 02 00 01 74", "b0 02 00 02")],
)
def test_a_topic_is_left_as_it_was_asked_for(level: int, said: str, answer: str) -> None:
    core = opened(WELCOME if level == 5 else b"\x20\x02\x00\x00", level)
    assert core.subscribe("t", 0) == 1
    core.output()
    core.unsubscribe("t", 0)
    assert core.output().hex(" ") == said
    assert core.feed(bytes.fromhex(answer), 1) == []
    assert core.is_open


@pytest.mark.parametrize(
    "bad",
    [
        "2003000000",  # a second welcome
        "3080808080",  # a length without end
        "30ff7f",  # longer than a board takes
        "340500017400010a",  # QoS 2
        "3205000174000000",  # the number 0
        "300300ff74",  # a topic that runs past its end
        "3006000174020200",  # properties cut off
        "30050001740199",  # a property that is none
        "300400018000",  # a topic that is no text
        "9003000100",  # a SUBACK without its code
        "4001",
        "f000",
        "d00100",
        "4100",
    ],
)
def test_what_cannot_be_ends_the_connection(bad: str) -> None:
    core = opened()
    events = core.feed(bytes.fromhex(bad), 0) + core.feed(b"\x00" * 4, 0)
    if bad == "4001":  # may yet come
        events += core.feed(b"\x00" * 4, 0)
    assert [event.cause for event in events] in (["malformed"], ["too_large"])
    assert core.feed(WELCOME, 0) == []


@given(st.binary(max_size=300), st.sampled_from([4, 5]), st.booleans())
def test_whatever_comes_no_exception_and_bounded_memory(data: bytes, level: int, is_open: bool) -> None:
    core = opened(WELCOME if level == 5 else WELCOME[:1] + b"\x02\x00\x00", level) if is_open else Core("n")
    if not is_open:
        core.connect(0, level=level)
    events = core.feed(data, 0)
    assert len(core._in) <= mqtt_packets.MAX_PACKET_BYTES + 300
    assert all(isinstance(event, (Opened, Refused, Came, Subscribed, Taken, Ended)) for event in events)


@given(
    st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=300), st.integers(0, 1)), max_size=6),
    st.integers(1, 40),
    st.sampled_from([4, 5]),
)
def test_messages_come_whole_however_they_are_cut(
    messages: list[tuple[str, bytes, int]], size: int, level: int
) -> None:
    """What one core sends, a second one hears, whose broker is this test."""
    sender = opened(b"\x20\x02\x00\x00" if level == 4 else WELCOME, level)
    hearer = opened(b"\x20\x02\x00\x00" if level == 4 else WELCOME, level)
    stream, sent = b"", []
    for topic, payload, qos in messages:
        number = sender.publish(topic, payload, qos, 0)
        if number is not None:
            sent.append((topic, payload, number))
        stream += sender.output()
    found = [came for at in range(0, len(stream), size) for came in hearer.feed(stream[at : at + size], 0)]
    assert [(came.topic, came.payload, came.number) for came in found] == sent


def test_both_interpreters_speak_alike(board: MicroPython) -> None:
    given_bytes = [
        "20030000003205000174000100",
        "200600000321000140020001400200014002000290040002000040",
        "2003008400",
        "2003000000d000e0028b00",
        "20030000003006000174020200",
        "2003000000300500017400ff",
        "20020000",
    ]
    assert board.call("mqtt_judge.judged", given_bytes).result == mqtt_judge.judged(given_bytes)


def test_the_core_is_small(board: MicroPython, tmp_path: Path) -> None:
    """Fifty publishes through a window of four, in less heap than a TLS session costs."""
    del tmp_path
    assert board.call("mqtt_judge.heap", 50).result < 12_000


def test_a_packet_that_a_board_has_no_room_for_ends_the_connection(board: MicroPython) -> None:
    """8 kB are announced; the heap is in pieces, as after days."""
    assert board.call("mqtt_judge.starved", 3000).result == [["Ended", ["too_large", "0"]]]


def test_a_packet_that_does_not_come_to_its_end_is_a_silent_line() -> None:
    core = opened()
    assert core.feed(b"\x30\xf0\x3f\x00\x01t\x00", 0) == []
    assert core.step(60_000) == []
    assert core.output() == b"\xc0\x00"
    assert core.feed(b"\xd0\x00", 60_001) == []  # its answer is taken for a part of what was announced
    (ended,) = core.step(60_000 + mqtt_core.ANSWER_MS)
    assert ended.cause == "silent"
