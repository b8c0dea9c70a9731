"""Many batches at once: the same as one by one, whatever stands beside whatever."""

import zlib
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware import wire
from ingest import bulk, decode
from tests.wire.strategies import as_plain, batches, columns
from tests.wire.test_decode import damaged, group, oddly_written, outcome, varint

NUMERIC = [
    name for name in wire.KINDS_IN_ORDER if all(f.coding != wire.TEXT for f in wire.KINDS[name].fields)
]
USUAL = [name for name in NUMERIC if wire.KINDS[name].number < bulk._NUMBERS]  # no backlog is made of calls
LIMIT = bulk._ENTRY_LIMIT


def told(decoded: Any) -> Any:
    """A batch or a refusal as something that compares."""
    if isinstance(decoded, wire.WireError):
        return decoded.code, decoded.where, decoded.detail
    return as_plain(decoded[0])


def packed(number: int, entries: list[int]) -> bytes:
    data = bytes(wire._packed(entries))
    return varint(number << 3 | 2) + varint(len(data)) + data


def _entries(field: wire.Field) -> st.SearchStrategy[list[int]]:
    """What an encoder could write, and a little more: steps and counts about zero, and the range's edges."""
    edges = [field.low, field.high, field.low - 1, field.high + 1, 2 - LIMIT, LIMIT - 1, LIMIT, 1 << 62]
    numbers = st.one_of(st.sampled_from([0, 0, 1, -1]), st.integers(-9, 9), st.sampled_from(edges))
    first = st.lists(st.integers(max(field.low, 0), field.high), max_size=1)
    return st.builds(list.__add__, first, st.lists(numbers, max_size=7))


@st.composite
def well_ordered(draw: st.DrawFn) -> bytes:
    """A batch in the order of our encoder, whose numbers nobody checked."""
    kind = wire.KINDS[draw(st.sampled_from(NUMERIC))]
    rows = draw(st.one_of(st.integers(1, 12), st.sampled_from([0, 1, 999, 1000, 1001, 1 << 40])))
    source = draw(st.sampled_from([b"", b"", b"cabinet-2", b"Not a name", b"\xff\xfe", b"a" * 33]))
    body = b"\x0a" + varint(len(source)) + source if source else b""
    body += b"\x10" + varint(rows)
    absent = draw(st.lists(st.tuples(st.integers(7, 18), st.integers(-1, 5), st.integers(0, 9)), max_size=2))
    if absent:
        body += packed(3, [*sum(absent, ()), *draw(st.lists(st.just(1), max_size=1))])
    for field in wire.BASE + kind.fields:
        entries = draw(_entries(field)) if draw(st.booleans()) else []
        if entries:
            body += packed(field.number, entries)
    lane = draw(st.sampled_from([wire.LANES.index(kind.lane)] * 4 + [0, 1, 2, 3]))
    prev = draw(st.sampled_from([0, 5, 200, wire.MAX_SEQ - 12, wire.MAX_SEQ, wire.MAX_SEQ + 1]))
    head = b"\x08\x01\x12\x08" + draw(st.binary(min_size=8, max_size=8)) + b"\x18" + varint(lane)
    head += b"\x20" + varint(prev) + b"\x2a\x08" + draw(st.binary(min_size=8, max_size=8))
    head += b"\x32\x08" + draw(st.binary(min_size=8, max_size=8)) if draw(st.booleans()) else b""
    return head + varint(kind.number << 3 | 2) + varint(len(body)) + body


whole = st.builds(wire.encode_batch, batches(), st.booleans())
anything = st.one_of(whole, well_ordered(), damaged(), oddly_written(), st.binary(max_size=40))


@settings(max_examples=150)
@given(well_ordered())
@example(b"\x08\x01\x12\x08epoch678\x18\x02\x20\x00\x2a\x08boot5678" + group(b"\x10\x02", "fix"))
def test_numbers_that_nobody_checked_are_judged_as_one_by_one(payload: bytes) -> None:
    (found,) = bulk.trusted([payload])
    judged = outcome(decode.decode, payload)
    assert judged == outcome(wire.decode_batch, payload)
    assert found is None or as_plain(found[0]) == judged


@settings(max_examples=25)
@given(st.lists(anything, min_size=bulk.FEWEST, max_size=3 * bulk.FEWEST))
def test_neighbours_do_not_matter(payloads: list[bytes]) -> None:
    found = bulk.decode_all(payloads)
    assert [told(decoded) for decoded in found] == [outcome(wire.decode_batch, each) for each in payloads]


@st.composite
def ours(draw: st.DrawFn) -> wire.Batch:
    """What a unit that catches up sends: one group of numbers of usual size, all of them known."""
    kind = draw(st.sampled_from(USUAL))
    seqs = sorted(draw(st.sets(st.integers(1, 60), min_size=1, max_size=24)))
    found = draw(columns(kind, seqs))
    for field in wire.BASE[1:] + wire.KINDS[kind].fields:
        most = min(field.high, LIMIT // 8)
        found[field.name] = [max(-most, min(value or field.low, most)) for value in found[field.name]]
    group = wire.Group(kind, draw(st.sampled_from([wire.KINDS[kind].source, "other-1"])), found)
    return wire.Batch("00ff" * 4, wire.KINDS[kind].lane, 0, "ff00" * 4, None, [group])


@settings(max_examples=40)
@given(ours())
def test_what_our_encoder_writes_is_trusted(batch: wire.Batch) -> None:
    (decoded,) = bulk.trusted([wire.encode_batch(batch)])
    assert decoded is not None
    assert as_plain(decoded[0]) == as_plain(batch)


@settings(max_examples=30)
@given(st.lists(batches(), min_size=bulk.FEWEST, max_size=bulk.FEWEST), st.booleans())
def test_the_chunks_are_those_of_one_by_one(some: list[wire.Batch], is_deflated: bool) -> None:
    payloads = [wire.encode_batch(batch, is_deflated) for batch in some]
    for payload, decoded in zip(payloads, bulk.decode_all(payloads), strict=True):
        assert not isinstance(decoded, wire.WireError)
        assert decoded[1] == decode.decode_with_chunks(payload)[1]


def test_hundreds_of_the_widest_batches_do_not_overflow() -> None:
    """As much as a group can hold, all at the limit of an entry: seen as out of range, not wrapped round."""
    header = b"\x08\x01\x12\x08epoch678\x18\x02\x20\x00\x2a\x08boot5678"
    column = packed(10, [LIMIT - 1] * wire.MAX_ROWS)
    payload = header + group(b"\x10" + varint(wire.MAX_ROWS) + column, "fix")
    sound = header + group(b"\x10\x01" + packed(10, [123]), "fix")
    found = bulk.trusted([payload] * (bulk.MOST - 1) + [sound])
    assert found[:-1] == [None] * (bulk.MOST - 1)
    assert found[-1] is not None
    assert found[-1][0].groups[0].columns["altitude_msl_dm"] == [123]


def test_a_bomb_is_refused_at_the_limit_and_alone() -> None:
    bomb = zlib.compress(bytes(60_000_000))
    sound = b"\x08\x01\x12\x08epoch678\x18\x02\x20\x00\x2a\x08boot5678" + group(b"\x10\x01", "fix")
    refused, *rest = bulk.decode_all([bomb, *[sound] * bulk.FEWEST])
    assert isinstance(refused, wire.WireError)
    assert refused.code == "too_large"
    assert not any(isinstance(decoded, wire.WireError) for decoded in rest)
