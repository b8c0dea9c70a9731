"""Hundreds of batches decoded at once, in numpy's loops instead of Python's.

A service that catches up takes batches by the hundred, and most of their columns are never looked at: the
history stores their bytes. What every batch owes is the proof that it is well-formed and that no value is
out of range. Here the proof is made for all of them together:

1. All payloads lie end to end in one array. Every byte below 128 ends a varint, so one pass finds and
   reads every varint there is, whatever it means.
2. What each means is found by walking all payloads in step: the header of each, then the first field of
   each group, then the second, and so on; a step is a handful of numpy calls for all of them.
3. Then the columns, one field after the other: the entries of that column from all groups are laid end to
   end, summed up once, and the least and the greatest value of each group are held against the range.

Only what `wire.encode_batch` itself writes passes: fields in rising order, each once, packed, one group of
numbers. Any doubt about a payload leaves it, and it alone, to `decode.decode_with_chunks`, which accepts or
refuses it as ever; so this file may doubt too often but must never trust too much. The tests hold it to that.

Sums cannot overflow unseen: an entry of 2**42 or more is a doubt, so with at most 1000 rows a group and at
most `MOST` groups every sum of entries stays below 2**62. Sums of sums may wrap; their differences within a
group do not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from firmware import wire
from ingest import columns, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]
    Truths = NDArray[np.bool_]

Decoded = tuple[wire.Batch, list[bytes]]

MOST = 250  # more would not lie within a core's reach
FEWEST = 8  # fewer are sooner done one by one
_ENTRY_LIMIT = 1 << 42
_MOST_ENTRY_BYTES = 7
_PAD = bytes(128)  # what a step may read past the end
_MOST_SOURCE_BYTES = 32
_NUMBERS = 32  # field numbers and kinds' numbers below this

_PACKED = 2
_SOURCE_TAG, _ROWS_TAG, _ABSENT_TAG = wire.SOURCE << 3 | _PACKED, wire.ROWS << 3, wire.ABSENT << 3 | _PACKED
# Where in a header what stands: version 1, epoch, lane, prev.
_HEAD_AT = np.array([0, 1, 2, 3, 12, 14])
_HEAD = np.array([1 << 3, wire.VERSION, 2 << 3 | _PACKED, wire.ID_BYTES, 3 << 3, 4 << 3], np.uint8)
_EPOCH_AT, _LANE_AT, _PREV_AT = 4, 13, 15
_BOOT, _PREV_BOOT = (5 << 3 | _PACKED, wire.ID_BYTES), (6 << 3 | _PACKED, wire.ID_BYTES)
_ID_FIELD_BYTES = 2 + wire.ID_BYTES

_KINDS = {
    kind.number: name
    for name, kind in wire.KINDS.items()
    if kind.number < _NUMBERS and all(field.coding != wire.TEXT for field in kind.fields)
}

# What is asked of every batch: its base, and such as whether a fix has a position.
_ASKED = {
    name: (*wire.BASE, *(field for field in wire.KINDS[name].fields if field.is_needed and field.words))
    for name in _KINDS.values()
}


def decode_all(payloads: Sequence[bytes]) -> list[Decoded | wire.WireError]:
    """What `decode.decode_with_chunks` gives for each, and what it raises for those that it refuses."""
    out: list[Decoded | wire.WireError] = []
    for at in range(0, len(payloads), MOST):
        some = payloads[at : at + MOST]
        sure = trusted(some) if len(some) >= FEWEST else [None] * len(some)
        out += [
            _judged(payload) if found is None else found for found, payload in zip(sure, some, strict=True)
        ]
    return out


def _judged(payload: bytes) -> Decoded | wire.WireError:
    try:
        return decode.decode_with_chunks(payload)
    except wire.WireError as refused:
        return refused


def trusted(payloads: Sequence[bytes]) -> list[Decoded | None]:
    """The batches of one to MOST payloads, None where there is any doubt."""
    plain = [_inflated(payload) for payload in payloads]
    walk = _Walk(plain)
    found: list[Decoded | None] = [None] * len(plain)
    for number, name in _KINDS.items():
        own = np.flatnonzero(walk.is_sure & (walk.kind == number))
        if len(own):
            for at, decoded in _of_kind(walk, plain, own, name):
                found[at] = decoded
    return found


def _inflated(payload: bytes) -> bytes:
    try:
        return wire.inflate(payload)
    except wire.WireError:
        return b""  # which is no batch


# --- every varint


class _Varints:
    """All varints of some bytes: their `first` byte, `size`, `value`; `rank`: how many end before a byte."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        is_last = data < 128
        last = np.flatnonzero(is_last)
        self.rank = np.zeros(len(data) + 1, np.int32)
        np.cumsum(is_last, out=self.rank[1:])
        self.first = np.zeros_like(last)
        np.add(last[:-1], 1, out=self.first[1:])
        self.size = last - self.first + 1
        self.value: Numbers = data[last].astype(np.int64)
        longer = np.flatnonzero(self.size > 1)
        for back in range(1, _MOST_ENTRY_BYTES):
            self.value[longer] = self.value[longer] << 7 | data[last[longer] - back] & 127
            longer = longer[self.size[longer] > back + 1]
        self.is_huge = (self.size > _MOST_ENTRY_BYTES) | (self.value >= 2 * _ENTRY_LIMIT)

    @property
    def signed(self) -> Numbers:
        return self.value >> 1 ^ -(self.value & 1)


