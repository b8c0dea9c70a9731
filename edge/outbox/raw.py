"""The raw track: every fix, second by second, some days long, and its windows on the way into the lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.outbox import lanes
from edge.outbox.rows import RAW_COLUMNS, Row, cells_of, raw_row
from edge.outbox.schema import meta, set_meta
from edge.outbox.windows import Fix, fix_of, is_parked, kept
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.outbox.connection import Connection

TRACK = wire.LANES.index("track")
FIX = wire.KINDS["fix"].number
WINDOW_ROWS = 5000  # a window closes here at the latest: memory on a small machine
PARKED_WINDOW_MS = 1_800_000  # a parked unit says twice an hour where it stands
ANSWER_ROWS = 100_000  # of one command: 28 hours


def cursor(db: Connection) -> int:
    """The last id that has been handed to the lane."""
    return int(meta(db, "cursor") or 0)


def next_id(db: Connection) -> int:
    """Ids are never used again, not even when the table has been emptied."""
    last = db.execute("SELECT max(id) FROM raw").fetchone()[0] or 0
    return max(last, cursor(db)) + 1


def put(db: Connection, rows: Sequence[Row]) -> None:
    """Insert fixes; their seq is the raw id. Within a transaction."""
    for row in rows:
        values = (row.seq, row.source, *row[3:])
        db.execute("INSERT INTO raw VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def correct(db: Connection, boot: int, boot_at_ms: int, clock: int) -> None:
    """Time the fixes of this boot: the clock was won. Within a transaction."""
    other = db.execute("SELECT id FROM raw WHERE boot <> ? ORDER BY id DESC LIMIT 1", (boot,)).fetchone()
    after = 0 if other is None else other[0]
    while rows := _rows_after(db, after, lanes.AT_ONCE):
        after = rows[-1].seq
        for row in rows:
            if row.clock < clock and cells_of(row) is not None:
                timed = lanes.at_boot(row, boot_at_ms, clock)
                db.execute(
                    "UPDATE raw SET time_ms = ?, boot_at_ms = ?, clock = ?, crc = ? WHERE id = ?",
                    (timed.time_ms, boot_at_ms, clock, timed.crc, row.seq),
                )


def open_rows(db: Connection) -> list[Row]:
    """The rows after the cursor, as far as one window may reach."""
    return _rows_after(db, cursor(db), WINDOW_ROWS)


def _rows_after(db: Connection, after: int, most: int) -> list[Row]:
    found = db.execute(
        f"SELECT {RAW_COLUMNS} FROM raw WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608 (names of our own)
        (after, most),
    ).fetchall()
    return [raw_row(row) for row in found]


def is_over(rows: Sequence[Row], boot: int, mono_ms: int, window_ms: int, tolerance_m: float) -> bool:
    """Whether the window that these rows make is to be closed now."""
    if not rows:
        return False
    if len(rows) >= WINDOW_ROWS or rows[0].boot != boot:
        return True
    age_ms = mono_ms - rows[0].mono_ms
    if age_ms < window_ms:
        return False
    return age_ms >= PARKED_WINDOW_MS or not _is_parked(rows, tolerance_m)


def _is_parked(rows: Sequence[Row], tolerance_m: float) -> bool:
    fixes = [fix for row in rows if (fix := _fix(row)) is not None]
    return tolerance_m > 0 and is_parked(fixes, tolerance_m)


def _fix(row: Row) -> Fix | None:
    cells = cells_of(row)
    return None if cells is None else fix_of(row, cells)


def close_window(db: Connection, epoch: int, rows: Sequence[Row], tolerance_m: float) -> int:
    """Put what describes the rows into the track lane and move the cursor; how many. Within a transaction."""
    fixes = [fix for row in rows if (fix := _fix(row)) is not None]
    out: list[Fix] = []
    for source in sorted({fix.row.source for fix in fixes}):
        own = [fix for fix in fixes if fix.row.source == source]
        out.extend(kept(own, _before(db, source, rows[0].seq), tolerance_m))
    out.sort(key=lambda fix: fix.row.seq)
    set_meta(db, "cursor", rows[-1].seq)
    return lanes.put(db, epoch, TRACK, [fix.row for fix in out])


def _before(db: Connection, source: str, before: int) -> Fix | None:
    """The last fix that an earlier window kept: always its last of that source."""
    found = db.execute(
        f"SELECT {RAW_COLUMNS} FROM raw WHERE id < ? AND id > ? - 100 AND source = ?"  # noqa: S608 (names of our own)
        " ORDER BY id DESC LIMIT 1",
        (before, before, source),
    ).fetchone()
    return None if found is None else _fix(raw_row(found))


def send_again(db: Connection, epoch: int, from_ms: int, to_ms: int) -> int:
    """Put every fix between two times into the track lane, as source "<name>-raw". Within a transaction."""
    put_rows = 0
    after = 0
    while put_rows < ANSWER_ROWS:
        found = db.execute(
            f"SELECT {RAW_COLUMNS} FROM raw WHERE id > ? AND clock > 0 AND time_ms >= ? AND time_ms <= ?"  # noqa: S608 (names of our own)
            " ORDER BY id LIMIT 1000",
            (after, from_ms, to_ms),
        ).fetchall()
        if not found:
            break
        after = found[-1][0]
        rows = [_renamed(row) for row in map(raw_row, found) if cells_of(row) is not None]
        put_rows += lanes.put(db, epoch, TRACK, rows)
    return put_rows


def _renamed(row: Row) -> Row:
    return row._replace(source=f"{row.source[:28]}-raw")
