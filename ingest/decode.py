"""Batches decoded at C speed: the same result and the same refusals as `wire.decode_batch`.

protobuf's C runtime (upb) parses, ingest/columns.py does the rest. The classes are built from `wire.KINDS` at
start-up. A payload is parsed as an envelope whose groups are still bytes, because the history stores exactly
these bytes as its chunks.

Whatever the fast path does not like it leaves to `wire.decode_batch`, which then says what is wrong: there is
one definition of what is acceptable and one place that words the refusal. The tests prove that the fast path
never accepts more than the definition does.

The pipeline calls `decode_with_chunks(payload)`. Chunks are read by `group_from_chunk(kind, body, prev)`:
seq is coded against the batch's `prev`, so a stored chunk needs that number beside it.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from firmware import wire
from ingest import columns, proto
from ingest.columns import Columns, Doubt

_Proto = descriptor_pb2.FieldDescriptorProto


class _Bounds(NamedTuple):
    """A column's name and range."""

    name: str
    low: int
    high: int


class _Plan(NamedTuple):
    """What one kind needs on its way from bytes to columns."""

    kind: str
    lane: str
    source: str
    parse: Callable[[bytes], Any]
    parse_zigzag: Callable[[bytes], Any]  # the same bytes, but `seconds` and `diffs` not yet made signed
    names: tuple[str, ...]
    codings: dict[str, str]
    may_lack: dict[int, str]
    seconds: tuple[_Bounds, ...]
    diffs: tuple[_Bounds, ...]
    rares: tuple[_Bounds, ...]
    texts: tuple[_Bounds, ...]


# A message of so few bytes cannot have more fields than wire.MAX_FIELDS.
_SURELY_FEW_FIELDS_BYTES = 2 * wire.MAX_FIELDS
_TIME = (0, wire.MAX_TIME_MS)


def decode(payload: bytes) -> wire.Batch:
    """A checked batch from a payload, plain or deflated; raises WireError, and nothing else."""
    return decode_with_chunks(payload)[0]


def decode_with_chunks(payload: bytes) -> tuple[wire.Batch, list[bytes]]:
    """A checked batch and, for each of its groups, the bytes that `group_from_chunk` reads."""
    try:
        return _decoded(wire.inflate(payload))
    except (Doubt, DecodeError):
        batch = wire.decode_batch(payload)
        return batch, [wire.encode_group(group, batch.prev) for group in batch.groups]


def group_from_chunk(kind: str, body: bytes, prev: int) -> wire.Group:
    """A group from a chunk of `decode_with_chunks` and the `prev` of its batch; checked when it came."""
    plan = _PLANS[kind]
    try:
        message = _parsed(plan.parse, body)
        blanks = columns.blanks(message.absent[:], message.row_count, plan.may_lack)
        found = {name: _restored(plan, message, prev, blanks, name) for name in plan.names}
    except (Doubt, DecodeError) as damaged:
        raise wire.WireError("shape", kind, "a damaged chunk") from damaged
    return wire.Group(kind, message.source or plan.source, found)


def group_with(kind: str, source: str, ready: dict[str, list[Any]], body: bytes, prev: int) -> wire.Group:
    """A group from a checked chunk; columns that are not ready come when they are looked at."""
    plan = _PLANS[kind]
    return wire.Group(kind, source, _lazily(plan, ready, _Restorer(plan, body, prev)))


def _restored(plan: _Plan, message: Any, prev: int, blanks: columns.Blanks, name: str) -> list[Any]:
    rows, entries, coding = message.row_count, getattr(message, name)[:], plan.codings[name]
    column: list[Any]
    if coding == wire.SECOND:
        column = columns.second(entries, rows)
    elif coding == wire.DIFF:
        column = columns.diff(entries, rows)
    elif coding == wire.RARE:
        column = columns.rare(entries, rows)[0]
    elif coding == wire.STEP:
        column = columns.seqs(entries, rows, prev)
    else:
        column = columns.texts(entries, rows)
    columns.blank(column, blanks.get(name, []))
    return column


def _decoded(data: bytes) -> tuple[wire.Batch, list[bytes]]:
    envelope = _parsed(_parse_envelope, data)
    batch = wire.batch_of(
        envelope.version, envelope.epoch, envelope.lane, envelope.prev, envelope.boot, envelope.prev_boot
    )
    chunks: list[bytes] = []
    for plan, bodies in zip(_PLANS_IN_ORDER, _bodies(envelope), strict=True):
        if not bodies:
            continue
        if plan.lane != batch.lane:
            raise Doubt
        for body in bodies:
            batch.groups.append(_group(plan, body, batch.prev))
            chunks.append(body)
    if not _is_whole(batch):
        raise Doubt
    return batch, chunks


def _parsed(parse: Callable[[bytes], Any], data: bytes) -> Any:
    """The message, of which protobuf knows every field."""
    message = parse(data)
    if UnknownFieldSet(message):
        raise Doubt
    if len(data) > _SURELY_FEW_FIELDS_BYTES and message.SerializeToString() != data:
        raise Doubt
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


