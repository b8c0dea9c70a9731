"""Down-sampling of rows that are already read, for what the store itself cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest.history import Bucket, Buckets
from ingest.stretch import ABSENT, array_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firmware import wire
    from ingest.stretch import Numbers


def bucketed(group: wire.Group, names: Sequence[str], bucket_ms: int) -> Buckets:
    """Sorted rows by stretches that begin at multiples of `bucket_ms` since 1970."""
    begins = array_of(group.columns, "time_ms") // bucket_ms
    if not begins.size:
        return Buckets([], [], {name: [] for name in names})
    firsts = np.flatnonzero(np.diff(begins, prepend=begins[0] - 1))
    rows = np.diff(firsts, append=begins.size)
    values = {name: _buckets(array_of(group.columns, name), firsts) for name in names}
    return Buckets((begins[firsts] * bucket_ms).tolist(), rows.tolist(), values)


def _buckets(column: Numbers, firsts: Numbers) -> list[Bucket | None]:
    is_there = column != ABSENT
    counts = np.add.reduceat(is_there, firsts, dtype=np.int64).tolist()
    sums = np.add.reduceat(np.where(is_there, column, 0), firsts).tolist()
    most = np.maximum.reduceat(column, firsts).tolist()
    least = np.minimum.reduceat(np.where(is_there, column, np.iinfo(np.int64).max), firsts).tolist()
    return [
        Bucket(low, high, total / count) if count else None
        for low, high, total, count in zip(least, most, sums, counts, strict=True)
    ]
