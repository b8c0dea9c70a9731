"""Whether anything changed about alerts: a number for whoever shows them, asked from any thread."""

from __future__ import annotations

import itertools


class AlertNews:
    """`revision` grows with every change."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)  # its step is atomic
        self.revision = 0

    def changed(self) -> None:
        """Something changed, and is committed."""
        self.revision = next(self._numbers)
