"""A chunk: the rows of one group of a batch, on their way into a history and out of it.

`body` is the group's protobuf as it came, its seqs counted from `prev`. Rows of a chunk that differ in
how their time came about are parted before they are stored, so that a later `clock_set` can move a chunk
as a whole: `clock` and `boot_at_ms` are the same in all rows of a piece. That is so already, but for the
batch in which a clock was won.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLOCK_NONE = wire.CLOCKS.index("none")

# kind, source, then the cells of the row in the order of wire.BASE and the kind's fields
Row = tuple[object, ...]


class Chunk(NamedTuple):
    """Rows of one kind and source, from one batch."""

    unit: str
    epoch: str
    lane: str
    boot: str
    prev: int
    group: wire.Group
    body: bytes
    received_ms: int


def rows_by_seq(group: wire.Group) -> dict[int, Row]:
    """Each row whole, so that two of the same seq can be compared."""
    fields = (*wire.BASE, *wire.KINDS[group.kind].fields)
    columns = [group.columns[field.name] for field in fields]
    return {row[0]: (group.kind, group.source, *row) for row in zip(*columns, strict=True)}


def picked(chunk: Chunk, rows: Sequence[int]) -> Chunk:
    """The chunk with only these rows (by index), encoded anew."""
    columns = {name: [column[row] for row in rows] for name, column in chunk.group.columns.items()}
    group = wire.Group(chunk.group.kind, chunk.group.source, columns)
    prev = int(columns["seq"][0]) - 1
    return chunk._replace(prev=prev, group=group, body=bytes(wire.encode_group(group, prev)))


def is_uniform(group: wire.Group) -> bool:
    """True when all rows have one clock and one boot instant."""
    clocks, boots_at = group.columns["clock"], group.columns["boot_at_ms"]
    return clocks.count(clocks[0]) == len(clocks) and boots_at.count(boots_at[0]) == len(boots_at)


def is_ahead(clock: int, time_ms: int, received_ms: int, ahead_ms: int) -> bool:
    """Whether a row claims to be from the future when it is received."""
    return clock != CLOCK_NONE and time_ms > received_ms + ahead_ms


def pieces(chunk: Chunk, ahead_ms: int) -> Iterator[Chunk]:
    """The chunk parted where clock or boot instant changes, and where rows claim to be from the future."""
    columns = chunk.group.columns
    if is_uniform(chunk.group):
        clock, times = columns["clock"][0], columns["time_ms"]
        newest_is_ahead = is_ahead(clock, max(times), chunk.received_ms, ahead_ms)
        if newest_is_ahead == is_ahead(clock, min(times), chunk.received_ms, ahead_ms):
            yield chunk
            return
    keys = [
        (clock, boot_at_ms, is_ahead(clock, time_ms, chunk.received_ms, ahead_ms))
        for clock, boot_at_ms, time_ms in zip(
            columns["clock"], columns["boot_at_ms"], columns["time_ms"], strict=True
        )
    ]
    for _, rows in groupby(range(len(keys)), key=keys.__getitem__):
        yield picked(chunk, list(rows))
