"""Reading beside the writer: a few read-only connections on the service's file.

SQLite in WAL mode lets any number of readers go on while the pipeline commits, each on the state of the
moment it began. A connection is lent to one thread at a time, and only for one look: whoever streams a long
track reads it page by page and holds nothing in between.
"""

from __future__ import annotations

import queue
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from firmware import wire
from ingest.ledger import dirty_hours, erasures, horizons, marks, quarantine, units
from ingest.ledger.files import open_reading
from ingest.stretch import first_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ingest.history import Buckets, History
    from ingest.history.factory import Histories
    from ingest.history.summary import Summary
    from ingest.ledger.erasures import Erasure
    from ingest.ledger.marks import Gap, Lane
    from ingest.ledger.quarantine import Refused
    from ingest.ledger.units import Unit

CONNECTIONS = 4
WAIT_S = 5
PAGE_ROWS = 20_000
EVENT_KINDS = tuple(name for name, kind in wire.KINDS.items() if kind.lane == "event")
MAX_EVENTS_READ = 5_000  # of a kind in one look
HOUR_MS = 3_600_000

Columns = Mapping[str, list[Any]]
T = TypeVar("T")


class ReaderBusy(RuntimeError):
    """All connections are lent; waiting helps."""


class Reader:
    """What the API shows of the history and the ledger at `path`."""

    def __init__(self, path: Path, histories: Histories) -> None:
        self._histories = histories
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        for _ in range(CONNECTIONS):
            self._idle.put(open_reading(path))

    def close(self) -> None:
        """Close what is not lent."""
        while not self._idle.empty():
            self._idle.get().close()

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

    def look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` finds, on one state of the ledger however many statements it asks."""
        with self._lent() as connection:
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("COMMIT")

    @contextmanager
    def _history(self) -> Iterator[History]:
        with self._lent() as connection:
            yield self._histories.on(connection)

    def unit(self, unit: str) -> Unit | None:
        """What is known of a unit, None when it was never heard of."""
        with self._lent() as connection:
            return units.find(connection, unit)

    def lanes(self, unit: str) -> list[Lane]:
        """How much of each lane is stored."""
        with self._lent() as connection:
            return marks.lanes(connection, unit)

    def gaps(self, unit: str) -> list[Gap]:
        """What the unit had lost."""
        with self._lent() as connection:
            return marks.gaps(connection, unit)

    def refused(self, limit: int, before_id: int | None) -> list[Refused]:
        """Payloads set aside, newest first."""
        with self._lent() as connection:
            return quarantine.newest(connection, limit, before_id)

    def refused_payload(self, refused_id: int) -> bytes | None:
        """The bytes of one of them."""
        with self._lent() as connection:
            return quarantine.payload(connection, refused_id)

    def sources(self, unit: str, kind: str) -> list[str]:
        """Which sources of the unit ever gave a record of a kind."""
        with self._history() as history:
            return [source for own, source in history.sources(unit) if own == kind]

    def buckets(
        self, unit: str, kind: str, source: str, name: str, from_ms: int, to_ms: int, bucket_ms: int
    ) -> Buckets:
        """A field down-sampled, from rows."""
        with self._history() as history:
            return history.buckets(unit, kind, source, [name], from_ms, to_ms, bucket_ms)

    def summaries(self, unit: str, kind: str, source: str, from_ms: int, to_ms: int) -> list[Summary]:
        """Hours of a series that begin between two times."""
        with self._history() as history:
            return history.summaries(unit, kind, source, from_ms, to_ms)

    def dirty_hours(self, unit: str, kind: str, source: str, from_ms: int, to_ms: int) -> list[int]:
        """When those hours of a series begin whose summaries are not true yet."""
        with self._lent() as connection:
            return dirty_hours.of_series(connection, unit, kind, source, from_ms, to_ms)

    def horizon_ms(self, kind: str) -> int:
        """Before this time rows of a kind have expired; 0 when none has."""
        with self._lent() as connection:
            return horizons.all_horizons(connection).get(kind, 0)

    def erasures(self, unit: str, limit: int) -> list[Erasure]:
        """Who erased a unit's history, newest first."""
        with self._lent() as connection:
            return erasures.newest(connection, limit, unit)

    def fix_sources(self, unit: str) -> list[str]:
        """Which sources of the unit ever gave a fix."""
        with self._lent() as connection:
            return [source for kind, source in self._histories.on(connection).sources(unit) if kind == "fix"]

    def fixes(self, unit: str, source: str, from_ms: int, to_ms: int) -> Iterator[Columns]:
        """Fixes of a source from one instant to before another, page by page."""
        return self.pages(unit, "fix", source, from_ms, to_ms)

    def pages(self, unit: str, kind: str, source: str | None, from_ms: int, to_ms: int) -> Iterator[Columns]:
        """Rows of a kind from one instant to before another, page by page."""
        while from_ms < to_ms:
            columns = self._read(unit, kind, source, from_ms, to_ms - 1, PAGE_ROWS).columns
            times = columns["time_ms"]
            if len(times) < PAGE_ROWS or times[0] == times[-1]:
                yield columns
                return
            # The page may have cut through rows of one millisecond: they all come with the next.
            whole = times.index(times[-1])
            yield first_rows(columns, whole)
            from_ms = times[-1]

    def _read(
        self, unit: str, kind: str, source: str | None, from_ms: int, to_ms: int, rows: int
    ) -> wire.Group:
        with self._lent() as connection:
            return self._histories.on(connection).read(unit, kind, source, from_ms, to_ms, rows)

    def events(self, unit: str, from_ms: int, before_ms: int, limit: int) -> list[dict[str, Any]]:
        """Event records by (kind, columns' names), newest first; those of one moment are never parted.

        The history is read forward, so the search goes back in steps: wider where little happened, narrower
        where more happened than is worth reading.
        """
        found: list[dict[str, Any]] = []
        step_ms = HOUR_MS
        while before_ms > from_ms and len(found) < limit:
            begin_ms = max(from_ms, before_ms - step_ms)
            pages = [
                self._read(unit, kind, None, begin_ms, before_ms - 1, MAX_EVENTS_READ) for kind in EVENT_KINDS
            ]
            if step_ms > 1 and any(page.rows >= MAX_EVENTS_READ for page in pages):
                step_ms = max(1, step_ms // 8)
                continue
            rows = [row for page in pages for row in _rows(page)]
            found += sorted(rows, key=lambda row: (row["time_ms"], row["seq"]), reverse=True)
            before_ms, step_ms = begin_ms, step_ms * 2
        return _first(found, limit)


def _rows(group: wire.Group) -> Iterator[dict[str, Any]]:
    names = ("kind", *group.columns)
    for cells in zip(*group.columns.values(), strict=True):
        yield dict(zip(names, (group.kind, *cells), strict=True))


def _first(rows: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    while limit < len(rows) and rows[limit]["time_ms"] == rows[limit - 1]["time_ms"]:
        limit += 1
    return rows[:limit]
