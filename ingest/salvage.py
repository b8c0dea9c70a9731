"""What can still be known of a batch that cannot be accepted.

A unit sends a batch again until it is receipted, so one that can never be accepted must not block its lane.
How far the mark may move past it is what its bytes still say:

    header and every group's seqs read     to its last row, as for a good batch
    only the header reads                  to the row after `prev`: a batch holds at least one row. That is
                                           a guess about a payload that may be damaged, so it is made only
                                           when the very same payload has come HOPELESS_TIMES times
    nothing reads, or another version      nowhere: the unit keeps its rows and tries again ever more
                                           seldom, and its payload is shown as refused with its count
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from firmware import wire
from ingest import proto
from ingest.delivery import Offer

HOPELESS_TIMES = 8
_LENGTH_DELIMITED = 2
_Proto = descriptor_pb2.FieldDescriptorProto


@dataclass(frozen=True, slots=True)
class Salvaged:
    """The lane a payload belongs to, and what it offers; `is_certain` when its seqs could be read."""

    epoch: str
    lane: str
    offer: Offer
    is_certain: bool


def _classes() -> tuple[Any, Any]:
    """A batch of which only the header is known, and a group of which only the seqs are."""
    described = descriptor_pb2.FileDescriptorProto(name="salvage.proto", package="salvage", syntax="proto3")
    proto.add_header(described.message_type.add(name="Header"))
    rows = described.message_type.add(name="Rows").field
    rows.add(name="rows", number=wire.ROWS, type=_Proto.TYPE_UINT64, label=_Proto.LABEL_OPTIONAL)
    seq_number = wire.BASE[0].number
    rows.add(name="seq", number=seq_number, type=_Proto.TYPE_SINT64, label=_Proto.LABEL_REPEATED)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(described.SerializeToString())
    names = ("salvage.Header", "salvage.Rows")
    header, group = (message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names)
    return header, group


_Header, _Rows = _classes()


def salvaged(payload: bytes) -> Salvaged | None:
    """What a refused payload still says, None when not even its header can be read."""
    try:
        header = _Header.FromString(wire.inflate(payload))
        batch = wire.batch_of(
            header.version, header.epoch, header.lane, header.prev, header.boot, header.prev_boot
        )
    except (wire.WireError, DecodeError):
        return None
    if batch.prev >= wire.MAX_SEQ:
        return None
    seqs = _seqs(header, batch.prev)
    prev_boot = batch.prev_boot or batch.boot
    offer = Offer(batch.prev, prev_boot, batch.boot, seqs or [batch.prev + 1])
    return Salvaged(batch.epoch, batch.lane, offer, bool(seqs))


def _seqs(header: Any, prev: int) -> list[int]:
    """The seqs of all groups in order, none if they are not what a batch could hold."""
    groups = list(iter(UnknownFieldSet(header)))
    if len(groups) > wire.MAX_GROUPS or any(group.wire_type != _LENGTH_DELIMITED for group in groups):
        return []
    columns = [_column(group.data, prev) for group in groups]
    seqs = sorted(chain.from_iterable(columns))
    is_whole = all(columns) and len(set(seqs)) == len(seqs) <= wire.MAX_ROWS
    return seqs if is_whole and seqs[-1] <= wire.MAX_SEQ else []


def _column(body: bytes, prev: int) -> list[int]:
    try:
        group = _Rows.FromString(body)
    except DecodeError:
        return []
    steps = group.seq[:]
    if not len(steps) <= group.rows <= wire.MAX_ROWS or min(steps, default=0) < 0:
        return []
    steps += [0] * (group.rows - len(steps))
    return list(accumulate((step + 1 for step in steps), initial=prev))[1:]
