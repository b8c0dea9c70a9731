"""Batches decoded at C speed: the same result and the same refusals as `wire.decode_batch`.

protobuf's C runtime (upb) parses, `itertools.accumulate`, `min` and `max` do the rest, a column at a time.
The classes are built from `wire.KINDS` at start-up. A payload is parsed as an envelope whose groups are
still bytes, because the history stores exactly these bytes as its chunks.

Whatever the fast path does not like it hands to `wire.decode_batch`, which then says what is wrong: there is
one definition of what is acceptable and one place that words the refusal. So the functions here return None
for "not this way", and the tests prove that they never accept more than the definition does.

The pipeline calls `decode_with_chunks(payload)`. Chunks are read by `group_from_chunk(kind, body, prev)`:
seq is coded against the batch's `prev`, so a stored chunk needs that number beside it.
"""

from collections.abc import Callable, Iterable
from itertools import accumulate, islice, repeat
from operator import add, attrgetter
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from firmware import wire
from ingest import proto

_Restored = Callable[[list[Any], int, int], list[Any]]  # values from entries, rows and the batch's prev


class _Column(NamedTuple):
    name: str
    entries: Callable[[Message], Any]
    number: int
    low: int
    high: int
    restored: _Restored
    is_text: bool
    may_lack: bool


class _Plan(NamedTuple):
    """What one kind needs on its way from bytes to columns."""

    kind: str
    lane: str
    source: str
    parse: Callable[[bytes], Any]
    bodies: Callable[[Message], Any]
    columns: tuple[_Column, ...]


# A message of so few bytes cannot have more fields than wire.MAX_FIELDS.
_SURELY_FEW_FIELDS_BYTES = 2 * wire.MAX_FIELDS

_Blanks = dict[int, list[tuple[int, int]]]


def decode(payload: bytes) -> wire.Batch:
    """A checked batch from a payload, plain or deflated; raises WireError, and nothing else."""
    return decode_with_chunks(payload)[0]


def decode_with_chunks(payload: bytes) -> tuple[wire.Batch, list[bytes]]:
    """A checked batch and, for each of its groups, the bytes that `group_from_chunk` reads."""
    decoded = _decoded(wire.inflate(payload))
    if decoded is not None:
        return decoded
    batch = wire.decode_batch(payload)  # the definition: it refuses, or it is right
    return batch, [wire.encode_group(group, batch.prev) for group in batch.groups]


def group_from_chunk(kind: str, body: bytes, prev: int) -> wire.Group:
    """A group from a chunk of `decode_with_chunks` and the `prev` of its batch; checked again."""
    group = _group(_PLANS[kind], body, prev)
    if group is None:
        raise wire.WireError("shape", kind, "a damaged chunk")
    return group


def _decoded(data: bytes) -> tuple[wire.Batch, list[bytes]] | None:
    envelope = _parsed(_parse_envelope, data)
    if envelope is None:
        return None
    batch = wire.batch_of(
        envelope.version, envelope.epoch, envelope.lane, envelope.prev, envelope.boot, envelope.prev_boot
    )
    chunks: list[bytes] = []
    for plan in _PLANS.values():
        for body in plan.bodies(envelope):
            group = _group(plan, body, batch.prev) if plan.lane == batch.lane else None
            if group is None:
                return None
            batch.groups.append(group)
            chunks.append(body)
    return (batch, chunks) if _is_whole(batch) else None


def _parsed(parse: Callable[[bytes], Any], data: bytes) -> Any:
    """The message, or None if protobuf does not know all of it."""
    try:
        message = parse(data)
    except DecodeError:
        return None
    if UnknownFieldSet(message):
        return None
    if len(data) > _SURELY_FEW_FIELDS_BYTES and message.SerializeToString() != data:
        return None
    return message


def _is_whole(batch: wire.Batch) -> bool:
    """Whether what concerns more than one group is in order."""
    groups = batch.groups
    if not 1 <= len(groups) <= wire.MAX_GROUPS or batch.prev > wire.MAX_SEQ:
        return False
    if len(groups) == 1:
        return True
    seqs = {seq for group in groups for seq in group.columns["seq"]}
    return batch.rows <= wire.MAX_ROWS and len(seqs) == batch.rows


