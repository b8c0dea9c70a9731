"""A record as a row, and rows as a batch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from edge.outbox.connection import OutboxDamaged, seal
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


def loaded(found: tuple[Any, ...]) -> Row:
    """A row as read. One whose cells are not even of their type is given as one that does not check."""
    row = Row(*found)
    if not isinstance(row.seq, int) or row.seq < 1:
        raise OutboxDamaged(f"a row has the key {row.seq!r}")
    cells = (row.kind, row.boot, row.mono_ms, row.time_ms, row.boot_at_ms, row.clock, row.crc)
    is_whole = all(isinstance(cell, int) for cell in cells)
    if is_whole and isinstance(row.source, str) and isinstance(row.body, str):
        return row
    return Row(row.seq, 0, "", 0, 0, 0, 0, 0, "", -1)


def raw_row(found: tuple[Any, ...]) -> Row:
    return loaded((found[0], wire.KINDS["fix"].number, *found[1:]))


def body_of(kind: str, values: Values) -> str:
    """The values by position, as far as the last that is there."""
    cells = [values.get(field.name) for field in wire.KINDS[kind].fields]
    while cells and cells[-1] is None:
        cells.pop()
    return json.dumps(cells, separators=(",", ":"))


def sealed(row: Row) -> Row:
    """The row with a check sum over all of it."""
    return row._replace(crc=seal(*row[:-1]))


def row_of(record: Record, seq: int, boot: int) -> Row:
    row = Row(
        seq,
        wire.KINDS[record.kind].number,
        record.source,
        boot,
        record.mono_ms,
        record.time_ms,
        record.boot_at_ms,
        wire.CLOCKS.index(record.clock),
        body_of(record.kind, record.values),
        0,
    )
    return sealed(row)


def cells_of(row: Row) -> list[Any] | None:
    """The row's values by position, filled up; None for a row that is damaged or of an unknown kind."""
    if row.crc != seal(*row[:-1]):
        return None
    try:
        fields = wire.KINDS[KINDS_BY_NUMBER[row.kind]].fields
        cells: list[Any] = json.loads(row.body)
    except (ValueError, KeyError):  # of a newer program, which knows more kinds
        return None
    return cells + [None] * (len(fields) - len(cells)) if len(cells) <= len(fields) else None


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
