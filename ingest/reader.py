"""Reading beside the writer: a few read-only connections on the service's file.

SQLite in WAL mode lets any number of readers go on while the pipeline commits, each on the state of the
moment it began. A connection is lent to one thread at a time.
"""

from __future__ import annotations

import queue
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest.ledger.files import open_reading

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

CONNECTIONS = 4
WAIT_S = 5


class ReaderBusy(RuntimeError):
    """All connections are lent; waiting helps."""


class Reader:
    """What the API shows of the history and the ledger at `path`."""

    def __init__(self, path: Path) -> None:
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        for _ in range(CONNECTIONS):
            self._idle.put(open_reading(path))

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get(timeout=WAIT_S)
        except queue.Empty:
            raise ReaderBusy(f"{CONNECTIONS} readers are busy for {WAIT_S} s") from None
        try:
            yield connection
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Close what is not lent."""
        while not self._idle.empty():
            self._idle.get().close()
