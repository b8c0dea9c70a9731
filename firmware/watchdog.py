"""The watchdog is fed only when every task has reported in time: one that hangs restarts the board."""

LATE_MS = 120_000  # a task that says nothing for so long hangs


class Watchdog:
    """Tasks report; `late` says which did not."""

    def __init__(self) -> None:
        self._due: "dict[str, int]" = {}

    def report(self, task: str, now_ms: int, within_ms: int = LATE_MS) -> None:
        """The task is alive, and will report again within so long."""
        self._due[task] = now_ms + within_ms

    def late(self, now_ms: int) -> "list[str]":
        """The tasks that should have reported by now."""
        return sorted([task for task, due_ms in self._due.items() if now_ms > due_ms])