def _group(plan: _Plan, body: bytes, prev: int) -> wire.Group:
    message = _parsed(plan.parse_zigzag, body)
    rows, source = message.row_count, message.source
    if not 1 <= rows <= wire.MAX_ROWS or (source and not wire.is_source(source)):
        raise Doubt
    blanks = columns.blanks(message.absent[:], rows, plan.may_lack) if message.absent else {}
    ready = _ready(plan, message, prev, blanks)
    lazy = _lazily(plan, ready, _Restorer(plan, body, prev))
    for bounds, is_surely_within in (
        (plan.seconds, columns.is_second_surely_within),
        (plan.diffs, columns.is_diff_surely_within),
    ):
        for name, low, high in bounds:
            if not is_surely_within(getattr(message, name)[:], rows, low, high):
                column = lazy[name]
                present = [value for value in column if value is not None] if name in blanks else column
                if not _is_within(present, low, high):
                    raise Doubt
    return wire.Group(plan.kind, source or plan.source, lazy)


class _Restorer:
    """Restores a column when somebody looks at it; the body was checked."""

    __slots__ = ("_blanks", "_body", "_message", "_plan", "_prev")

    def __init__(self, plan: _Plan, body: bytes, prev: int) -> None:
        self._plan, self._body, self._prev = plan, body, prev
        self._message: Any = None
        self._blanks: columns.Blanks = {}

    def __call__(self, name: str) -> list[Any]:
        if self._message is None:
            self._message = message = self._plan.parse(self._body)
            self._blanks = columns.blanks(message.absent[:], message.row_count, self._plan.may_lack)
        return _restored(self._plan, self._message, self._prev, self._blanks, name)


def _lazily(plan: _Plan, ready: dict[str, list[Any]], restore: _Restorer) -> dict[str, list[Any]]:
    # Whoever reads a group does not see the difference, and a dict is what other makers of groups give.
    return cast("dict[str, list[Any]]", Columns(plan.names, ready, restore))


def _ready(plan: _Plan, message: Any, prev: int, blanks: columns.Blanks) -> dict[str, list[Any]]:
    """The columns that everybody needs or that cost little, checked."""
    rows = message.row_count
    seqs, time_entries = columns.seqs(message.seq[:], rows, prev), message.time_ms[:]
    times = columns.second(time_entries, rows)
    is_even = len(time_entries) < 3  # then the ends are the extremes
    if seqs[-1] > wire.MAX_SEQ or not _is_within((times[0], times[-1]) if is_even else times, *_TIME):
        raise Doubt
    ready: dict[str, list[Any]] = {"seq": seqs, "time_ms": times}
    for name, low, high in plan.rares:
        entries = getattr(message, name)[:]
        if len(entries) == 1 and entries[0]:
            ready[name], values = entries * rows, entries
        else:
            ready[name], values = columns.rare(entries, rows)
        if not _is_within(values, low, high):
            raise Doubt
    for name, _, high in plan.texts:
        ready[name] = columns.texts(getattr(message, name)[:], rows)
        if any(len(text.encode()) > high for text in ready[name]):
            raise Doubt
    for name in blanks:
        if name in ready:
            columns.blank(ready[name], blanks[name])
    return ready


def _is_within(values: Sequence[int], low: int, high: int) -> bool:
    ordered = sorted(values)  # for such lists faster than min and max
    return not ordered or (ordered[0] >= low and ordered[-1] <= high)


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
            type=_Proto.TYPE_BYTES,
            label=_Proto.LABEL_REPEATED,
        )
    return described


def _zigzag(described: descriptor_pb2.FileDescriptorProto) -> descriptor_pb2.FileDescriptorProto:
    """The same messages with `seconds` and `diffs` as they stand on the wire."""
    described.name, described.package = "zigzag.proto", "zigzag"
    del described.message_type[0]
    for name, message in zip(wire.KINDS_IN_ORDER, described.message_type, strict=True):
        for field in message.field:
            known = wire.KINDS[name].by_name.get(field.name)
            if known is not None and known.coding in (wire.SECOND, wire.DIFF):
                field.type = _Proto.TYPE_UINT64
    return described


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for described in (proto.descriptor(), _zigzag(proto.descriptor()), _envelope()):
        pool.AddSerializedFile(described.SerializeToString())
    return pool


_POOL = _pool()


def _parser(package: str, message: str) -> Callable[[bytes], Any]:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{package}.{message}")).FromString


def _plan(name: str) -> _Plan:
    kind = wire.KINDS[name]
    fields = wire.BASE + kind.fields

    def coded(coding: str, fields: tuple[wire.Field, ...] = kind.fields) -> tuple[_Bounds, ...]:
        return tuple(_Bounds(field.name, field.low, field.high) for field in fields if field.coding == coding)

    return _Plan(
        kind=name,
        lane=kind.lane,
        source=kind.source,
        parse=_parser(proto.PACKAGE, proto.message_name(name)),
        parse_zigzag=_parser("zigzag", proto.message_name(name)),
        names=tuple(field.name for field in fields),
        codings={field.name: field.coding for field in fields},
        may_lack={field.number: field.name for field in kind.fields if not field.is_needed},
        seconds=coded(wire.SECOND),
        diffs=coded(wire.DIFF),
        rares=coded(wire.RARE, fields),
        texts=coded(wire.TEXT),
    )


_PLANS_IN_ORDER = [_plan(name) for name in wire.KINDS_IN_ORDER]
_PLANS = {plan.kind: plan for plan in _PLANS_IN_ORDER}
_bodies: Callable[[Message], tuple[Any, ...]] = attrgetter(*wire.KINDS_IN_ORDER)
_parse_envelope = _parser("envelope", "Batch")
