"""Changes that other threads ask for: each has its turn between two groups, and its own transaction.

The API, the sender of messages and the library's synchroniser write nothing themselves. They hand a piece of
work to the thread that does, and get its result, its error, or the word that no turn came in time. What was
given up before its turn is never done.
"""

from __future__ import annotations

import queue
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ingest.history import StoreBusy

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from ingest.writer import Writer


class Changes:
    """A queue; `wake` is called when something came into it."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._asked: queue.SimpleQueue[tuple[Callable[[sqlite3.Connection], Any], Future[Any]]]
        self._asked = queue.SimpleQueue()

    def ask(self, change: Callable[[sqlite3.Connection], Any], wait_s: float) -> Any:
        """What the change returns, from any thread; raises StoreBusy when it takes too long."""
        future: Future[Any] = Future()
        self._asked.put((change, future))
        self._wake()
        try:
            return future.result(wait_s)
        except TimeoutError:
            future.cancel()
            raise StoreBusy(f"the store did not take the change within {wait_s:.0f} s: try again") from None

    def make(self, writer: Writer) -> None:
        """Do all that wait; a change that fails tells whoever asked."""
        while not self._asked.empty():
            change, future = self._asked.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                with writer.transaction():
                    result = change(writer.ledger)
            except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                future.set_exception(error)
            else:
                future.set_result(result)
