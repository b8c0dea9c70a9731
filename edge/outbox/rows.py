"""A record as a row, and rows as a batch."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.record import Record, Values

KINDS_BY_NUMBER = {kind.number: name for name, kind in wire.KINDS.items()}
COLUMNS = "seq, kind, source, boot, mono_ms, time_ms, boot_at_ms, clock, body, crc"
RAW_COLUMNS = "id, source, boot, mono_ms, time_ms, boot_at_ms, clock, body, crc"


class Row(NamedTuple):
    """A row of the table `rows`, without its epoch and lane; of `raw`, with the id for seq and kind fix."""

    seq: int
    kind: int
    source: str
    boot: int
    mono_ms: int
    time_ms: int
    boot_at_ms: int
    clock: int
    body: str
    crc: int


def raw_row(found: tuple[Any, ...]) -> Row:
    return Row(found[0], wire.KINDS["fix"].number, *found[1:])


def body_of(kind: str, values: Values) -> str:
    """The values by position, as far as the last that is there."""
    cells = [values.get(field.name) for field in wire.KINDS[kind].fields]
    while cells and cells[-1] is None:
        cells.pop()
    return json.dumps(cells, separators=(",", ":"))


def check_sum(kind: int, source: str, mono_ms: int, body: str) -> int:
    return zlib.crc32(f"{kind} {source} {mono_ms} {body}".encode())


def row_of(record: Record, seq: int, boot: int) -> Row:
    kind, body = wire.KINDS[record.kind].number, body_of(record.kind, record.values)
    return Row(
        seq,
        kind,
        record.source,
        boot,
        record.mono_ms,
        record.time_ms,
        record.boot_at_ms,
        wire.CLOCKS.index(record.clock),
        body,
        check_sum(kind, record.source, record.mono_ms, body),
    )


def cells_of(row: Row) -> list[Any] | None:
    """The row's values by position, filled up; None for a row that is damaged or of an unknown kind."""
    try:
        if row.crc != check_sum(row.kind, row.source, row.mono_ms, row.body):
            return None
        fields = wire.KINDS[KINDS_BY_NUMBER[row.kind]].fields
        cells: list[Any] = json.loads(row.body)
        is_timed = 0 <= row.clock < len(wire.CLOCKS) and all(
            0 <= moment <= wire.MAX_TIME_MS for moment in (row.boot_at_ms, row.time_ms)
        )
    except (TypeError, ValueError, KeyError, AttributeError):  # any cell may hold anything after a bit flip
        return None
    if len(cells) > len(fields) or not is_timed:
        return None
    return cells + [None] * (len(fields) - len(cells))


def groups_of(rows: Iterable[tuple[Row, list[Any]]]) -> list[wire.Group]:
    """The rows by kind and source, as columns."""
    groups: dict[tuple[int, str], wire.Group] = {}
    for row, cells in rows:
        name = KINDS_BY_NUMBER[row.kind]
        names = [field.name for field in wire.BASE + wire.KINDS[name].fields]
        group = groups.get((row.kind, row.source))
        if group is None:
            group = groups[row.kind, row.source] = wire.Group(name, row.source, {key: [] for key in names})
        base = (row.seq, row.time_ms, row.boot_at_ms, row.clock)
        for key, cell in zip(names, (*base, *cells), strict=True):
            group.columns[key].append(cell)
    return list(groups.values())
