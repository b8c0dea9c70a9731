"""What a unit promised: records that it said were on its disk, told apart by where and what they are.

A promise has no epoch and no number, since a record gets those later; and no time, which may be corrected.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.record import Record

WORD = "OK"


class Promise(NamedTuple):
    """One record. `mono_ms` is 0 for a fix: its time is its receiver's, and its place tells it apart."""

    boot: str
    kind: str
    source: str
    mono_ms: int
    crc: int

    def line(self) -> str:
        return f"{WORD} {self.boot} {self.kind} {self.source} {self.mono_ms} {self.crc:08x}\n"


def of_record(record: Record) -> Promise:
    cells = [record.values.get(field.name) for field in wire.KINDS[record.kind].fields]
    mono_ms = 0 if record.kind == "fix" else record.mono_ms
    return Promise(record.boot, record.kind, record.source, mono_ms, _crc(cells))


def of_row(row: tuple[Any, ...]) -> Promise:
    """Of a row of the books."""
    boot, kind, source, time_ms, boot_at_ms, _clock, *cells = row
    return Promise(boot, kind, source, 0 if kind == "fix" else time_ms - boot_at_ms, _crc(cells))


def of_lines(lines: Iterable[str]) -> set[Promise]:
    """Those among the lines that a machine printed."""
    found = [line.split() for line in lines if line.startswith(WORD + " ")]
    return {
        Promise(boot, kind, source, int(mono_ms), int(crc, 16))
        for _, boot, kind, source, mono_ms, crc in found
    }


def _crc(cells: list[Any]) -> int:
    return zlib.crc32(json.dumps(cells).encode())
