"""`firmware/tdtr.py` for many windows at once, in numpy's loops: the same theory, the same hard bound.

A track is parted into windows whose ends are kept. In each round every span between two kept fixes looks for
its farthest fix, all spans together, and those that are beyond the tolerance are parted there. A window of
128 fixes is done after a dozen rounds, and in the worst case after 128, whatever the track does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from firmware import tdtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest.stretch import Numbers

WINDOW_FIXES = 128  # a day at once would keep one fix in a hundred less, and have no bound on its rounds


def rows_kept(times_ms: Numbers, lats_e7: Numbers, lons_e7: Numbers, tolerance_m: float) -> Numbers:
    """The rows to keep, in order; always the first and the last."""
    ends = np.append(np.arange(0, max(times_ms.size - 1, 1), WINDOW_FIXES), times_ms.size - 1)
    kept = [ends]
    firsts, lasts = ends[:-1], ends[1:]
    widths = _widths(lats_e7, firsts, lasts)
    while (is_open := lasts - firsts > 1).any():
        firsts, lasts, widths = firsts[is_open], lasts[is_open], widths[is_open]
        far, is_beyond = _farthest(times_ms, lats_e7, lons_e7, firsts, lasts, widths, tolerance_m)
        far, firsts, lasts, widths = far[is_beyond], firsts[is_beyond], lasts[is_beyond], widths[is_beyond]
        kept.append(far)
        firsts, lasts = np.concatenate((firsts, far)), np.concatenate((far, lasts))
        widths = np.concatenate((widths, widths))
    return np.unique(np.concatenate(kept))


def _widths(lats_e7: Numbers, firsts: Numbers, lasts: Numbers) -> NDArray[np.float64]:
    """How many metres a unit of longitude is at most, in each window."""
    nearest_e7 = np.minimum.reduceat(np.abs(lats_e7), firsts)
    nearest_e7 = np.minimum(nearest_e7, np.abs(lats_e7[lasts]))
    widths: NDArray[np.float64] = np.cos(nearest_e7 * (math.pi / 180e7)) * tdtr.METRES_PER_E7
    return widths


def _farthest(
    times_ms: Numbers,
    lats_e7: Numbers,
    lons_e7: Numbers,
    firsts: Numbers,
    lasts: Numbers,
    widths: NDArray[np.float64],
    tolerance_m: float,
) -> tuple[Numbers, NDArray[np.bool_]]:
    """The row between the ends of each span that is farthest off, and whether that is too far."""
    inner = lasts - firsts - 1
    begins = np.cumsum(inner) - inner
    spans = np.repeat(np.arange(inner.size), inner)
    rows = np.arange(spans.size) + np.repeat(firsts + 1 - begins, inner)
    whole_ms = (times_ms[lasts] - times_ms[firsts]).astype(np.float64)
    whole_ms[whole_ms <= 0] = np.inf  # no time, no way: all are held against the first
    share = (times_ms[rows] - times_ms[firsts][spans]) / whole_ms[spans]
    squares = np.zeros(rows.size)
    for values, metres in ((lats_e7, np.full(inner.size, tdtr.METRES_PER_E7)), (lons_e7, widths)):
        way = (values[lasts] - values[firsts])[spans]
        squares += ((values[rows] - values[firsts][spans] - way * share) * metres[spans]) ** 2
    worst = np.maximum.reduceat(squares, begins)
    found = np.flatnonzero(squares == worst[spans])[::-1]
    far = np.empty(inner.size, np.int64)
    far[spans[found]] = rows[found]  # of equals the first
    return far, worst > tolerance_m * tolerance_m
