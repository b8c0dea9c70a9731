"""The watchdog is fed only when every task has reported in time: one that hangs restarts the board."""


class Watchdog:
    """Tasks report; `is_well` says whether all of them did."""

    def __init__(self) -> None:
        self._due: "dict[str, int]" = {}

    def report(self, task: str, now_ms: int, within_ms: int) -> None:
        """The task is alive, and will report again within so long."""
        self._due[task] = now_ms + within_ms

    def late(self, now_ms: int) -> "list[str]":
        """The tasks that should have reported by now."""
        return sorted([task for task, due_ms in self._due.items() if now_ms > due_ms])