# --- all payloads in step


class _Walk:
    """What stands where in each payload; only where `is_sure` the rest is to be believed.

    `entries_at` and `entries` tell by payload and field number where a column's entries begin among all
    varints and how many they are.
    """

    def __init__(self, plain: Sequence[bytes]) -> None:
        data = np.frombuffer(b"".join([*plain, _PAD]), np.uint8)
        sizes = np.array([len(payload) for payload in plain], np.int64)
        self._data = data
        self._end = np.cumsum(sizes)
        self._begin = self._end - sizes
        self._varints = _Varints(data)
        self.is_sure: Truths = sizes > 0
        self.is_sure &= data[self._end - 1] < 128
        self.entries_at = np.zeros((len(plain), _NUMBERS), np.int64)
        self.entries = np.zeros((len(plain), _NUMBERS), np.int64)
        self._walk_header()
        self._walk_group()
        self.signed = self._varints.signed
        self._doubt_huge()

    def _walk_header(self) -> None:
        data, begin, varints = self._data, self._begin, self._varints
        self._doubt_unless((data[begin[:, None] + _HEAD_AT] == _HEAD).all(axis=1))
        self.lane = data[begin + _LANE_AT]
        prev = varints.rank[begin + _PREV_AT]
        self.prev = varints.value[prev]
        at = varints.first[prev] + varints.size[prev]
        self._doubt_unless(self._is_id(at, _BOOT))
        self.boot_at = at + 2
        at = at + _ID_FIELD_BYTES
        self.has_prev_boot = self._is_id(at, _PREV_BOOT)
        at = at + np.where(self.has_prev_boot, _ID_FIELD_BYTES, 0)
        tag = data[at] & 127 | data[at + 1].astype(np.int64) << 7
        self._doubt_unless((data[at] >= 128) & (data[at + 1] == 1) & (tag & 7 == _PACKED))
        self.kind = tag >> 3
        size = varints.rank[at + 2]
        self.body_at = varints.first[size] + varints.size[size]
        self._doubt_unless(self.body_at + varints.value[size] == self._end)

    def _is_id(self, at: Numbers, tag_and_size: tuple[int, int]) -> Truths:
        is_id: Truths = (self._data[at] == tag_and_size[0]) & (self._data[at + 1] == tag_and_size[1])
        return is_id

    def _walk_group(self) -> None:
        value, rank = self._varints.value, self._varints.rank
        at, end = rank[self.body_at], rank[self._end]
        has_source = value[at] == _SOURCE_TAG
        is_short = (value[at + 1] > 0) & (value[at + 1] <= _MOST_SOURCE_BYTES)
        self._doubt_unless(~has_source | is_short)
        self.source_bytes = np.where(has_source & is_short, value[at + 1], 0)
        self.source_at = self._varints.first[at + 2]
        at = np.where(has_source, rank[self.source_at + self.source_bytes], at)
        self.rows = value[at + 1]
        self._doubt_unless((value[at] == _ROWS_TAG) & (self.rows >= 1) & (self.rows <= wire.MAX_ROWS))
        at = at + 2
        self._doubt_unless(at <= end)
        own = np.flatnonzero(self.is_sure & (at < end))
        number = np.zeros_like(at)
        while len(own):
            number[own], at[own] = self._field(own, at[own], number[own])
            own = own[self.is_sure[own] & (at[own] < end[own])]

    def _field(self, own: Numbers, at: Numbers, before: Numbers) -> tuple[Numbers, Numbers]:
        """Note one packed field of each of these payloads; its number, and where the next one begins."""
        varints = self._varints
        tag, size = varints.value[at], varints.value[at + 1]
        number, first = tag >> 3, at + 2
        end_byte = varints.first[first] + size
        is_packed = (tag & 7 == _PACKED) & (varints.size[at] <= 2) & (varints.size[at + 1] <= 3) & (size > 0)
        is_sure = is_packed & (number > before) & (number < _NUMBERS) & (end_byte <= self._end[own])
        end_byte = np.where(is_sure, end_byte, self._end[own])
        is_sure &= self._data[end_byte - 1] < 128
        self.is_sure[own] &= is_sure
        after = varints.rank[end_byte]
        number = np.where(is_sure, number, 0)
        self.entries_at[own, number] = first
        self.entries[own, number] = after - first
        return number, after

    def _doubt_huge(self) -> None:
        huge = self._varints.first[self._varints.is_huge]
        of = np.searchsorted(self._end, huge, side="right")
        self.is_sure[of[of < len(self._end)]] = False

    def _doubt_unless(self, is_sure: Truths) -> None:
        self.is_sure &= is_sure

    def headers(self, own: Numbers) -> list[_Header]:
        """Of these payloads."""
        begin = self._begin[own]
        found = (
            self.prev[own],
            self.rows[own],
            self.boot_at[own] - begin,
            np.where(self.has_prev_boot[own], self.boot_at[own] - begin + _ID_FIELD_BYTES, 0),
            self.source_at[own] - begin,
            self.source_bytes[own],
            self.body_at[own] - begin,
        )
        return [_Header(*header) for header in zip(*(numbers.tolist() for numbers in found), strict=True)]

    def column(self, own: Numbers, number: int) -> _Column:
        """The entries of one column of these payloads."""
        return _Column(self.signed, self.entries_at[own, number], self.entries[own, number])


