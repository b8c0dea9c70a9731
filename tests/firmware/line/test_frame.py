"""Frames on CPython and on MicroPython: whole, cut, damaged, and between each other."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware.line import frame
from tests.firmware import frame_judge
from tests.micropython import MicroPython

BODIES = st.binary(max_size=frame.MAX_BODY_BYTES)
FRAMES = st.tuples(st.integers(0, 255), st.integers(0, 65535), st.integers(0, 2**32 - 1), BODIES)


@pytest.mark.parametrize(
    ("data", "text"),
    [  # Cheshire & Baker 1997, as the encyclopedias give them
        ("", "01"),
        ("00", "0101"),
        ("0000", "010101"),
        ("11220033", "0311220233"),
        ("11223344", "0511223344"),
        ("11000000", "0211010101"),
        ("".join(f"{byte:02x}" for byte in range(1, 255)), "ff" + "".join(f"{b:02x}" for b in range(1, 255))),
    ],
)
def test_stuffing_is_that_of_the_paper(data: str, text: str) -> None:
    assert frame.stuffed(bytes.fromhex(data)).hex() in (text, text + "01")
    assert frame.unstuffed(bytes.fromhex(text)) == bytes.fromhex(data)


@given(st.binary(max_size=600))
@example(bytes(range(1, 255)) * 2)
def test_stuffing_comes_back_without_a_zero(data: bytes) -> None:
    text = frame.stuffed(data)
    assert 0 not in text
    assert frame.unstuffed(text) == data


@given(st.lists(FRAMES, max_size=5), st.binary(max_size=40).map(lambda noise: noise.replace(b"\0", b"")))
def test_frames_come_whole_however_they_are_cut_and_after_noise(
    frames: list[tuple[int, int, int, bytes]], noise: bytes
) -> None:
    stream = noise + b"\0" + b"".join(frame.encode(*one) for one in frames)
    for size in (1, 7, len(stream)):
        decoder = frame.Decoder()
        found = [one for at in range(0, len(stream), size) for one in decoder.feed(stream[at : at + size])]
        assert [(one.kind, one.session, one.seq, one.body) for one in found] == frames
        assert sum(decoder.refused.values()) == bool(noise)


@given(FRAMES, st.integers(0), st.integers(1, 255))
def test_a_damaged_byte_is_never_a_frame(one: tuple[int, int, int, bytes], at: int, flip: int) -> None:
    stream = bytearray(frame.encode(*one))
    stream[at % len(stream)] ^= flip
    decoder = frame.Decoder()
    found = decoder.feed(bytes(stream) + b"\0")
    assert [(f.kind, f.session, f.seq, f.body) for f in found] in ([], [one])
    assert found == [] or at % len(stream) == len(stream) - 1


@given(st.binary(max_size=2000))
def test_noise_is_counted_and_harms_nothing(noise: bytes) -> None:
    decoder = frame.Decoder()
    decoder.feed(noise + b"\0")
    assert len(decoder.feed(frame.encode(frame.REPORT, 1, 2, b"x"))) == 1
    assert len(decoder._held) < frame.MAX_FRAME_BYTES


def test_a_body_too_long_is_refused_where_it_is_made() -> None:
    assert len(frame.encode(1, 65535, 2**32 - 1, b"\xff" * 240)) <= frame.MAX_FRAME_BYTES
    with pytest.raises(ValueError, match="a body of 241 bytes, at most 240"):
        frame.encode(1, 1, 1, b"x" * 241)


def test_a_report_comes_back() -> None:
    given_entries = [frame.Entry(1, 0, 5, -2500), frame.Entry(4, 255, 70000, 2**31 - 1)]
    found = frame.entries_of(frame.report(given_entries))
    assert found is not None
    assert [(e.what, e.channel, e.age_ms, e.value) for e in found] == [
        (1, 0, 5, -2500),
        (4, 255, 60000, 2**31 - 1),
    ]
    assert frame.entries_of(b"1234567") is None


def test_both_interpreters_frame_alike(board: MicroPython) -> None:
    bodies = ["", "00", "ff" * 240, "00" * 240, bytes(range(240)).hex(), "11220033"]
    assert board.call("frame_judge.judged", bodies).result == frame_judge.judged(bodies)
