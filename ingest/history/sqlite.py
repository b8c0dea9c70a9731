"""History in SQLite: a row per chunk, which is twenty times faster and six times smaller than a row per fix.

A chunk's body stays as the unit sent it. Beside it lie whose it is (`series`: unit, kind, source), where it
comes from (`origin`: the boot of an outbox, its clock and boot instant) and when it happened. Chunks are
appended in the order they come, which fills the pages; two narrow indexes find them by time and by seq.

`sqlite_origins` says whose a chunk is and corrects its time, `sqlite_summaries` keeps what an hour was.

Rows that claim to be from the future are kept with a flag and left out of every reading; a correction that
brings them back into the past clears it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from firmware import wire
from ingest.decode import group_from_chunk
from ingest.history import Buckets, Spoilt, sqlite_summaries
from ingest.history.bucket import bucketed
from ingest.history.chunk import AHEAD_MS, CLOCK_NONE, Chunk, Piece, Row, is_ahead, pieces, rows_by_seq
from ingest.history.errors import errors
from ingest.history.sqlite_origins import Origins
from ingest.stretch import Stored, Stretch, stored

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from ingest.history.summary import Hour, Summary


_INSERT = (
    "INSERT OR IGNORE INTO chunk"
    " (series, origin, prev, last_seq, from_ms, span_ms, received_ms, is_ahead, body)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SELECT_BODY = (
    "SELECT chunk.from_ms, chunk.span_ms, series.source, chunk.prev, chunk.body,"
    " origin.true_boot_at_ms - origin.boot_at_ms, origin.true_clock"
    " FROM chunk JOIN origin ON origin.id = chunk.origin JOIN series ON series.id = chunk.series"
)
# A chunk that ends last begins at most the longest chunk's length before the one that begins last.
_NEWEST_MS = """
    SELECT MAX(chunk.from_ms + chunk.span_ms) FROM chunk JOIN series ON series.id = chunk.series
    WHERE series.unit = ?1 AND series.kind = ?2 AND series.source = ?3 AND NOT chunk.is_ahead
    AND chunk.from_ms >= (
        SELECT MAX(last.from_ms) FROM chunk AS last WHERE last.series = series.id AND NOT last.is_ahead
    ) - series.longest_ms
"""
_EXPIRE = """
    DELETE FROM chunk WHERE id IN (
        SELECT chunk.id FROM series JOIN chunk ON chunk.series = series.id
        JOIN origin ON origin.id = chunk.origin
        WHERE series.kind = ?1 AND chunk.from_ms < ?2 AND chunk.from_ms + chunk.span_ms < ?2
        AND origin.true_clock > 0 LIMIT ?3
    )
"""

_ERASE_OLDER = """
    DELETE FROM chunk WHERE id IN (
        SELECT chunk.id FROM series JOIN chunk ON chunk.series = series.id
        JOIN origin ON origin.id = chunk.origin
        WHERE series.unit = ?1 AND chunk.from_ms < ?2 AND chunk.from_ms + chunk.span_ms < ?2
        AND origin.true_clock > 0
    )
