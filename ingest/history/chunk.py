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
AHEAD_MS = 300_000  # what claims to be later than this from now is from the future

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


class Piece(NamedTuple):
    """A chunk whose rows have one clock and one boot instant."""

    chunk: Chunk
    from_ms: int
    to_ms: int
    clock: int
    boot_at_ms: int


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


def is_ahead(clock: int, time_ms: int, received_ms: int, ahead_ms: int) -> bool:
    """Whether a row claims to be from the future when it is received."""
    return clock != CLOCK_NONE and time_ms > received_ms + ahead_ms


def pieces(chunk: Chunk, ahead_ms: int) -> Iterator[Piece]:
    """The chunk parted where clock or boot instant changes, and where rows claim to be from the future."""
    columns = chunk.group.columns
    times, clocks, boots_at = columns["time_ms"], columns["clock"], columns["boot_at_ms"]
    rows, clock, boot_at_ms = len(times), clocks[0], boots_at[0]
    if clocks.count(clock) == boots_at.count(boot_at_ms) == rows:
        from_ms, to_ms = min(times), max(times)
        newest_is_ahead = is_ahead(clock, to_ms, chunk.received_ms, ahead_ms)
        if not newest_is_ahead or is_ahead(clock, from_ms, chunk.received_ms, ahead_ms):
            yield Piece(chunk, from_ms, to_ms, clock, boot_at_ms)
            return
    keys = [
        (clock, boot_at_ms, is_ahead(clock, time_ms, chunk.received_ms, ahead_ms))
        for clock, boot_at_ms, time_ms in zip(clocks, boots_at, times, strict=True)
    ]
    for (clock, boot_at_ms, _), some in groupby(range(rows), key=keys.__getitem__):
        part = list(some)
        own = [times[row] for row in part]
        yield Piece(picked(chunk, part), min(own), max(own), clock, boot_at_ms)
