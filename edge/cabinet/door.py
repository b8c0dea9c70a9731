"""A door: when it opens and closes, how long it was open, and for how long it may be. Pure."""

from __future__ import annotations

CLOSED, OPEN = 0, 1


class Door:
    """One door; repeats of what is known change nothing."""

    def __init__(self, most_open_s: float) -> None:
        self._most_open_ms = int(most_open_s * 1000)
        self.opened_ms: int | None = None
        self.closed_ms: int | None = None
        self._state: int | None = None

    @property
    def is_open(self) -> bool | None:
        """None before the first word of it."""
        return None if self._state is None else self._state == OPEN

    def take(self, at_ms: int, state: int) -> dict[str, int | str | None] | None:
        """The values of a door record when it changed, else None. A door first seen closed is no event."""
        was, self._state = self._state, state
        if state == was or (was is None and state == CLOSED):
            return None
        if state == OPEN:
            self.opened_ms, self.closed_ms = at_ms, None
            return {"state": OPEN, "open_ms": None}
        opened_ms = at_ms if self.opened_ms is None else self.opened_ms
        self.closed_ms = at_ms
        return {"state": CLOSED, "open_ms": max(at_ms - opened_ms, 0)}

    def left_open_s(self, now_ms: int) -> int | None:
        """For how long it has been open, once that is longer than it may be."""
        if not self.is_open or self.opened_ms is None or now_ms - self.opened_ms < self._most_open_ms:
            return None
        return (now_ms - self.opened_ms) // 1000
