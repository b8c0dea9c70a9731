"""Faults of a source: each is told once when it begins and once when it is over.

One that comes and goes, as a loose plug does, is told so often an hour and no more: faults are events, which
an outbox never drops, and they would fill it; how often it came untold is said with the next. Whoever meets a
fault says `begin` as long as it is there, so one that stays is told all the same.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from edge.record import Reading, fault

if TYPE_CHECKING:
    from collections.abc import Callable


HOUR_MS = 3_600_000
MOST_AN_HOUR = 20
LAST = "; it comes and goes, and is told again in an hour"


class Faults:
    """What is wrong with `part` now; tells changes, never states."""

    def __init__(self, part: str, emit: Callable[[Reading], None], mono_ms: Callable[[], int]) -> None:
        self._part = part
        self._emit = emit
        self._mono_ms = mono_ms
        self._details: dict[str, str] = {}
        self._told_ms: dict[str, deque[int]] = {}
        self._untold: set[str] = set()
        self._untold_times: Counter[str] = Counter()

    def begin(self, code: str, detail: str) -> None:
        """The fault is there; told unless it already was, or too often."""
        if code in self._details:
            return
        now_ms = self._mono_ms()
        told_ms = self._told_ms.setdefault(code, deque())
        while told_ms and now_ms - told_ms[0] >= HOUR_MS:
            told_ms.popleft()
        if len(told_ms) == MOST_AN_HOUR:
            self._untold_times[code] += code not in self._untold
            self._untold.add(code)
            return
        told_ms.append(now_ms)
        self._details[code] = detail
        last = LAST if len(told_ms) == MOST_AN_HOUR else ""
        text = detail + self._times_untold(code) + last
        self._emit(fault(self._part, code, now_ms, source=self._part, detail=text))

    def _times_untold(self, code: str) -> str:
        # One that was untold until now is the one that is told.
        times = self._untold_times.pop(code, 0) - (code in self._untold)
        self._untold.discard(code)
        return f"; {times} more since the last were not told" if times > 0 else ""

    def end(self, *codes: str) -> None:
        """These faults, or all of them, are over."""
        for code in codes or (*self._details, *self._untold):
            self._untold.discard(code)
            detail = self._details.pop(code, None)
            if detail is not None:
                reading = fault(
                    self._part, code, self._mono_ms(), source=self._part, detail=detail, is_over=True
                )
                self._emit(reading)
