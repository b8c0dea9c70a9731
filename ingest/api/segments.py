"""A track as segments: unbroken runs of fixes of one source.

A segment ends where the position was lost, or where nothing is known for longer than a unit that sends a
simplified track is ever silent. Fixes come in windows, so that a month of them never stands in memory; a
very long segment is cut, and the next one begins with the same fix, so that a line drawn of both is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from firmware import wire
from ingest.stretch import ABSENT, array_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from ingest.stretch import Numbers

    Columns = dict[str, Numbers]
    Window = Mapping[str, list[Any]]

GAP_MS = 300_000  # twice the longest window that a unit simplifies at once, and some more
MAX_FIXES = 10_000
COLUMNS = ("time_ms", "clock", *wire.KINDS["fix"].by_name)
_LOST = wire.KINDS["fix"].by_name["fix_mode"].words.index("none")


@dataclass(frozen=True, slots=True)
class Segment:
    """Equally long columns, in the wire's units; what is unknown is ABSENT.

    `is_joined`: the first fix is the one that ended the segment before.
    `left_out`: fixes that were read, but simplified away.
    """

    source: str
    columns: Columns
    is_joined: bool = False
    left_out: int = 0

    @property
    def fixes(self) -> int:
        return self.columns["time_ms"].size

    def picked(self, rows: list[int] | Numbers) -> Segment:
        """The segment with only these rows."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Segment(self.source, columns, self.is_joined, self.left_out + self.fixes - len(rows))

    def sliced(self, first: int, end: int | None, *, is_joined: bool) -> Segment:
        """The segment from one row to before another."""
        columns = {name: column[first:end] for name, column in self.columns.items()}
        return Segment(self.source, columns, is_joined)


def segments(source: str, windows: Iterable[Window]) -> Iterator[Segment]:
    """The segments of one source from its fixes, in order of time, window by window."""
    held: Segment | None = None
    for table in windows:
        window = {name: array_of(table, name) for name in COLUMNS}
        before_ms = int(held.columns["time_ms"][-1]) if held is not None else None
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
    more = {name: column[first:end] for name, column in window.items()}
    if held is None:
        return Segment(source, more)
    whole = {name: np.concatenate((column, more[name])) for name, column in held.columns.items()}
    return Segment(source, whole, held.is_joined)


def _runs(window: Columns, before_ms: int | None) -> Iterator[tuple[int, int, bool]]:
    """(first row, row after the last, whether it begins a segment) of each unbroken run with positions."""
    times = window["time_ms"]
    if not times.size:
        return
    first, is_new = 0, before_ms is not None and int(times[0]) - before_ms > GAP_MS
    steps_ms = np.diff(times, prepend=times[:1])
    is_gap = steps_ms > GAP_MS
    is_lost = window["fix_mode"] == _LOST
    for name in ("lat_e7", "lon_e7"):
        is_lost |= window[name] == ABSENT
    is_left_out = is_lost | _is_repeated(window, steps_ms)
    for row in np.flatnonzero(is_gap | is_left_out).tolist():
        if row > first:
            yield first, row, is_new
            is_new = False
        is_new = is_new or bool(is_gap[row] or is_lost[row])
        first = row + 1 if is_left_out[row] else row
    if first < times.size or is_new:
        yield first, times.size, is_new


def _is_repeated(window: Columns, steps_ms: Numbers) -> NDArray[np.bool_]:
    """Rows that say again what the row before said: a raw track asked for repeats what was sent of it."""
    is_same: NDArray[np.bool_] = steps_ms == 0
    for name in ("lat_e7", "lon_e7"):
        is_same[1:] &= window[name][1:] == window[name][:-1]
    is_same[0] = False
    return is_same
