"""History in InfluxDB: a point per row, written once and never rewritten.

`influx_lines` says what a point is, `influx_posts` brings points there, `influx_index` keeps in the ledger's
file where they lie and how their times were corrected since. Retention is InfluxDB's own: a policy (version
1) or bucket "database/policy" (2 and 3) per class of `classes`; what is older is refused and goes to
quarantine like any row that the store will never take.

Rows are read by time, in pages. Beside the window that is asked for, the windows are read in which rows of
corrected boots lie; and those rows are left out where they lie no more.
"""

from __future__ import annotations

import logging
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from firmware import wire
from ingest.history import Bucket, Buckets, Spoilt, StoreMisset, influx_summaries
from ingest.history.bucket import bucketed
from ingest.history.chunk import AHEAD_MS, CLOCK_NONE, Piece, Row, is_ahead, pieces
from ingest.history.classes import CLASSES, LONG, OF_ROWS, class_of
from ingest.history.errors import errors
from ingest.history.influx_asked import Asked, AskedRow, Look, group_of, looks_of
from ingest.history.influx_index import Index
from ingest.history.influx_lines import NS
from ingest.history.influx_posts import Posts
from ingest.history.summary import NAMES, Hour, begin_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ingest.history.chunk import Chunk
    from ingest.history.influx_index import Origin
    from ingest.history.influx_server import InfluxServer
    from ingest.history.summary import Summary

log = logging.getLogger(__name__)

PAGE_ROWS = 20_000
CORE_SPAN_NS = 72 * 3_600_000 * NS  # what a query of version 3 Core may span
DELETES = 200  # statements in one request

_DELETE = 'DELETE FROM /.*/ WHERE "unit" = $unit'


