"""What goes when the file has reached its cap, in order, and what goes with age.

First the black box (the service has it), then the raw track that has been handed on, then detail of fixes,
then detail of measurements. Events never go. Each step is one small transaction; what was not yet receipted
is answered for by a `thinned` loss, which the outbox writes into the event lane in the same transaction.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.outbox.lanes import Lane, lanes_of, rows_between
from edge.outbox.raw import cursor
from edge.outbox.rows import Row, cells_of
from edge.outbox.schema import count_meta, meta, set_meta
from edge.outbox.windows import fix_of, lines_of
from edge.thinning import EXTREMES_BUCKET, extremes
from edge.track import thinned
from firmware import wire

if TYPE_CHECKING:
    from edge.outbox.connection import Connection

HIGH = 0.90  # of the cap: begin to make room
LOW = 0.85  # of the cap: enough
ROWS_AT_ONCE = 1000
LARGEST_BOUND_M = 20_000
LARGEST_BUCKET = 4096
TRACK, SENSE = wire.LANES.index("track"), wire.LANES.index("sense")


@dataclass(frozen=True, slots=True)
class Loss:
    """Rows that went without a receipt."""

    lane: int
    first_seq: int
    last_seq: int
    count: int
    reason: str
    bound_m: int | None = None


def is_over(db: Connection, share: float) -> bool:
    """Whether more than that share of the cap is in use."""
    pages, free, cap = (
        db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "max_page_count")
    )
    return bool(pages - free > share * cap)


def make_room(db: Connection, tolerance_m: float) -> tuple[bool, Loss | None]:
    """One step of making room: whether anything went, and what of it has to be answered for."""
    if drop_black_box(db, ROWS_AT_ONCE) or drop_raw(db, ROWS_AT_ONCE):
        return True, None
    for lane, thin in ((TRACK, _thin_fixes), (SENSE, _thin_sense)):
        for entry in lanes_of(db, lane):
            loss = _thin(db, entry, tolerance_m, thin)
            if loss is not None:
                return True, loss
    return False, None


def drop_black_box(db: Connection, most: int, older_than: tuple[int, int] | None = None) -> int:
    """Drop the oldest receipted rows; with `older_than` (boot, mono_ms) only those before that moment."""
    for index in reversed(range(len(wire.LANES))):
        for lane in lanes_of(db, index):
            rows = rows_between(db, lane, 0, lane.mark, most)
            if older_than is not None:
                rows = list(itertools.takewhile(lambda row: (row.boot, row.mono_ms) < older_than, rows))
            if rows:
                db.execute(
                    "DELETE FROM rows WHERE epoch = ? AND lane = ? AND seq <= ?",
                    (lane.epoch, index, rows[-1].seq),
                )
                return len(rows)
    return 0


def drop_raw(db: Connection, most: int, older_than: tuple[int, int] | None = None) -> int:
    """Drop the oldest raw fixes that have been handed to the lane."""
    found = db.execute(
        "SELECT id, boot, mono_ms FROM raw WHERE id <= ? ORDER BY id LIMIT ?", (cursor(db) - 1, most)
    ).fetchall()
    if older_than is not None:
        found = list(itertools.takewhile(lambda row: (row[1], row[2]) < older_than, found))
    if found:
        db.execute("DELETE FROM raw WHERE id <= ?", (found[-1][0],))
        count_meta(db, "raw_dropped", len(found))
    return len(found)


def drop_held(db: Connection, most: int) -> int:
    """Drop the next receipted rows or handed-on raw fixes, unread; how many, 0 when there is none left."""
    for index in range(len(wire.LANES)):
        for lane in lanes_of(db, index):
            last, count = db.execute(
                "SELECT max(seq), count(*) FROM"
                " (SELECT seq FROM rows WHERE epoch = ? AND lane = ? AND seq <= ? ORDER BY seq LIMIT ?)",
                (lane.epoch, index, lane.mark, most),
            ).fetchone()
            if count:
                key = (lane.epoch, index, last)
                db.execute("DELETE FROM rows WHERE epoch = ? AND lane = ? AND seq <= ?", key)
                return int(count)
    last, count = db.execute(
        "SELECT max(id), count(*) FROM (SELECT id FROM raw WHERE id < ? ORDER BY id LIMIT ?)",
        (cursor(db), most),
    ).fetchone()
    if count:
        db.execute("DELETE FROM raw WHERE id <= ?", (last,))
    return int(count)


Thin = Callable[[Sequence[Row], int], tuple[list[int], int | None]]


def _thin(db: Connection, lane: Lane, tolerance_m: float, thin: Thin) -> Loss | None:
    """Thin the next stretch that nobody has been offered; None when thinning is used up.

    A pass goes over the lane from its oldest row; the bounds of passes add up.
    """
    key = f"thin {lane.epoch} {lane.lane} "
    for _ in range(2 + lane.seq // ROWS_AT_ONCE * 2):
        at, passes, before_m, worst_m = (
            int(meta(db, key + name) or 0) for name in ("at", "pass", "before", "worst")
        )
        if before_m > LARGEST_BOUND_M or EXTREMES_BUCKET << passes > LARGEST_BUCKET:
            return None
        rows = rows_between(db, lane, max(at, lane.mark, lane.offered), lane.seq, ROWS_AT_ONCE)
        if len(rows) < 3:
            _begin_pass(db, key, passes + 1, before_m + worst_m)
            continue
        kept, bound_m = thin(rows, passes)
        set_meta(db, key + "at", rows[-1].seq)
        set_meta(db, key + "worst", max(worst_m, bound_m or 0))
        if len(kept) < len(rows):
            gone = [row.seq for index, row in enumerate(rows) if index not in set(kept)]
            for seq in gone:
                db.execute(
                    "DELETE FROM rows WHERE epoch = ? AND lane = ? AND seq = ?", (lane.epoch, lane.lane, seq)
                )
            total_m = None if bound_m is None else round(tolerance_m + 0.5) + before_m + bound_m
            count_meta(db, "dropped", len(gone))
            return Loss(lane.lane, gone[0], gone[-1], len(gone), "quota", total_m)
    return None


def _begin_pass(db: Connection, key: str, passes: int, before_m: int) -> None:
    set_meta(db, key + "at", 0)
    set_meta(db, key + "pass", passes)
    set_meta(db, key + "before", before_m)
    set_meta(db, key + "worst", 0)


def _thin_fixes(rows: Sequence[Row], _passes: int) -> tuple[list[int], int]:
    """Half of the fixes of every line, and the bound within which they tell the others."""
    at = {row.seq: index for index, row in enumerate(rows)}
    out = [index for index, row in enumerate(rows) if cells_of(row) is None]
    worst_m = 0
    for source in {row.source for row in rows}:
        fixes = [
            fix_of(row, cells)
            for row in rows
            if row.source == source and (cells := cells_of(row)) is not None
        ]
        for line in lines_of(fixes, gap_ms=None):
            points = [fix.point for fix in line if fix.point is not None]
            if len(points) < 3:
                out.extend(at[fix.row.seq] for fix in line)
                continue
            fewer = thinned(points, max(2, len(points) // 2))
            worst_m = max(worst_m, fewer.bound_m)
            out.extend(at[line[index].row.seq] for index in fewer.kept)
    return sorted(out), worst_m


def _thin_sense(rows: Sequence[Row], passes: int) -> tuple[list[int], None]:
    """The extremes of buckets that double with every pass."""
    out: list[int] = []
    for key in {(row.kind, row.source) for row in rows}:
        own = [index for index, row in enumerate(rows) if (row.kind, row.source) == key]
        cells = [cells_of(rows[index]) or [] for index in own]
        out.extend(own[index] for index in extremes(cells, EXTREMES_BUCKET << passes))
    return sorted(out), None