# --- a column of all of them


class _Column:
    """The entries of one column, payload after payload; those that have none are left out of `has`."""

    def __init__(self, signed: Numbers, at: Numbers, count: Numbers) -> None:
        self.count = count
        self.has = np.flatnonzero(count)
        self.lengths = count[self.has]
        self.last = np.cumsum(self.lengths) - 1
        self.first = self.last - self.lengths + 1
        self.entries = signed[self.spread(at[self.has] - self.first) + np.arange(self.lengths.sum())]

    def spread(self, values: Numbers) -> Numbers:
        """A value of each payload for each of its entries."""
        return np.repeat(values, self.lengths)

    def parted(self, of: Numbers) -> list[list[int]]:
        """The entries of each of these payloads."""
        entries, ends = self.entries.tolist(), np.cumsum(self.count)
        begins = (ends - self.count)[of].tolist()
        return [entries[begin:end] for begin, end in zip(begins, ends[of].tolist(), strict=True)]

    def follows(self, truths: Truths) -> Truths:
        """Whether it was so for the entry before, of the same payload."""
        out = np.zeros_like(truths)
        out[1:] = truths[:-1]
        out[self.first] = False
        return out

    def least_and_greatest(self, values: Numbers) -> tuple[Numbers, Numbers]:
        """Of each payload, from a value for each entry."""
        return np.minimum.reduceat(values, self.first), np.maximum.reduceat(values, self.first)


# What a column's values are between, by coding; and of which payloads it is well-formed.
_Extremes = tuple["Numbers", "Numbers", "Truths | bool"]


def _is_within(column: _Column, rows: Numbers, field: wire.Field) -> Truths:
    """Of which payloads all values of a column are surely within its range."""
    is_sure = np.full(len(rows), field.low <= 0 <= field.high)
    if len(column.has):
        least, greatest, is_formed = _EXTREMES[field.coding](column, rows[column.has])
        is_sure[column.has] = is_formed & (least >= field.low) & (greatest <= field.high)
    return is_sure


def _of_diff(column: _Column, rows: Numbers) -> _Extremes:
    return *_of_sums(column, column.entries), column.lengths <= rows


def _of_sums(column: _Column, entries: Numbers) -> tuple[Numbers, Numbers]:
    sums = np.cumsum(entries)
    before = sums[column.first] - entries[column.first]
    least, greatest = column.least_and_greatest(sums)
    return least - before, greatest - before


def _of_second(column: _Column, rows: Numbers) -> _Extremes:
    start, entries = column.entries[column.first], column.entries.copy()
    entries[column.first] = 0
    steps = np.cumsum(entries)
    steps -= column.spread(steps[column.first])
    values = np.cumsum(steps)
    values += column.spread(start - values[column.first])
    least, greatest = column.least_and_greatest(values)
    final = values[column.last] + steps[column.last] * (rows - column.lengths)
    return np.minimum(least, final), np.maximum(greatest, final), column.lengths <= rows


def _of_rare(column: _Column, rows: Numbers) -> _Extremes:
    """As differences, but what follows a zero counts further zeros. Three zeros on end are a doubt."""
    is_zero = column.entries == 0
    is_second_zero = is_zero & column.follows(is_zero)
    is_count = column.follows(is_zero & ~is_second_zero)
    is_odd = is_second_zero & column.follows(is_second_zero) | is_count & (column.entries < 0)
    cells = np.where(is_count, column.entries, 1)
    is_formed = ~np.logical_or.reduceat(is_odd, column.first) & ~is_zero[column.last]
    is_formed &= np.add.reduceat(cells, column.first) <= rows
    return *_of_sums(column, np.where(is_count, 0, column.entries)), is_formed


