"""Stored chunks of one kind as one stretch of rows, decoded together in numpy's loops.

A day of fixes is 144 chunks of 13 columns of 60 entries: what Python does for each column of each chunk costs
four times what the numbers cost. Here a chunk is parsed with its columns left as bytes (a packed column and a
bytes field look the same on the wire), a column's bytes of all chunks are laid end to end, and its varints
are read and summed up at once. A column that nobody looks at is never read.

    bytes of a column  |chunk 1|chunk 2|chunk 3|  ->  entries  ->  padded to whole rows  ->  running sums

Whatever is not exactly as `wire.encode_group` writes it is left to `decode.group_from_chunk`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from firmware import wire
from ingest import columns, proto
from ingest.decode import group_from_chunk

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

ABSENT = np.iinfo(np.int64).min  # no value on the wire comes near

_Field = descriptor_pb2.FieldDescriptorProto
T = TypeVar("T")


class Stored(NamedTuple):
    """A parsed chunk; `shift_ms` and `clock` correct its times, None leaves the clock."""

    source: str
    prev: int
    shift_ms: int
    clock: int | None
    rows: int
    message: Any
    blanks: columns.Blanks

    def texts(self, name: str) -> list[str | None]:
        """A column of texts."""
        cells: list[str | None] = [*columns.texts(list(getattr(self.message, name)), self.rows)]
        columns.blank(cells, self.blanks.get(name, []))
        return cells


def stored(
    kind: str, source: str, prev: int, body: bytes, shift_ms: int = 0, clock: int | None = None
) -> Stored:
    """A chunk as a history finds it; raises WireError when it is damaged."""
    parse, may_lack = _parser(kind)
    message = _message(parse, kind, body, prev)
    blanks: columns.Blanks = {}
    if message.absent:
        absent = _entries([message.absent])[0].tolist()
        blanks = columns.blanks(absent, message.row_count, may_lack)
    return Stored(source, prev, shift_ms, clock, message.row_count, message, blanks)


class Stretch(Mapping[str, list[Any]]):
    """Columns by name, `source` besides the kind's own: as lists with None, or as arrays with ABSENT."""

    def __init__(self, kind: str, chunks: Sequence[Stored]) -> None:
        self._kind = kind
        self._chunks = chunks
        self._names = (*(field.name for field in (*wire.BASE, *wire.KINDS[kind].fields)), "source")
        self._rows = np.array([chunk.rows for chunk in chunks], np.int64)
        self._begins = np.cumsum(self._rows) - self._rows
        self._picked: slice | Numbers = slice(None)
        self._arrays: dict[str, Numbers] = {}
        self._lists: dict[str, list[Any]] = {}

    def __getitem__(self, name: str) -> list[Any]:
        column = self._lists.get(name)
        if column is None:
            column = self._lists[name] = self._listed(name)
        return column

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def array(self, name: str) -> Numbers:
        """A column of numbers."""
        column = self._arrays.get(name)
        if column is None:
            column = self._arrays[name] = self._restored(name)[self._picked]
        return column

    def pick(self, rows: slice | Numbers) -> None:
        """Keep only these rows, in this order."""
        self._arrays = {name: column[rows] for name, column in self._arrays.items()}
        self._lists = {}
        whole = np.arange(int(self._rows.sum()))
        self._picked = whole[self._picked][rows]

    def _listed(self, name: str) -> list[Any]:
        if name == "source":
            return self._repeated([chunk.source for chunk in self._chunks])
        if _coding(self._kind, name) == wire.TEXT:
            texts = [text for chunk in self._chunks for text in chunk.texts(name)]
            return _picked(texts, self._picked)
        column = self.array(name)
        cells: list[Any] = column.tolist()
        if column.size and column.min() == ABSENT:
            return [None if cell == ABSENT else cell for cell in cells]
        return cells

    def _repeated(self, cells: list[T]) -> list[T]:
        whole = [cell for cell, rows in zip(cells, self._rows.tolist(), strict=True) for _ in range(rows)]
        return _picked(whole, self._picked)

    def _restored(self, name: str) -> Numbers:
        if not self._chunks:
            return np.empty(0, np.int64)
        entries, counts = _entries([getattr(chunk.message, name) for chunk in self._chunks])
        column = self._decoded(_coding(self._kind, name), entries, counts)
        for chunk, begin in zip(self._chunks, self._begins.tolist(), strict=True):
            for first, count in chunk.blanks.get(name, ()):
                column[begin + first : begin + first + count] = ABSENT
        return self._corrected(name, column)

    def _decoded(self, coding: str, entries: Numbers, counts: Numbers) -> Numbers:
        if coding == wire.RARE:
            return self._rare(entries, counts)
        padded = self._padded(entries, counts)
        if coding == wire.SECOND:
            firsts = padded[self._begins]
            padded[self._begins] = 0
            steps = self._summed(padded)
            steps[self._begins] = firsts
            return self._summed(steps)
        column = self._summed(padded)
        if coding == wire.STEP:
            prevs = np.array([chunk.prev for chunk in self._chunks], np.int64)
            column += np.arange(1, column.size + 1) + np.repeat(prevs - self._begins, self._rows)
        return column

    def _padded(self, entries: Numbers, counts: Numbers) -> Numbers:
        """Entries at their rows; those left out at a chunk's end are zero."""
        if np.array_equal(counts, self._rows):
            return entries
        out = np.zeros(int(self._rows.sum()), np.int64)
        before = np.cumsum(counts) - counts
        out[np.arange(entries.size) + np.repeat(self._begins - before, counts)] = entries
        return out

    def _summed(self, padded: Numbers) -> Numbers:
        """Running sums that begin anew with each chunk."""
        sums = np.cumsum(padded)
        sums -= np.repeat(sums[self._begins] - padded[self._begins], self._rows)
        return sums

    def _rare(self, entries: Numbers, counts: Numbers) -> Numbers:
        """A change is a row; a zero and the number after it are so many rows more and one."""
        ends = np.cumsum(counts)
        begins = ends - counts
        is_zero = entries == 0
        after_zero = _shifted(is_zero, begins, counts)
        is_mark = is_zero & ~after_zero
        is_count = _shifted(is_mark, begins, counts)
        repeats = np.where(is_mark, 0, np.where(is_count, entries + 1, 1))
        changes = np.where(is_count, 0, entries)
        sums = np.concatenate(([0], np.cumsum(changes)))
        values = sums[1:] - np.repeat(sums[begins], counts)
        upto = np.concatenate(([0], np.cumsum(repeats)))
        missing = self._rows - (upto[ends] - upto[begins])
        is_odd = (
            (is_zero & after_zero & ~is_count).any()
            or repeats.min(initial=0) < 0
            or missing.min(initial=0) < 0
        )
        if is_odd or is_mark[ends[counts > 0] - 1].any():
            return self._rare_one_by_one(entries.tolist(), counts.tolist())
        lasts = sums[ends] - sums[begins]
        return np.repeat(np.insert(values, ends, lasts), np.insert(repeats, ends, missing))

    def _rare_one_by_one(self, entries: list[int], counts: list[int]) -> Numbers:
        """For what `wire.encode_group` does not write, but others may."""
        out: list[int] = []
        end = 0
        for rows, count in zip(self._rows.tolist(), counts, strict=True):
            out += columns.rare(entries[end : end + count], rows)[0]
            end += count
        return np.array(out, np.int64)

    def _corrected(self, name: str, column: Numbers) -> Numbers:
        if name in ("time_ms", "boot_at_ms"):
            shifts = np.array([chunk.shift_ms for chunk in self._chunks], np.int64)
            return column + np.repeat(shifts, self._rows) if shifts.any() else column
        if name == "clock":
            for chunk, begin, rows in zip(
                self._chunks, self._begins.tolist(), self._rows.tolist(), strict=True
            ):
                if chunk.clock is not None:
                    column[begin : begin + rows] = chunk.clock
        return column


