"""Faults: each is told once when it begins and once when it is over, as a record. A failed sensor is one.

What stands is kept in the notes: a start tells that it is over, and whatever is still wrong is raised again.
After a mere sleep it goes on standing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MAX_DETAIL = 100  # characters: a fault fits into a frame


class Faults:
    """`emit` takes (kind, source, values)."""

    def __init__(self, emit: "Callable[[str, str, dict[str, Any]], None]") -> None:
        self._emit = emit
        self._now: "dict[str, dict[str, str]]" = {}

    def begin(self, part: str, code: str, detail: str = "") -> None:
        """The fault is there; told unless it already was."""
        known = self._now.setdefault(part, {})
        if code not in known:
            known[code] = detail[:_MAX_DETAIL]
            self._tell(part, code, detail, 0)

    def end(self, part: str, code: "str | None" = None) -> None:
        """This fault of the part, or all of them, are over."""
        known = self._now.get(part, {})
        for found in [code] if code is not None else list(known):
            detail = known.pop(found, None)
            if detail is not None:
                self._tell(part, found, detail, 1)

    def standing(self) -> "list[list[str]]":
        """[part, code] of all that is wrong now."""
        return [[part, code] for part in sorted(self._now) for code in sorted(self._now[part])]

    def resume(self, standing: "list[list[str]]", is_same_run: bool) -> None:
        """What stood when the node stopped."""
        for part, code in standing:
            self._now.setdefault(part, {})[code] = "ended with the run before"
            if not is_same_run:
                self.end(part, code)

    def _tell(self, part: str, code: str, detail: str, state: int) -> None:
        values = {"part": part, "code": code, "state": state, "detail": detail[:_MAX_DETAIL] or None}
        self._emit("fault", part, values)
