"""Framing: whatever the pieces, the same sentences; damage costs itself and nothing else."""

import functools
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sources.nmea_lines import MAX_SENTENCE_BYTES, Lines, checksum

BODY = "GNRMC,033010.000,A,4356.0123,N,11605.4567,E,12.50,87.3,211126,,,A"
printable = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="$*"), max_size=100
)


def framed(body, end="\r\n"):
    return f"${body}*{checksum(body.encode()):02X}{end}".encode()


@given(st.binary(max_size=MAX_SENTENCE_BYTES))
def test_the_checksum_of_a_sentence_is_exact(body):
    assert checksum(body) == functools.reduce(operator.xor, body, 0)


def test_split_at_every_offset():
    sent = framed(BODY) + b"\xb5b\x01$\x00" + framed("GNGGA,1", "") + framed("GNGLL,2") + b"$GPGSV,torn"
    whole = Lines()
    expected = whole.feed(sent)
    assert expected == [BODY, "GNGGA,1", "GNGLL,2"]
    for at in range(len(sent) + 1):
        lines = Lines()
        assert lines.feed(sent[:at]) + lines.feed(sent[at:]) == expected
        assert lines.refused == whole.refused


def test_byte_by_byte():
    lines = Lines()
    given_ = [sentence for byte in framed(BODY) * 3 for sentence in lines.feed(bytes([byte]))]
    assert given_ == [BODY] * 3
    assert not lines.refused


@given(st.lists(printable, max_size=6), st.data())
def test_any_pieces_give_the_same(bodies, data):
    sent = b"".join(framed(body, data.draw(st.sampled_from(["", "\r\n", "\n"]))) for body in bodies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    lines = Lines()
    assert [sentence for piece in pieces for sentence in lines.feed(piece)] == bodies


@given(st.binary(max_size=600), printable)
def test_no_noise_costs_the_sentence_behind_it(noise, body):
    lines = Lines()
    assert lines.feed(noise + framed(body))[-1] == body


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_only_printable_sentences_come_and_memory_is_bounded(chunks):
    lines = Lines()
    for chunk in chunks:
        for sentence in lines.feed(chunk):
            assert sentence.isascii()
            assert not sentence or sentence.isprintable()
        assert len(lines._open or b"") <= MAX_SENTENCE_BYTES + 300


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        (framed(BODY).replace(b"4356", b"4357"), "checksum"),
        (framed(BODY)[:-4] + b"ZZ\r\n", "checksum"),
        (framed(BODY)[:-4] + b"+1\r\n", "checksum"),
        (framed(BODY)[:-4] + b" 1\r\n", "checksum"),
        (f"${BODY}\r\n".encode(), "no_checksum"),
        (f"${BODY}".encode() + framed("GNGGA,1"), "torn"),
        (b"$" + b"x" * 130, "too_long"),
        (framed("GNRMC,\x07"), "not_ascii"),
        (framed("GNRMC,").replace(b"RMC", b"R\xffC"), "not_ascii"),
    ],
)
def test_refused_by_cause(sent, cause):
    lines = Lines()
    lines.feed(sent)
    assert lines.refused == {cause: 1}


def test_noise_without_a_sentence_is_counted_in_bytes():
    lines = Lines()
    assert lines.feed(b"\x00" * 1000) == []
    assert lines.skipped_bytes == 1000
    assert not lines.refused