def _shifted(truths: NDArray[np.bool_], begins: Numbers, counts: Numbers) -> NDArray[np.bool_]:
    """What the entry before says, in the same chunk; False at its first."""
    out = np.zeros_like(truths)
    out[1:] = truths[:-1]
    out[begins[counts > 0]] = False
    return out


def _picked(cells: list[T], rows: slice | Numbers) -> list[T]:
    return cells[rows] if isinstance(rows, slice) else [cells[row] for row in rows.tolist()]


def first_rows(table: Mapping[str, list[Any]], rows: int) -> Mapping[str, list[Any]]:
    """The first rows of a table; a Stretch is itself made shorter."""
    if isinstance(table, Stretch):
        table.pick(slice(rows))
        return table
    return {name: column[:rows] for name, column in table.items()}


def array_of(table: Mapping[str, list[Any]], name: str) -> Numbers:
    """A column of numbers, of a Stretch or of any columns as lists."""
    if isinstance(table, Stretch):
        return table.array(name)
    return np.array([ABSENT if cell is None else cell for cell in table[name]], np.int64)


# --- chunks ---


@cache
def _parser(kind: str) -> tuple[Callable[[bytes], Any], dict[int, str]]:
    """What parses a chunk with its numbers left as bytes; and which columns may lack cells."""
    described = proto.descriptor()
    described.name, described.package = f"stretch-{kind}.proto", "stretch"
    wanted = proto.message_name(kind)
    kept = [message for message in described.message_type if message.name == wanted]
    del described.message_type[:]
    described.message_type.extend(kept)
    for field in described.message_type[0].field:
        if field.label == _Field.LABEL_REPEATED and field.type != _Field.TYPE_STRING:
            field.type, field.label = _Field.TYPE_BYTES, _Field.LABEL_OPTIONAL
            field.ClearField("options")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(described.SerializeToString())
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"stretch.{wanted}"))
    lacks = {field.number: field.name for field in wire.KINDS[kind].fields if not field.is_needed}
    return made.FromString, lacks


@cache
def _coding(kind: str, name: str) -> str:
    return next(field.coding for field in (*wire.BASE, *wire.KINDS[kind].fields) if field.name == name)


def _message(parse: Callable[[bytes], Any], kind: str, body: bytes, prev: int) -> Any:
    try:
        message = parse(body)
        if message.SerializeToString() == body:
            return message
    except DecodeError:
        pass  # then the next line says so, or knows better
    group = group_from_chunk(kind, body, prev)
    return parse(bytes(wire.encode_group(group, prev)))


def _entries(raws: Sequence[bytes]) -> tuple[Numbers, Numbers]:
    """The signed entries of columns laid end to end, and how many each column has."""
    data = np.frombuffer(b"".join(raws), np.uint8)
    ends = np.flatnonzero(data < 128)
    limits = np.cumsum([len(raw) for raw in raws])
    upto = np.searchsorted(ends, limits)
    counts = np.diff(upto, prepend=0).astype(np.int64)
    begins = np.empty_like(ends)
    begins[:1] = 0
    begins[1:] = ends[:-1] + 1
    values = (data[begins] & 127).astype(np.uint64)
    longer = np.flatnonzero(ends > begins)
    for at in range(1, 10):
        if not longer.size:
            break
        values[longer] |= (data[begins[longer] + at] & 127).astype(np.uint64) << np.uint64(7 * at)
        longer = longer[ends[longer] > begins[longer] + at]
    halves = (values >> np.uint64(1)).astype(np.int64)
    return halves ^ -((values & np.uint64(1)).astype(np.int64)), counts
