"""A track as segments: unbroken runs of fixes of one source.

A segment ends where the position was lost, or where nothing is known for longer than a unit that sends a
simplified track is ever silent. Fixes come in windows, so that a month of them never stands in memory; a
very long segment is cut, and the next one begins with the same fix, so that a line drawn of both is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import sub
from typing import TYPE_CHECKING, Any

from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GAP_MS = 300_000  # twice the longest window that a unit simplifies at once, and some more
MAX_FIXES = 10_000
COLUMNS = ("time_ms", "clock", *wire.KINDS["fix"].by_name)
_LOST = wire.KINDS["fix"].by_name["fix_mode"].words.index("none")

Columns = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Segment:
    """Equally long columns, in the wire's units.

    `is_joined`: the first fix is the one that ended the segment before.
    `left_out`: fixes that were read, but simplified away.
    """

    source: str
    columns: Columns
    is_joined: bool = False
    left_out: int = 0

    @property
    def fixes(self) -> int:
        return len(self.columns["time_ms"])

    def picked(self, rows: list[int]) -> Segment:
        """The segment with only these rows."""
        columns = {name: [column[row] for row in rows] for name, column in self.columns.items()}
        return Segment(self.source, columns, self.is_joined, self.left_out + self.fixes - len(rows))

    def sliced(self, first: int, end: int | None, *, is_joined: bool) -> Segment:
        """The segment from one row to before another."""
        columns = {name: column[first:end] for name, column in self.columns.items()}
        return Segment(self.source, columns, is_joined)


def segments(source: str, windows: Iterable[Columns]) -> Iterator[Segment]:
    """The segments of one source from its fixes, in order of time, window by window."""
    held: Segment | None = None
    for window in windows:
        before_ms = held.columns["time_ms"][-1] if held is not None else None
        for first, end, is_new in _runs(window, before_ms):
            if is_new and held is not None:
                yield held
                held = None
            if end > first:
                held = _grown(held, source, window, first, end)
            while held is not None and held.fixes > MAX_FIXES:
                yield held.sliced(0, MAX_FIXES, is_joined=held.is_joined)
                held = held.sliced(MAX_FIXES - 1, None, is_joined=True)
    if held is not None:
        yield held


def _grown(held: Segment | None, source: str, window: Columns, first: int, end: int) -> Segment:
    if held is None and end - first == len(window["time_ms"]):
        return Segment(source, {name: window[name] for name in COLUMNS})
    if held is None:
        return Segment(source, {name: window[name][first:end] for name in COLUMNS})
    for name, column in held.columns.items():
        column.extend(window[name][first:end])
    return held


def _runs(window: Columns, before_ms: int | None) -> Iterator[tuple[int, int, bool]]:
    """(first row, row after the last, whether it begins a segment) of each unbroken run with positions."""
    times = window["time_ms"]
    if not times:
        return
    first, is_new = 0, before_ms is not None and times[0] - before_ms > GAP_MS
    left_out = _lost(window)
    steps_ms = list(map(sub, times[1:], times))
    gaps: set[int] = set()
    if steps_ms and (max(steps_ms) > GAP_MS or min(steps_ms) == 0):
        gaps = {row for row, step_ms in enumerate(steps_ms, 1) if step_ms > GAP_MS}
        left_out = _repeated(window, steps_ms) | left_out
    for row in sorted(gaps | set(left_out)):
        if row > first:
            yield first, row, is_new
            is_new = False
        is_new = is_new or row in gaps or left_out.get(row, False)
        first = row + 1 if row in left_out else row
    if first < len(times) or is_new:
        yield first, len(times), is_new


def _lost(window: Columns) -> dict[int, bool]:
    """Rows without a position: left out, and the segment ends there."""
    modes, latitudes = window["fix_mode"], window["lat_e7"]
    if _LOST not in modes and None not in latitudes:
        return {}
    rows = enumerate(zip(modes, latitudes, strict=True))
    return {row: True for row, (mode, latitude) in rows if mode == _LOST or latitude is None}


def _repeated(window: Columns, steps_ms: list[int]) -> dict[int, bool]:
    """Rows that say again what the row before said: a raw track asked for repeats what was sent of it."""
    places = list(zip(window["lat_e7"], window["lon_e7"], strict=True))
    return {
        row: False
        for row, step_ms in enumerate(steps_ms, 1)
        if step_ms == 0 and places[row] == places[row - 1] and places[row] != (None, None)
    }