class InfluxHistory:
    """A history on a server, with its index on an open connection of the ledger."""

    def __init__(
        self,
        server: InfluxServer,
        ledger: sqlite3.Connection,
        ahead_ms: int = AHEAD_MS,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """`meanwhile` is called while posts are waited for."""
        self._server = server
        self._ahead_ms = ahead_ms
        self._index = Index(ledger)
        self._posts = Posts(server, ahead_ms, meanwhile)
        self._touched: set[Hour] = set()

    # --- writing

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Begin to keep these rows; `settle` says when they are."""
        for chunk in chunks:
            for piece in pieces(chunk, self._ahead_ms):
                self._posts.add(class_of(chunk.group.kind, piece.clock), piece)
                with errors():
                    self._note(piece)
        for chunk in chunks:
            if chunk.group.kind == "clock_set":
                with errors():
                    self._correct(chunk)

    def _note(self, piece: Piece) -> None:
        is_future = is_ahead(piece.clock, piece.to_ms, piece.chunk.received_ms, self._ahead_ms)
        self._index.note(piece, is_ahead=is_future)
        unit, group = piece.chunk.unit, piece.chunk.group
        if not NAMES[group.kind]:
            return
        shift_ms = self._index.shift_ms(unit, piece.chunk.boot, piece.clock, piece.boot_at_ms)
        if shift_ms or (piece.clock != CLOCK_NONE and not is_future):
            first_ms, last_ms = begin_of(piece.from_ms + shift_ms), begin_of(piece.to_ms + shift_ms)
            begins_ms = {first_ms, last_ms}
            if first_ms != last_ms:
                begins_ms = {begin_of(time_ms + shift_ms) for time_ms in group.columns["time_ms"]}
            self._touched.update(Hour(begin_ms, group.kind, unit, group.source) for begin_ms in begins_ms)

    def _correct(self, chunk: Chunk) -> None:
        clock = max(chunk.group.columns["clock"])
        before = set(self._index.hours(chunk.unit, chunk.boot, clock))
        if not self._index.correct(chunk):
            return
        hours = before.union(self._index.hours(chunk.unit, chunk.boot, clock))
        for kind, source in self._index.sources(chunk.unit):
            if NAMES[kind]:
                lane = wire.KINDS[kind].lane
                self._touched.update(
                    Hour(hour_ms, kind, chunk.unit, source) for own, hour_ms in hours if own == lane
                )

    def settle(self) -> list[Spoilt]:
        """Wait until all that was written is kept; the rows that never will be."""
        return self._posts.settle()

    def forget(self) -> None:
        """Drop what is remembered of a transaction that was rolled back."""
        self._posts.drop()
        self._index.forget()
        self._touched.clear()

    def take_touched(self) -> set[Hour]:
        """Hours whose rows became other ones, and perhaps a few more, since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    # --- reading

    def read(
        self, unit: str, kind: str, source: str | None, from_ms: int, to_ms: int, max_rows: int | None = None
    ) -> wire.Group:
        """Rows of a kind between two times, sorted, times corrected; the columns have `source` besides."""
        if not (wire.is_unit(unit) and (source is None or wire.is_source(source))) or from_ms > to_ms:
            return group_of(kind, source, [])
        origins = self._origins(unit, kind, from_ms, to_ms)
        asked = Asked(kind, unit, source, origins)
        rows: list[AskedRow] = []
        for look in looks_of(kind, origins, from_ms, to_ms):
            rows += self._rows(asked, look, max_rows)
        rows.sort(key=itemgetter(1, 0))
        return group_of(kind, source, rows if max_rows is None else rows[:max_rows])

    def _origins(self, unit: str, kind: str, from_ms: int, to_ms: int) -> list[Origin]:
        with errors():
            return self._index.origins(unit, wire.KINDS[kind].lane, from_ms, to_ms)

    def _rows(self, asked: Asked, look: Look, max_rows: int | None) -> list[AskedRow]:
        """Usable rows of a look; at least the first `max_rows` by time."""
        rows: list[AskedRow] = []
        for from_ns, to_ns in self._spans(look):
            for page, whole_ms in self._pages(asked, look, from_ns, to_ns):
                rows += asked.usable(page, look, self._ahead_ms)
                if max_rows is not None and len(rows) > max_rows and rows[max_rows - 1][1] < whole_ms:
                    return rows
        return rows

    def _spans(self, look: Look) -> Iterator[tuple[int, int]]:
        from_ns, to_ns = look.from_ms * NS, look.to_ms * NS + NS - 1
        if not self._server.is_core():
            yield from_ns, to_ns
            return
        with errors():
            lies = self._index.lies_from_to()
        if lies is not None and look.policy != LONG:
            from_ns, to_ns = max(from_ns, lies[0] * NS), min(to_ns, lies[1] * NS + NS - 1)
        while from_ns <= to_ns:
            yield from_ns, min(from_ns + CORE_SPAN_NS - 1, to_ns)
            from_ns += CORE_SPAN_NS

    def _pages(
        self, asked: Asked, look: Look, from_ns: int, to_ns: int
    ) -> Iterator[tuple[list[list[Any]], int]]:
        """Rows in order of their points, page by page; and the time before which they are whole."""
        limit = PAGE_ROWS
        while True:
            page = self._page(asked, look, from_ns, to_ns, limit)
            if len(page) < limit:
                yield page, look.to_ms + look.shift_ms + 1
                return
            last_ns = page[-1][0]
            whole = next(at for at, row in enumerate(page) if row[0] == last_ns)
            if whole == 0:  # a page of one instant
                limit *= 2
                continue
            yield page[:whole], last_ns // NS + look.shift_ms
            from_ns = last_ns

    def _page(
        self, asked: Asked, look: Look, from_ns: int, to_ns: int, limit: int, order: str = "ASC"
    ) -> list[list[Any]]:
        where, values = asked.where(look, from_ns, to_ns)
        statement = (
            f'SELECT {asked.select} FROM "{asked.kind}" WHERE {where} ORDER BY time {order} LIMIT {limit}'  # noqa: S608 - names of the wire
        )
        (tables,) = self._server.ask(statement, values, look.policy)
        return tables[0].rows if tables else []

    def newest(self, unit: str, kind: str, source: str) -> wire.Group:
        """The row of the latest time, none of a series without rows."""
        if not (wire.is_unit(unit) and wire.is_source(source)):
            return group_of(kind, source, [])
        origins = self._origins(unit, kind, 0, wire.MAX_TIME_MS)
        asked = Asked(kind, unit, source, origins)
        looks = looks_of(kind, origins, 0, wire.MAX_TIME_MS)
        times = [row[1] for look in looks for row in self._last(asked, look)]
        if not times:
            return group_of(kind, source, [])
        group = self.read(unit, kind, source, max(times), max(times))  # several may share a millisecond
        group.columns = {name: column[-1:] for name, column in group.columns.items()}
        return group

    def _last(self, asked: Asked, look: Look) -> list[AskedRow]:
        """The usable row of a look that is the latest."""
        for from_ns, end_ns in reversed(list(self._spans(look))):
            to_ns, limit = end_ns, 1
            while True:
                page = self._page(asked, look, from_ns, to_ns, limit, "DESC")
                usable = asked.usable(page, look, self._ahead_ms)
                if usable:
                    return usable[:1]
                if len(page) < limit:
                    break
                to_ns, limit = page[-1][0] - 1, min(10 * limit, PAGE_ROWS)
        return []

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
        """Rows down-sampled: by the server where all rows lie where they belong."""
        if not (wire.is_unit(unit) and wire.is_source(source)) or from_ms > to_ms:
            return Buckets([], [], {name: [] for name in names})
        origins = self._origins(unit, kind, from_ms, to_ms)
        is_plain = not any(own.is_moved or own.has_ahead or own.clock == CLOCK_NONE for own in origins)
        if not is_plain or self._server.is_core():
            return bucketed(self.read(unit, kind, source, from_ms, to_ms), names, bucket_ms)
        return self._asked_buckets(Asked(kind, unit, source, []), names, from_ms, to_ms, bucket_ms)

    def _asked_buckets(
        self, asked: Asked, names: Sequence[str], from_ms: int, to_ms: int, bucket_ms: int
    ) -> Buckets:
        known = [name for name in names if name in wire.KINDS[asked.kind].by_name]
        wanted = "".join(f', MIN("{name}"), MAX("{name}"), MEAN("{name}")' for name in known)
        out = Buckets([], [], {name: [] for name in names})
        look = Look(class_of(asked.kind), from_ms, to_ms)
        where, values = asked.where(look, from_ms * NS, to_ms * NS + NS - 1)
        statement = (
            f'SELECT COUNT("seq"){wanted} FROM "{asked.kind}" WHERE {where}'  # noqa: S608 - names of the wire
            f" GROUP BY time({bucket_ms}ms) fill(none)"
        )
        (tables,) = self._server.ask(statement, values, look.policy)
        for begin_ns, rows, *cells in tables[0].rows if tables else []:
            out.begin_ms.append(begin_ns // NS)
            out.rows.append(rows)
            for at, name in enumerate(known):
                least, most, mean = cells[3 * at : 3 * at + 3]
                out.values[name].append(None if least is None else Bucket(least, most, mean))
        return out

    def sources(self, unit: str) -> list[tuple[str, str]]:
        """Which (kind, source) there are of a unit."""
        with errors():
            return self._index.sources(unit)

    def rows_between(
        self, unit: str, epoch: str, lane: str, boot: str, first_seq: int, last_seq: int
    ) -> dict[int, Row]:
        """The rows of a lane by seq, as they were sent."""
        out: dict[int, Row] = {}
        with errors():
            kinds = {kind for kind, _ in self._index.sources(unit) if wire.KINDS[kind].lane == lane}
            extents = self._index.extents(unit, epoch, lane, boot, first_seq, last_seq)
        for kind in kinds:
            for clock, from_ms, to_ms in extents:
                asked = Asked(kind, unit, None, [])
                asked.only = {"epoch": epoch, "boot": boot}
                asked.seqs = (first_seq, last_seq)
                look = Look(class_of(kind, clock), from_ms, to_ms)
                for seq, time_ms, boot_at_ms, own_clock, *cells, source in self._rows(asked, look, None):
                    out[seq] = (kind, source, seq, time_ms, boot_at_ms, own_clock, *cells)
        return out

    # --- the end of rows

    def erase(self, unit: str, before_ms: int | None = None) -> None:
        """Delete all points of a unit, then what the index knows of them; or only points before a time."""
        if not wire.is_unit(unit):
            return
        if self._server.is_core():
            raise StoreMisset("InfluxDB 3 Core deletes no points: a unit is erased on other versions only")
        if before_ms is not None:
            self._erase_before(unit, before_ms)
            return
        for policy in CLASSES:
            self._server.ask(_DELETE, {"unit": unit}, policy, is_read=False)
        with errors():
            self._index.erase(unit)

    def _erase_before(self, unit: str, before_ms: int) -> None:
        """Rows of a moved boot lie elsewhere: DELETE knows no fields, so each one's time is looked up."""
        for policy in OF_ROWS:
            values: dict[str, object] = {"unit": unit, "before": before_ms * NS}
            self._server.ask(f"{_DELETE} AND time < $before", values, policy, is_read=False)
        for kind, source in self.sources(unit):
            origins = self._origins(unit, kind, 0, before_ms - 1)
            asked = Asked(kind, unit, source, origins)
            for look in looks_of(kind, origins, 0, before_ms - 1):
                if look.origin is not None:
                    self._erase_look(asked, look)

    def _erase_look(self, asked: Asked, look: Look) -> None:
        for from_ns, to_ns in self._spans(look):
            for page, _ in self._pages(asked, look, from_ns, to_ns):
                for first in range(0, len(page), DELETES):
                    times = [f"{_DELETE} AND time = {row[0]}" for row in page[first : first + DELETES]]
                    self._server.ask("; ".join(times), {"unit": asked.unit}, look.policy, is_read=False)

    def expire(self, _kind: str, _before_ms: int, _most: int) -> int:
        """Nothing: InfluxDB lets points expire by their policy."""
        return 0

    # --- summaries

    def put_summaries(self, summaries: Sequence[Summary]) -> None:
        """Keep these, in place of what was kept of the same hours."""
        influx_summaries.put(self._server, summaries)

    def drop_summaries(self, hours: Iterable[Hour]) -> None:
        """Let go what is kept of hours that have no rows any more: say that there are none."""
        influx_summaries.drop(self._server, hours)

    def summaries(self, unit: str, kind: str, source: str, from_ms: int, to_ms: int) -> list[Summary]:
        """The hours of a series that begin within from_ms <= begin_ms <= to_ms, in order."""
        if not (wire.is_unit(unit) and wire.is_source(source)) or from_ms > to_ms:
            return []
        return influx_summaries.between(self._server, unit, kind, source, from_ms, to_ms)
