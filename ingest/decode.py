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

from collections.abc import Callable
from itertools import accumulate, islice
from operator import attrgetter
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from firmware import wire
from ingest import proto


class _Column(NamedTuple):
    name: str
    entries: Callable[[Message], Any]
    number: int
    low: int
    high: int
    coding: str
    is_needed: bool


class _Plan(NamedTuple):
    """What one kind needs on its way from bytes to columns."""

    kind: str
    lane: str
    source: str
    parse: Callable[[bytes], Any]
    bodies: Callable[[Message], Any]
    columns: tuple[_Column, ...]


def _plan(pool: descriptor_pool.DescriptorPool, name: str) -> _Plan:
    described = pool.FindMessageTypeByName(f"{proto.PACKAGE}.{proto.message_name(name)}")
    kind = wire.KINDS[name]
    columns = tuple(
        _Column(f.name, attrgetter(f.name), f.number, f.low, f.high, f.coding, f.is_needed or f in wire.BASE)
        for f in wire.BASE + kind.fields
    )
    parse = message_factory.GetMessageClass(described).FromString
    return _Plan(name, kind.lane, kind.source, parse, attrgetter(name), columns)


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


_POOL = _pool()
_PLANS = {name: _plan(_POOL, name) for name in wire.KINDS_IN_ORDER}
_parse_envelope = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("envelope.Batch")).FromString

# A message of so few bytes cannot have more fields than wire.MAX_FIELDS.
_SURELY_FEW_FIELDS_BYTES = 2 * wire.MAX_FIELDS


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
    if message is None or not 1 <= message.row_count <= wire.MAX_ROWS:
        return None
    source = message.source
    if source and not wire.is_source(source):
        return None
    rows = message.row_count
    blanks = _blanks(plan, message.absent[:], rows)
    if blanks is None:
        return None
    columns: dict[str, list[Any]] = {}
    for field in plan.columns:
        column = _column(field, field.entries(message)[:], rows, prev, blanks.get(field.number))
        if column is None:
            return None
        columns[field.name] = column
    return wire.Group(plan.kind, source or plan.source, columns)


def _blanks(plan: _Plan, absent: list[int], rows: int) -> dict[int, list[tuple[int, int]]] | None:
    """The absent cells as (first row, rows) by field number."""
    found: dict[int, list[tuple[int, int]]] = {}
    if len(absent) % 3 or len(absent) > 3 * wire.MAX_ROWS:
        return None
    may_lack = {field.number for field in plan.columns if not field.is_needed} if absent else ()
    for number, first, count in zip(absent[::3], absent[1::3], absent[2::3], strict=True):
        if number not in may_lack or first < 0 or count < 1 or first + count > rows:
            return None
        found.setdefault(number, []).append((first, count))
    return found


def _column(
    field: _Column, entries: list[Any], rows: int, prev: int, blanks: list[tuple[int, int]] | None
) -> list[Any] | None:
    """A whole column with every value in range, absent cells as None."""
    if len(entries) > rows:
        return None
    if field.coding == wire.TEXT:
        column = entries + [""] * (rows - len(entries))
    elif len(entries) < 2 and field.coding == wire.DIFF:  # constant
        first = entries[0] if entries else 0
        if blanks is None:
            return [first] * rows if field.low <= first <= field.high else None
        column = [first] * rows
    elif field.coding == wire.STEP:
        return _seqs(entries, rows, prev)
    else:
        column = _restored(entries, rows, field.coding)
    return _checked(field, column, blanks)


def _seqs(entries: list[int], rows: int, prev: int) -> list[int] | None:
    if entries and min(entries) < 0:  # not rising
        return None
    column = list(islice(accumulate([entry + 1 for entry in entries], initial=prev), 1, None))
    last = column[-1] if column else prev
    column.extend(range(last + 1, last + 1 + rows - len(entries)))
    return column if column[-1] <= wire.MAX_SEQ else None


def _restored(entries: list[int], rows: int, coding: str) -> list[int]:
    """Values from differences; the zeros at the end that were left out mean "goes on as predicted"."""
    if coding == wire.DIFF:
        column = list(accumulate(entries))
        step = 0
    else:
        steps = accumulate(islice(entries, 1, None))
        column = list(accumulate(steps, initial=entries[0] if entries else 0))
        step = column[-1] - column[-2] if len(column) > 1 else 0
    missing, last = rows - len(column), column[-1]
    if missing:
        column += range(last + step, last + step * (missing + 1), step) if step else [last] * missing
    return column


def _checked(field: _Column, column: list[Any], blanks: list[tuple[int, int]] | None) -> list[Any] | None:
    """The column with its absent cells blanked, if what stays is in range."""
    present = column
    if blanks is not None:
        for first, count in blanks:
            column[first : first + count] = [None] * count
        present = [value for value in column if value is not None]
        if not present:
            return column
    if field.coding == wire.TEXT:
        return column if max(map(len, map(str.encode, present))) <= field.high else None
    return column if min(present) >= field.low and max(present) <= field.high else None
