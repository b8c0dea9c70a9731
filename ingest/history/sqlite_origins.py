"""Whose a chunk is, where it comes from, and when that was: series, origins, corrections.

Time is corrected in place, and only beside the body: `from_ms` is where the chunk belongs as far as is known
now, `origin.true_boot_at_ms` and `true_clock` say why. When a clock is won, the chunks of that boot whose
clock ranks lower are moved by one UPDATE per origin, and what comes later of that boot is moved as it
comes, because lanes do not wait for each other. Reading adds the same shift to every row.

Ids are remembered, so that no look-up is needed; and so are the hours whose rows became other ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware import wire
from ingest.decode import group_from_chunk
from ingest.history.summary import NAMES, Hour, begin_of

if TYPE_CHECKING:
    import sqlite3

    from ingest.history.chunk import Chunk

MAX_KNOWN = 100_000  # series and origins


class Origins:
    """Of one history on one connection; within its caller's transactions."""

    def __init__(self, connection: sqlite3.Connection, ahead_ms: int) -> None:
        self._connection = connection
        self._ahead_ms = ahead_ms
        self._series: dict[tuple[str, str, str], tuple[int, int]] = {}  # id, longest ms
        self._origins: dict[tuple[str, str, str, str, int, int], tuple[int, int]] = {}  # id, shift ms
        self._touched: set[Hour] = set()

    def forget(self) -> None:
        """Drop what is remembered of a transaction that was rolled back."""
        self._series.clear()
        self._origins.clear()
        self._touched.clear()

    def limit(self) -> None:
        """Remember no more ids than makes sense; the hours are still to be told."""
        if len(self._series) > MAX_KNOWN or len(self._origins) > MAX_KNOWN:
            self._series.clear()
            self._origins.clear()

    def touch(self, unit: str, group: wire.Group, from_ms: int, to_ms: int, shift_ms: int) -> None:
        """Note the hours that have rows of this group, which reach from one true time to another."""
        if not NAMES[group.kind]:
            return
        begins_ms = {begin_of(from_ms), begin_of(to_ms)}
        if len(begins_ms) > 1:
            begins_ms = {begin_of(time_ms + shift_ms) for time_ms in group.columns["time_ms"]}
        self._touched.update([Hour(begin_ms, group.kind, unit, group.source) for begin_ms in begins_ms])

    def take_touched(self) -> set[Hour]:
        """Hours whose rows became other ones since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    def series_of(self, unit: str, group: wire.Group, span_ms: int) -> int:
        """The id of a series that has a chunk of this length."""
        key = (unit, group.kind, group.source)
        known = self._series.get(key)
        if known is not None and known[1] >= span_ms:
            return known[0]
        series_id, longest_ms = self._connection.execute(
            "INSERT INTO series (unit, kind, source, longest_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET longest_ms = MAX(longest_ms, excluded.longest_ms) RETURNING id, longest_ms",
            (*key, span_ms),
        ).fetchone()
        self._series[key] = (series_id, longest_ms)
        return int(series_id)

    def origin_of(self, chunk: Chunk, clock: int, boot_at_ms: int) -> tuple[int, int]:
        """The id of where a chunk comes from, and by how much its times are moved."""
        key = (chunk.unit, chunk.boot, chunk.epoch, chunk.lane, clock, boot_at_ms)
        known = self._origins.get(key)
        if known is None:
            known = self._origins[key] = self._found_origin(key)
        return known

    def _found_origin(self, key: tuple[str, str, str, str, int, int]) -> tuple[int, int]:
        unit, boot, _, _, clock, boot_at_ms = key
        true = self._connection.execute(
            "SELECT clock, boot_at_ms FROM correction WHERE unit = ? AND boot = ? AND clock > ?",
            (unit, boot, clock),
        ).fetchone()
        origin_id, true_boot_at_ms = self._connection.execute(
            "INSERT INTO origin (unit, boot, epoch, lane, clock, boot_at_ms, true_clock, true_boot_at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET clock = clock"
            " RETURNING id, true_boot_at_ms",
            (*key, *((clock, boot_at_ms) if true is None else true)),
        ).fetchone()
        return origin_id, true_boot_at_ms - boot_at_ms

    def correct(self, chunk: Chunk) -> None:
        """Take what a `clock_set` says, and move what its boot recorded under lower clocks."""
        columns = chunk.group.columns
        for clock, boot_at_ms, time_ms in zip(
            columns["clock"], columns["boot_at_ms"], columns["time_ms"], strict=True
        ):
            is_better = self._connection.execute(
                "INSERT INTO correction VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " clock = excluded.clock, boot_at_ms = excluded.boot_at_ms, mono_ms = excluded.mono_ms"
                " WHERE (excluded.clock, excluded.mono_ms) > (clock, mono_ms) RETURNING 1",
                (chunk.unit, chunk.boot, clock, boot_at_ms, time_ms - boot_at_ms),
            ).fetchone()
            if is_better is not None:
                self._move(chunk.unit, chunk.boot, clock, boot_at_ms)

    def _move(self, unit: str, boot: str, clock: int, boot_at_ms: int) -> None:
        """Move what a boot recorded under lower clocks to where it belongs."""
        moved = self._connection.execute(
            "SELECT id, true_boot_at_ms FROM origin WHERE unit = ? AND boot = ? AND clock < ?",
            (unit, boot, clock),
        ).fetchall()
        for origin_id, before_ms in moved:
            shift_ms = boot_at_ms - before_ms
            self._touch_moved(unit, origin_id)
            self._connection.execute(
                "UPDATE chunk SET from_ms = from_ms + ?1,"
                " is_ahead = from_ms + ?1 + span_ms > received_ms + ?2 WHERE origin = ?3",
                (shift_ms, self._ahead_ms, origin_id),
            )
            self._connection.execute(
                "UPDATE origin SET true_clock = ?, true_boot_at_ms = ? WHERE id = ?",
                (clock, boot_at_ms, origin_id),
            )
            self._touch_moved(unit, origin_id)
        if moved:
            self._origins.clear()

    def _touch_moved(self, unit: str, origin_id: int) -> None:
        """Note the hours of an origin's rows, as their times are believed now."""
        found = self._connection.execute(
            "SELECT series.kind, series.source, chunk.from_ms, chunk.span_ms, chunk.prev, chunk.body,"
            " origin.true_boot_at_ms - origin.boot_at_ms FROM chunk JOIN series ON series.id = chunk.series"
            " JOIN origin ON origin.id = chunk.origin"
            " WHERE origin.id = ? AND origin.true_clock > 0 AND NOT chunk.is_ahead",
            (origin_id,),
        )
        for kind, source, from_ms, span_ms, prev, body, shift_ms in found:
            group = wire.Group(kind, source, {})
            if begin_of(from_ms) != begin_of(from_ms + span_ms):
                group.columns = group_from_chunk(kind, body, prev).columns
            self.touch(unit, group, from_ms, from_ms + span_ms, shift_ms)