"""


class SqliteHistory:
    """A history on an open connection; its caller begins and ends transactions.

    A read-only connection reads; only the file's one writer writes.
    """

    def __init__(self, connection: sqlite3.Connection, ahead_ms: int = AHEAD_MS) -> None:
        self._connection = connection
        self._ahead_ms = ahead_ms
        self._origins = Origins(connection, ahead_ms)

    def forget(self) -> None:
        """Drop what is remembered of a transaction that was rolled back."""
        self._origins.forget()

    def take_touched(self) -> set[Hour]:
        """Hours whose rows became other ones since the last call."""
        return self._origins.take_touched()

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Keep these rows, each chunk once."""
        self._origins.limit()
        with errors():
            rows = [self._row(piece) for chunk in chunks for piece in pieces(chunk, self._ahead_ms)]
            self._connection.executemany(_INSERT, rows)
            for chunk in chunks:
                if chunk.group.kind == "clock_set":
                    self._origins.correct(chunk)

    def settle(self) -> list[Spoilt]:
        """Nothing: the caller's commit keeps all rows or none."""
        return []

    def _row(self, piece: Piece) -> tuple[Any, ...]:
        chunk, from_ms, to_ms, clock, boot_at_ms = piece
        origin_id, shift_ms = self._origins.origin_of(chunk, clock, boot_at_ms)
        is_future = is_ahead(clock, to_ms + shift_ms, chunk.received_ms, self._ahead_ms)
        if not is_future and (shift_ms or clock != CLOCK_NONE):
            self._origins.touch(chunk.unit, chunk.group, from_ms + shift_ms, to_ms + shift_ms, shift_ms)
        return (
            self._origins.series_of(chunk.unit, chunk.group, to_ms - from_ms),
            origin_id,
            chunk.prev,
            chunk.group.columns["seq"][-1],
            from_ms + shift_ms,
            to_ms - from_ms,
            chunk.received_ms,
            is_future,
            chunk.body,
        )

    def read(
        self, unit: str, kind: str, source: str | None, from_ms: int, to_ms: int, max_rows: int | None = None
    ) -> wire.Group:
        """Rows of a kind between two times, sorted, times corrected; the columns have `source` besides."""
        with errors():
            found = self._connection.execute(
                f"{_SELECT_BODY} WHERE series.unit = ?1 AND series.kind = ?2"
                " AND (?3 IS NULL OR series.source = ?3)"
                " AND chunk.from_ms BETWEEN ?4 - series.longest_ms AND ?5 AND NOT chunk.is_ahead"
                " AND chunk.from_ms + chunk.span_ms >= ?4 ORDER BY chunk.from_ms, chunk.last_seq",
                (unit, kind, source, from_ms, to_ms),
            )
            rows = Stretch(kind, _found(kind, found, from_ms, max_rows))
        _sort(rows)
        _cut(rows, from_ms, to_ms, max_rows)
        # Whoever reads a group does not see the difference, and a dict is what other makers of groups give.
        return wire.Group(kind, source or "", cast("dict[str, list[Any]]", rows))

    def newest(self, unit: str, kind: str, source: str) -> wire.Group:
        """The row of the latest time, none of a series without rows."""
        with errors():
            (newest_ms,) = self._connection.execute(_NEWEST_MS, (unit, kind, source)).fetchone()
        if newest_ms is None:
            return self.read(unit, kind, source, 0, -1)
        group = self.read(unit, kind, source, newest_ms, newest_ms)
        group.columns = {name: column[-1:] for name, column in group.columns.items()}
        return group

    def buckets(
        self,
        unit: str,
        kind: str,
        source: str,
        names: Sequence[str],
        from_ms: int,
        to_ms: int,
        bucket_ms: int,
    ) -> Buckets:
        """Rows down-sampled."""
        return bucketed(self.read(unit, kind, source, from_ms, to_ms), names, bucket_ms)

    def erase(self, unit: str, before_ms: int | None = None) -> None:
        """Delete all rows of a unit, and what is known of their times; or whole chunks that ended before."""
        with errors():
            if before_ms is not None:
                self._connection.execute(_ERASE_OLDER, (unit, before_ms))
                self._connection.execute(
                    "DELETE FROM summary WHERE begin_ms <= ?2 - 3600000"
                    " AND series IN (SELECT id FROM series WHERE unit = ?1)",
                    (unit, before_ms),
                )
                return
            for table in ("chunk", "summary"):
                self._connection.execute(
                    f"DELETE FROM {table} WHERE series IN (SELECT id FROM series WHERE unit = ?)",  # noqa: S608
                    (unit,),
                )
            for table in ("series", "origin", "correction"):
                self._connection.execute(f"DELETE FROM {table} WHERE unit = ?", (unit,))  # noqa: S608
        self.forget()

    def expire(self, kind: str, before_ms: int, most: int) -> int:
        """Delete chunks that ended before that, the first `most` that are found."""
        with errors():
            return self._connection.execute(_EXPIRE, (kind, before_ms, most)).rowcount

    def put_summaries(self, summaries: Sequence[Summary]) -> None:
        """Keep these, in place of what was kept of the same hours."""
        sqlite_summaries.put(self._connection, summaries)

    def drop_summaries(self, hours: Iterable[Hour]) -> None:
        """Let go what is kept of hours that have no rows any more."""
        sqlite_summaries.drop(self._connection, hours)

    def summaries(self, unit: str, kind: str, source: str, from_ms: int, to_ms: int) -> list[Summary]:
        """The hours of a series that begin within from_ms <= begin_ms <= to_ms, in order."""
        return sqlite_summaries.between(self._connection, unit, kind, source, from_ms, to_ms)

    def sources(self, unit: str) -> list[tuple[str, str]]:
        """Which (kind, source) there are of a unit."""
        return self._connection.execute(
            "SELECT kind, source FROM series WHERE unit = ? ORDER BY kind, source", (unit,)
        ).fetchall()

    def rows_between(
        self, unit: str, epoch: str, lane: str, boot: str, first_seq: int, last_seq: int
    ) -> dict[int, Row]:
        """The rows of a lane by seq, as they were sent."""
        out: dict[int, Row] = {}
        origins = self._connection.execute(
            "SELECT id FROM origin WHERE unit = ? AND boot = ? AND epoch = ? AND lane = ?",
            (unit, boot, epoch, lane),
        ).fetchall()
        for (origin_id,) in origins:
            chunks = self._connection.execute(
                "SELECT kind, prev, body FROM chunk JOIN series ON series.id = chunk.series"
                " WHERE origin = ? AND last_seq >= ? ORDER BY last_seq",
                (origin_id, first_seq),
            )
            for kind, prev, body in chunks:
                if prev >= last_seq:
                    break
                out.update(rows_by_seq(group_from_chunk(kind, body, prev)))
        return {seq: row for seq, row in out.items() if first_seq <= seq <= last_seq}


def _found(
    kind: str,
    found: Iterable[tuple[int, int, str, int, bytes, int, int]],
    from_ms: int,
    max_rows: int | None,
) -> list[Stored]:
    """Whole chunks in order, as many as are needed to be sure of the first `max_rows`."""
    out: list[Stored] = []
    rows = newest_ms = 0
    for begins_ms, span_ms, source, prev, body, shift_ms, true_clock in found:
        if max_rows is not None and rows >= max_rows and begins_ms > newest_ms:
            break
        out.append(stored(kind, source, prev, body, shift_ms, true_clock if shift_ms else None))
        newest_ms = max(newest_ms, begins_ms + span_ms)
        rows += out[-1].rows if begins_ms >= from_ms else 0
    return out


def _sort(rows: Stretch) -> None:
    """By (time_ms, seq). Chunks come in order of time, so mostly there is nothing to do."""
    times, seqs = rows.array("time_ms"), rows.array("seq")
    if (np.diff(times) < 0).any() or (np.diff(seqs) < 0).any():
        rows.pick(np.lexsort((seqs, times)))


def _cut(rows: Stretch, from_ms: int, to_ms: int, max_rows: int | None) -> None:
    times = rows.array("time_ms")
    low, high = np.searchsorted(times, from_ms).item(), np.searchsorted(times, to_ms, "right").item()
    if max_rows is not None:
        high = min(high, low + max_rows)
    if low > 0 or high < times.size:
        rows.pick(slice(low, high))
