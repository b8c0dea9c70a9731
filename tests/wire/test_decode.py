"""Both decoders: what goes in comes out, and whatever comes in, they agree."""

import zlib
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware import wire
from ingest import decode
from tests.wire.strategies import as_plain, batches


def outcome(decoder: Any, payload: bytes) -> Any:
    """What a decoder makes of a payload: the batch, or the refusal."""
    try:
        return as_plain(decoder(payload))
    except wire.WireError as refused:
        return refused.code, refused.where, refused.detail


def varint(value: int, size: int = 1) -> bytes:
    """A varint of at least `size` bytes, so longer than it need be."""
    out = bytearray()
    while value > 127 or len(out) + 1 < size:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


@given(batches(), st.booleans())
def test_a_batch_comes_back_as_it_went(batch: wire.Batch, is_deflated: bool) -> None:
    payload = wire.encode_batch(batch, is_deflated)
    assert as_plain(wire.decode_batch(payload)) == as_plain(batch)
    assert as_plain(decode.decode(payload)) == as_plain(batch)


@given(batches())
def test_a_whole_batch_takes_the_fast_path(batch: wire.Batch) -> None:
    if not any(None in column for group in batch.groups for column in group.columns.values()):
        decode._decoded(wire.encode_batch(batch))


@given(batches())
def test_a_chunk_gives_its_group_back(batch: wire.Batch) -> None:
    decoded, chunks = decode.decode_with_chunks(wire.encode_batch(batch))
    for group, chunk in zip(decoded.groups, chunks, strict=True):
        again = decode.group_from_chunk(group.kind, chunk, batch.prev)
        assert (again.source, again.columns) == (group.source, group.columns)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A payload with some bytes overwritten, left out, doubled or put in."""
    data = bytearray(wire.encode_batch(draw(batches())))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 3))
        data[at : at + size] = draw(st.one_of(st.binary(max_size=4), st.just(bytes(data[at : at + 12]))))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


@settings(max_examples=300)
@given(damaged())
def test_decoders_agree_on_damage(payload: bytes) -> None:
    assert outcome(decode.decode, payload) == outcome(wire.decode_batch, payload)


@given(st.binary(max_size=80), st.booleans())
@example(b"", False)
@example(b"\x78", False)
@example(b"\x78\x9c", False)
def test_decoders_agree_on_noise(noise: bytes, is_deflated: bool) -> None:
    payload = zlib.compress(noise) if is_deflated else noise
    assert outcome(decode.decode, payload) == outcome(wire.decode_batch, payload)


COLUMN_NUMBERS = st.one_of(st.integers(-70, 70), st.integers(-(2**63), 2**63 - 1))


@st.composite
def oddly_written(draw: st.DrawFn) -> bytes:
    """A batch as no encoder of ours writes it: any order, repeats, overlong, unpacked, unknown."""
    kind = draw(st.sampled_from(wire.KINDS_IN_ORDER))
    numbers = [field.number for field in wire.BASE + wire.KINDS[kind].fields]
    body = b""
    for _ in range(draw(st.integers(0, 12))):
        number = draw(st.sampled_from([1, 2, 2, 3, *numbers, 30]))
        value = draw(st.one_of(st.integers(0, 5), st.integers(0, 2**70 - 1)))
        entries = draw(st.lists(COLUMN_NUMBERS, max_size=3))
        packed = bytes(wire._packed(entries))
        content = draw(st.sampled_from([packed, packed + b"\xff", b"gnss", b"\xff", "é".encode()]))
        if draw(st.booleans()):
            body += varint(number << 3 | 2, draw(st.integers(1, 6)))
            body += (
                varint(len(content) + draw(st.sampled_from([0, 0, 0, 1])), draw(st.integers(1, 6))) + content
            )
        else:
            body += varint(number << 3, draw(st.integers(1, 6))) + varint(value, draw(st.integers(1, 11)))
    header = [b"\x08\x01", b"\x12\x08epoch678", b"\x2a\x08boot5678"]
    header.append(b"\x18" + varint(wire.LANES.index(wire.KINDS[kind].lane), draw(st.integers(1, 11))))
    header.append(varint(wire.KINDS[kind].number << 3 | 2) + varint(len(body)) + body)
    header += draw(st.lists(st.sampled_from([*header, b"\x20\x05", b"\x38\x01", b"\x0d1234"]), max_size=2))
    return b"".join(draw(st.permutations(header)))


@settings(max_examples=600)
@given(oddly_written())
def test_decoders_agree_on_odd_protobuf(payload: bytes) -> None:
    assert outcome(decode.decode, payload) == outcome(wire.decode_batch, payload)


HEADER = b"\x08\x01\x12\x08epoch678\x2a\x08boot5678"
WAS_2_STEP_5 = b"\x40\x0a\x4a\x01\x04"  # was packed, step_ms not


def group(body: bytes, kind: str = "clock_set") -> bytes:
    return varint(wire.KINDS[kind].number << 3 | 2) + varint(len(body)) + body


@pytest.mark.parametrize("decoder", [wire.decode_batch, decode.decode])
@pytest.mark.parametrize(
    "payload",
    [
        HEADER + group(b"\x10\x01" + WAS_2_STEP_5),
        group(WAS_2_STEP_5 + b"\x10\x01") + HEADER,  # another order
        b"\x08\x07" + HEADER + group(b"\x10\x09\x10\x01" + WAS_2_STEP_5),  # the last one counts
        HEADER + group(b"\x90\x80\x00\x81\x00" + WAS_2_STEP_5),  # longer varints than need be
        HEADER + group(b"\x10\x01\x0a\x05clock" + WAS_2_STEP_5 + b"\x22\x00"),  # defaults written out
    ],
)
def test_protobuf_as_others_may_write_it_is_accepted(decoder: Any, payload: bytes) -> None:
    (found,) = decoder(payload).groups
    assert (found.source, found.columns["step_ms"], found.columns["was"]) == ("clock", [5], [2])


@pytest.mark.parametrize("decoder", [wire.decode_batch, decode.decode])
def test_a_bomb_of_fields_is_refused_at_the_limit(decoder: Any) -> None:
    bomb = zlib.compress(HEADER * 5_000 + group(b"\x10\x01" + WAS_2_STEP_5))
    assert len(bomb) < 1000
    with pytest.raises(wire.WireError) as refused:
        decoder(bomb)
    assert refused.value.code == "too_large"


@pytest.mark.parametrize("decoder", [wire.decode_batch, decode.decode])
def test_a_bomb_of_zeros_is_refused_at_the_limit(decoder: Any) -> None:
    with pytest.raises(wire.WireError) as refused:
        decoder(zlib.compress(bytes(60_000_000)))
    assert refused.value.code == "too_large"


def test_a_damaged_chunk_is_refused() -> None:
    with pytest.raises(wire.WireError):
        decode.group_from_chunk("fix", b"\x10", 0)
