"""Fixes on their way into the outbox: a parked unit stays where it is, and metres are counted.

Each receiver is anchored and counted by itself; where there are several, the metres of the first one count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.odometer import Odometer
from edge.sources.anchor import Anchor

if TYPE_CHECKING:
    from edge.record import Reading


class Fixes:
    """Of all receivers of a unit."""

    def __init__(self, anchor_radius_m: float) -> None:
        self._anchor_radius_m = anchor_radius_m
        self._anchors: dict[str, Anchor] = {}
        self._odometers: dict[str, Odometer] = {}
        self.newest: Reading | None = None
        self.metres = 0

    def take(self, fix: Reading) -> list[Reading]:
        """What is to be recorded now that this fix has come."""
        held = self._anchors.setdefault(fix.source, Anchor(self._anchor_radius_m)).take(fix)
        if held.shown is not None:
            self.newest = held.shown
            self._count_metres(held.shown)
        return list(held.due)

    def _count_metres(self, fix: Reading) -> None:
        odometer = self._odometers.setdefault(fix.source, Odometer())
        before = odometer.metres
        odometer.take(fix)
        if fix.source == next(iter(self._odometers)):
            self.metres += odometer.metres - before
