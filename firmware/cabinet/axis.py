"""Time for judges, across restarts: ms since one boot began, plus an offset. Pure; the Pi's and a node's.

In another boot the offset is found by UTC: what was known then and what is known now. Until the clock is won
samples have to wait, at most for `hold_ms`; then the gap is unknown, and counts as too long.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Time = tuple[int, int, str]  # time_ms, boot_at_ms and the clock's word, as a clock gives them

HOLD_MS = 300_000


class Axis:
    """`offset_ms` None: not known yet."""

    def __init__(self, begin_ms: int) -> None:
        self._begin_ms = begin_ms
        self._saved: "dict[str, Any] | None" = None
        self.offset_ms: "int | None" = 0

    def state(self, boot: str, now_ms: int, time: "Time") -> "dict[str, Any]":
        """What has to survive, as JSON can hold it."""
        return {
            "boot": boot,
            "offset_ms": self.offset_ms,
            "axis_ms": now_ms + (self.offset_ms or 0),
            "utc_ms": None if time[2] == "none" else time[0],
        }

    def resume(self, saved: "dict[str, Any]", boot: str) -> None:
        """Go on from a state; the same boot goes on by itself."""
        if saved["boot"] == boot:
            self.offset_ms = saved["offset_ms"]
        else:
            self.offset_ms, self._saved = None, saved

    def find(self, now_ms: int, time: "Time", gap_ms: int, hold_ms: int = HOLD_MS) -> bool:
        """Look for the offset; whether it was found just now. `gap_ms`: a gap as long as this is one."""
        if self.offset_ms is not None or self._saved is None:
            return False
        then_ms, axis_ms = self._saved["utc_ms"], self._saved["axis_ms"]
        time_ms, _, word = time
        if then_ms is not None and word != "none" and time_ms >= then_ms:
            self.offset_ms = axis_ms + time_ms - then_ms - now_ms
        elif then_ms is None or word != "none" or now_ms - self._begin_ms > hold_ms:
            self.offset_ms = axis_ms + gap_ms + 1 - self._begin_ms
        else:
            return False
        self._saved = None
        return True
