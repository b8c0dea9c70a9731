"""When a boot without a clock was: pure.

A record of a boot that never had time is bounded by its neighbours: not before the last moment known from an
earlier boot, and over before the first moment known of a later one. Within these bounds the middle is at most
half the gap wrong. Boots in between keep their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Boot:
    """One start of the unit: when it began (None: unknown) and how long it ran, as far as recorded."""

    boot_at_ms: int | None
    ran_ms: int


def estimated(boots: Sequence[Boot], at: int) -> int | None:
    """When boots[at] began, as far as its neighbours tell; None when no boot ever knew the time."""
    own = boots[at]
    if own.boot_at_ms is not None:
        return own.boot_at_ms
    earliest = latest = None
    for boot in boots[:at]:
        if boot.boot_at_ms is not None:
            earliest = boot.boot_at_ms + boot.ran_ms
        elif earliest is not None:
            earliest += boot.ran_ms
    for boot in reversed(boots[at + 1 :]):
        if boot.boot_at_ms is not None:
            latest = boot.boot_at_ms
        elif latest is not None:
            latest -= boot.ran_ms
    return _between(earliest, None if latest is None else latest - own.ran_ms)


def _between(earliest: int | None, latest: int | None) -> int | None:
    if earliest is None:
        return None if latest is None else max(latest, 0)
    if latest is None:
        return earliest
    return max(earliest, (earliest + latest) // 2)
