"""Thinning: which rows may go when an outbox has reached its quota, and what those that stay still tell.
Pure.

Fixes: what stays is a coarser track with a hard bound, so ends, turns and stops stay longest. Measurements:
of every bucket of rows the ends and, of every field, the smallest and the largest value stay, so an extreme
is never lost, only its surroundings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EXTREMES_BUCKET = 16


def extremes(rows: Sequence[Sequence[int | str | None]], bucket: int = EXTREMES_BUCKET) -> list[int]:
    """Indices of the rows that stay: in each bucket both ends and the extremes of every column of numbers."""
    out: list[int] = []
    for start in range(0, len(rows), bucket):
        indices = range(start, min(start + bucket, len(rows)))
        stay = {indices[0], indices[-1]}
        for column in range(max(len(rows[index]) for index in indices)):
            stay.update(_extremes_of(rows, indices, column))
        out.extend(sorted(stay))
    return out


def _extremes_of(rows: Sequence[Sequence[int | str | None]], indices: range, column: int) -> list[int]:
    numbers = [
        (value, index)
        for index in indices
        if column < len(rows[index]) and isinstance(value := rows[index][column], int)
    ]
    if not numbers:
        return []
    return [min(numbers)[1], max(numbers, key=lambda pair: (pair[0], -pair[1]))[1]]
