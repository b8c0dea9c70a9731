"""Windows of the raw track: which fixes go into the track lane. Pure.

Fixes are recorded second by second and handed to the lane in windows, simplified. Windows join: each begins
at the last fix that the one before kept, so the bound also holds across the joint. The line is cut wherever
it would tell something that was not measured: at a lost position, a change of mode, quality or clock, and a
gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from edge.track import Point, distance_m, simplified
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.outbox.rows import Row

GAP_MS = 30_000
_NAMES = [field.name for field in wire.KINDS["fix"].fields]
LAT, LON = _NAMES.index("lat_e7"), _NAMES.index("lon_e7")
MODE, QUALITY = _NAMES.index("fix_mode"), _NAMES.index("quality")


class Fix(NamedTuple):
    """A raw row and, where it has a position, its point and what must stay the same along a line."""

    row: Row
    point: Point | None
    sort: tuple[Any, ...]


def fix_of(row: Row, cells: Sequence[Any]) -> Fix:
    lat_e7, lon_e7 = cells[LAT], cells[LON]
    point = None if lat_e7 is None or lon_e7 is None else Point(row.time_ms, lat_e7, lon_e7)
    sort = (row.source, row.boot, row.clock, row.boot_at_ms, cells[MODE], cells[QUALITY])
    return Fix(row, point, sort)


def kept(fixes: Sequence[Fix], before: Fix | None, tolerance_m: float) -> list[Fix]:
    """The fixes of one source that describe all of them; `before` is the last that an earlier window kept."""
    out: list[Fix] = []
    for line in lines_of(fixes if before is None else [before, *fixes], GAP_MS):
        points = [fix.point for fix in line if fix.point is not None]
        indices = simplified(points, tolerance_m) if len(points) == len(line) else range(len(line))
        out.extend(line[index] for index in indices)
    return [fix for fix in out if fix is not before]


def lines_of(fixes: Sequence[Fix], gap_ms: int | None) -> list[list[Fix]]:
    """The fixes of one source, cut where no line may be drawn. After thinning, gaps say nothing: None."""
    lines: list[list[Fix]] = []
    for fix in fixes:
        if lines and _goes_on(lines[-1][-1], fix, gap_ms):
            lines[-1].append(fix)
        else:
            lines.append([fix])
    return lines


def _goes_on(last: Fix, fix: Fix, gap_ms: int | None) -> bool:
    if last.point is None or fix.point is None or last.sort != fix.sort:
        return False
    pause_ms = fix.point.t_ms - last.point.t_ms
    return pause_ms >= 0 and (gap_ms is None or pause_ms <= gap_ms)


def is_parked(fixes: Sequence[Fix], tolerance_m: float) -> bool:
    """Whether all of them could be told by the first and the last, at the same place."""
    points = [fix.point for fix in fixes if fix.point is not None]
    if len(points) != len(fixes) or not points or len({fix.sort for fix in fixes}) > 1:
        return False
    return all(distance_m(points[0], point) <= tolerance_m / 2 for point in points)
