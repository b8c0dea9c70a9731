"""Line protocol: what a piece of a chunk is to InfluxDB, text only.

    fix,source=gnss,unit=library-01 epoch="…",boot="…",boot_at_ms=…i,clock=4i,seq=7i,lat_e7=492122000i,… <ns>

The kind is the measurement; unit and source, of which there are few, are the only tags. Everything else is
a field: integers on the wire's scale (6 bytes a point on disk, where floats take 37), texts as they are. What
is absent is left out. Epoch, boot and seq say which row it is, so that a resend can be compared with it.

A point is its series and its time, so the time has to be the row's own: ms * 10^6 + (seq + slot) mod 10^6
nanoseconds. Two rows of one millisecond never erase each other, and a resend is the very same point. The slot
is made from the epoch: a new outbox counts its rows anew, and where no clock is known they count from their
boot, so rows of two epochs may well have one millisecond and one seq.

Only rows that claim to be from the future carry when they were received, by which they are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware import wire
from ingest.history.chunk import is_ahead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.history.chunk import Piece

NS = 1_000_000  # per millisecond
RECEIVED = "received_ms"

_TAG = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
_TEXT = str.maketrans({"\\": r"\\", '"': r"\""})


def time_ns(time_ms: int, seq: int, epoch: str) -> int:
    """When a row's point is."""
    return time_ms * NS + (seq + _slot(epoch)) % NS


def _slot(epoch: str) -> int:
    return int(epoch, 16) % NS


def lines(piece: Piece, ahead_ms: int, first: int = 0, end: int | None = None) -> str:
    """The points of a piece's rows from `first` to before `end`, a line each."""
    columns = piece.chunk.group.columns
    seqs, times = columns["seq"][first:end], columns["time_ms"][first:end]
    slot = _slot(piece.chunk.epoch)
    points_ns = [time_ms * NS + (seq + slot) % NS for time_ms, seq in zip(times, seqs, strict=True)]
    form, full, gappy = _head(piece, ahead_ms), [], {}
    for field in wire.KINDS[piece.chunk.group.kind].fields:
        column = columns[field.name][first:end]
        if field.coding == wire.TEXT:
            gappy[field.name] = column
        elif column.count(column[0]) == len(column):  # often: written once, not in every row
            form += "" if column[0] is None else f",{field.name}={column[0]}i"
        elif None in column:
            gappy[field.name] = column
        else:
            full.append((field.name, column))
    form += ",seq=%di" + "".join(f",{name}=%di" for name, _ in full)
    values = [column for _, column in full]
    if not gappy:
        form += " %d"
        return "\n".join([form % row for row in zip(seqs, *values, points_ns, strict=True)])
    form += "%s %d"
    rest = map("".join, zip(*(_cells(name, column) for name, column in gappy.items()), strict=True))
    return "\n".join([form % row for row in zip(seqs, *values, rest, points_ns, strict=True)])


def _head(piece: Piece, ahead_ms: int) -> str:
    """What all rows of a piece have, whatever its kind."""
    chunk = piece.chunk
    tags = f"{chunk.group.kind},source={chunk.group.source.translate(_TAG)},unit={chunk.unit.translate(_TAG)}"
    same = f'epoch="{chunk.epoch}",boot="{chunk.boot}",boot_at_ms={piece.boot_at_ms}i,clock={piece.clock}i'
    if is_ahead(piece.clock, piece.to_ms, chunk.received_ms, ahead_ms):
        same += f",{RECEIVED}={chunk.received_ms}i"
    return f"{tags} {same}"


def _cells(name: str, column: Sequence[int | str | None]) -> list[str]:
    """A field of each row, nothing where it is absent."""
    return [
        "" if cell is None else f",{name}={cell}i" if isinstance(cell, int) else f',{name}="{escaped(cell)}"'
        for cell in column
    ]


def escaped(text: str) -> str:
    """A text as it stands between quotes."""
    return text.translate(_TEXT)
