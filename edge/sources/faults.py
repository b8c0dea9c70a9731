"""Faults of a source: each is told once when it begins and once when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.record import Reading, fault

if TYPE_CHECKING:
    from collections.abc import Callable


class Faults:
    """What is wrong with `part` now; tells changes, never states."""

    def __init__(self, part: str, emit: Callable[[Reading], None], mono_ms: Callable[[], int]) -> None:
        self._part = part
        self._emit = emit
        self._mono_ms = mono_ms
        self._details: dict[str, str] = {}

    def begin(self, code: str, detail: str) -> None:
        """The fault is there; told unless it already was."""
        if code not in self._details:
            self._details[code] = detail
            self._emit(fault(self._part, code, self._mono_ms(), source=self._part, detail=detail))

    def end(self, *codes: str) -> None:
        """These faults, or all of them, are over."""
        for code in codes or tuple(self._details):
            detail = self._details.pop(code, None)
            if detail is not None:
                reading = fault(
                    self._part, code, self._mono_ms(), source=self._part, detail=detail, is_over=True
                )
                self._emit(reading)
