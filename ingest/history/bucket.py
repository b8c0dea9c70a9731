"""Down-sampling of rows that are already read, for what the store itself cannot do."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from ingest.history import Bucket, Buckets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firmware import wire


def bucketed(group: wire.Group, names: Sequence[str], bucket_ms: int) -> Buckets:
    """Sorted rows by stretches that begin at multiples of `bucket_ms` since 1970."""
    out = Buckets([], [], {name: [] for name in names})
    times = group.columns["time_ms"]
    first = 0
    for begin, rows in groupby(time_ms // bucket_ms for time_ms in times):
        last = first + sum(1 for _ in rows)
        out.begin_ms.append(begin * bucket_ms)
        out.rows.append(last - first)
        for name in names:
            out.values[name].append(_bucket(group.columns[name][first:last]))
        first = last
    return out


def _bucket(cells: list[int | None]) -> Bucket | None:
    values = [cell for cell in cells if cell is not None]
    return Bucket(min(values), max(values), sum(values) / len(values)) if values else None