def _group(plan: _Plan, body: bytes, prev: int) -> wire.Group | None:
    message = _parsed(plan.parse, body)
    if message is None:
        return None
    rows, source = message.row_count, message.source
    blanks = _blanks(plan, message.absent[:], rows)
    if blanks is None or not 1 <= rows <= wire.MAX_ROWS or (source and not wire.is_source(source)):
        return None
    columns: dict[str, list[Any]] = {}
    for name, entries_of, number, low, high, restored, is_text, _ in plan.columns:
        entries = entries_of(message)[:]
        if len(entries) > rows:
            return None
        columns[name] = column = restored(entries, rows, prev)
        if is_text or number in blanks:
            if not _is_within(column, blanks.get(number, ()), low, high, is_text):
                return None
        else:  # with fewer than three entries the ends are the extremes; sorting beats min and max
            ordered = sorted(column) if len(entries) > 2 else column
            first, last = ordered[0], ordered[-1]
            if first < low or last < low or first > high or last > high:
                return None
    return wire.Group(plan.kind, source or plan.source, columns)


def _blanks(plan: _Plan, absent: list[int], rows: int) -> _Blanks | None:
    """The absent cells as (first row, rows) by field number."""
    found: _Blanks = {}
    if not absent:
        return found
    if len(absent) % 3 or len(absent) > 3 * wire.MAX_ROWS:
        return None
    may_lack = {column.number for column in plan.columns if column.may_lack}
    for number, first, count in zip(absent[::3], absent[1::3], absent[2::3], strict=True):
        if number not in may_lack or first < 0 or count < 1 or first + count > rows:
            return None
        found.setdefault(number, []).append((first, count))
    return found


def _is_within(
    column: list[Any], blanks: Iterable[tuple[int, int]], low: int, high: int, is_text: bool
) -> bool:
    """Blank the absent cells and say whether those that stay are in range."""
    for first, count in blanks:
        column[first : first + count] = [None] * count
    present = [value for value in column if value is not None]
    sizes = [len(value.encode()) for value in present] if is_text else present
    return not sizes or (min(sizes) >= low and max(sizes) <= high)


# --- columns: the zeros at the end that were left out mean "goes on as predicted" ---


def _seqs(entries: list[int], rows: int, prev: int) -> list[int]:
    if not entries:
        return list(range(prev + 1, prev + 1 + rows))
    if min(entries) < 0:
        return [0] * rows  # not rising: a number that the range refuses
    column = [prev + entry for entry in accumulate(entries)]
    column += repeat(column[-1], rows - len(column))
    return list(map(add, column, range(1, rows + 1)))


def _seconds(entries: list[int], rows: int, _: int) -> list[int]:
    if len(entries) < 3:
        first, step = (*entries, 0, 0)[:2]
        return list(range(first, first + step * rows, step)) if step else [first] * rows
    column = list(accumulate(accumulate(islice(entries, 1, None)), initial=entries[0]))
    if len(column) < rows:
        last, step, missing = column[-1], column[-1] - column[-2], rows - len(column)
        column += range(last + step, last + step * (missing + 1), step) if step else [last] * missing
    return column


def _values(entries: list[int], rows: int, _: int) -> list[int]:
    if len(entries) < 2:
        return (entries or [0]) * rows
    column = list(accumulate(entries))
    column += column[-1:] * (rows - len(column))
    return column


def _texts(entries: list[str], rows: int, _: int) -> list[str]:
    return entries + [""] * (rows - len(entries))


_RESTORED: dict[str, _Restored] = {
    wire.STEP: _seqs,
    wire.SECOND: _seconds,
    wire.DIFF: _values,
    wire.TEXT: _texts,
}


# --- the classes ---


def _envelope() -> descriptor_pb2.FileDescriptorProto:
    """A batch whose groups are not parsed."""
    described = descriptor_pb2.FileDescriptorProto(name="envelope.proto", package="envelope", syntax="proto3")
    batch = described.message_type.add(name="Batch")
    proto.add_header(batch)
    for name in wire.KINDS_IN_ORDER:
        batch.field.add(
            name=name,
            number=wire.KINDS[name].number,
            type=descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
            label=descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED,
        )
    return described


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for described in (proto.descriptor(), _envelope()):
        pool.AddSerializedFile(described.SerializeToString())
    return pool


def _plan(pool: descriptor_pool.DescriptorPool, name: str) -> _Plan:
    described = pool.FindMessageTypeByName(f"{proto.PACKAGE}.{proto.message_name(name)}")
    kind = wire.KINDS[name]
    columns = tuple(
        _Column(
            name=field.name,
            entries=attrgetter(field.name),
            number=field.number,
            low=field.low,
            high=field.high,
            restored=_RESTORED[field.coding],
            is_text=field.coding == wire.TEXT,
            may_lack=field in kind.fields and not field.is_needed,
        )
        for field in wire.BASE + kind.fields
    )
    parse = message_factory.GetMessageClass(described).FromString
    return _Plan(name, kind.lane, kind.source, parse, attrgetter(name), columns)


_POOL = _pool()
_PLANS = {name: _plan(_POOL, name) for name in wire.KINDS_IN_ORDER}
_parse_envelope = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("envelope.Batch")).FromString