_EXTREMES: dict[str, Callable[[_Column, Numbers], _Extremes]] = {
    wire.DIFF: _of_diff,
    wire.SECOND: _of_second,
    wire.RARE: _of_rare,
}


def _is_rising(column: _Column, rows: Numbers, prev: Numbers) -> Truths:
    """Of which payloads the seqs rise and end in range."""
    steps = np.zeros(len(rows), np.int64)
    is_sure: Truths = column.count <= rows
    if len(column.has):
        steps[column.has] = np.add.reduceat(column.entries, column.first)
        is_sure[column.has] &= np.minimum.reduceat(column.entries, column.first) >= 0
    is_sure &= prev + steps + rows <= wire.MAX_SEQ
    return is_sure


def _is_absence(column: _Column, rows: Numbers, kind: wire.Kind) -> Truths:
    """Of which payloads the absent cells are such as the kind may lack, within the rows."""
    is_sure: Truths = column.count % 3 == 0
    if not is_sure.all():
        return np.equal(column.count, 0)  # a rare doubt; the threes would not stand in line
    if len(column.has):
        numbers, firsts, counts = column.entries.reshape(-1, 3).T
        may_lack = [field.number for field in kind.fields if not field.is_needed]
        rows_of = np.repeat(rows[column.has], column.lengths // 3)
        is_formed = np.isin(numbers, may_lack) & (firsts >= 0) & (counts >= 1) & (firsts + counts <= rows_of)
        is_sure[column.has] = np.logical_and.reduceat(is_formed, column.first // 3)
    return is_sure


# --- batches


class _Header(NamedTuple):
    """Of one payload; places are counted from its first byte, 0: there is none."""

    prev: int
    rows: int
    boot_at: int
    prev_boot_at: int
    source_at: int
    source_bytes: int
    body_at: int


def _of_kind(walk: _Walk, plain: Sequence[bytes], own: Numbers, name: str) -> Iterator[tuple[int, Decoded]]:
    """The batches among these payloads, all of one kind, that are surely sound."""
    kind = wire.KINDS[name]
    rows, prev = walk.rows[own], walk.prev[own]
    known = np.array([wire.ABSENT, *kind.by_number])
    entries = walk.entries[own]
    is_sure: Truths = entries.sum(axis=1) == entries[:, known].sum(axis=1)
    is_sure &= (walk.lane[own] == wire.LANES.index(kind.lane)) & (prev <= wire.MAX_SEQ)
    is_sure &= _is_absence(walk.column(own, wire.ABSENT), rows, kind)
    asked = [walk.column(own, field.number) for field in _ASKED[name]]
    is_sure &= _is_rising(asked[0], rows, prev)
    for field, column in zip(_ASKED[name][1:], asked[1:], strict=True):
        is_sure &= _is_within(column, rows, field)
    for field in kind.fields:
        if field not in _ASKED[name]:
            is_sure &= _is_within(walk.column(own, field.number), rows, field)
    sure = np.flatnonzero(is_sure)
    entries_of = [column.parted(sure) for column in asked]
    for at, header, *parts in zip(own[sure].tolist(), walk.headers(own[sure]), *entries_of, strict=True):
        source = _source(plain[at], header, kind)
        if source is not None:
            yield at, _batch(name, source, plain[at], header, parts)


def _source(payload: bytes, header: _Header, kind: wire.Kind) -> str | None:
    """The source's name; None when it is none."""
    if not header.source_bytes:
        return kind.source
    return _name(payload[header.source_at : header.source_at + header.source_bytes])


@lru_cache(maxsize=4096)
def _name(text: bytes) -> str | None:
    name = text.decode(errors="replace")
    return name if wire.is_source(name) else None


def _batch(name: str, source: str, payload: bytes, header: _Header, entries: list[list[int]]) -> Decoded:
    rows, prev, body = header.rows, header.prev, payload[header.body_at :]
    seq, time_ms, *steady = entries
    ready = {"seq": columns.seqs(seq, rows, prev), "time_ms": columns.second(time_ms, rows)}
    for field, column in zip(_ASKED[name][2:], steady, strict=True):
        ready[field.name] = _steady(column, rows)
    group = decode.group_with(name, source, ready, body, prev)
    prev_boot = _id(payload, header.prev_boot_at) if header.prev_boot_at else None
    lane = wire.KINDS[name].lane
    return wire.Batch(
        _id(payload, _EPOCH_AT), lane, prev, _id(payload, header.boot_at), prev_boot, [group]
    ), [body]


def _steady(entries: list[int], rows: int) -> list[int]:
    """A column that seldom changes within a batch."""
    return entries * rows if len(entries) == 1 else columns.rare(entries, rows)[0]


def _id(payload: bytes, at: int) -> str:
    return payload[at : at + wire.ID_BYTES].hex()
