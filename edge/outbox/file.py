"""The outbox as a file: opened, verified, and when it is damaged set aside with whatever can be saved.

A new file is begun under a new epoch, so no number is ever given twice. What is readable of the old one goes
along under its old identity: rows that the service has already are then known to it by their numbers.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.outbox import schema
from edge.outbox.connection import OutboxBroken, OutboxDamaged, connect, transaction, verify
from edge.outbox.outbox import Limits, Outbox
from edge.outbox.rows import COLUMNS, RAW_COLUMNS, Row, cells_of, raw_row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
from typing import Any

DAMAGED_KEPT = 2  # files set aside; an older one gives its room to records


@dataclass(frozen=True, slots=True)
class Salvage:
    """What became of a damaged file."""

    moved_to: str
    reason: str
    rows: int
    raw_rows: int


def open_outbox(
    path: Path, boot: str, limits: Limits, damage: str | None = None
) -> tuple[Outbox, Salvage | None]:
    """The outbox at `path`, sound; raises OutboxFull or OutboxBroken when the disk does not let us.

    `damage` says what was found wrong with the file while it was in use.
    """
    if path.is_dir():
        raise OutboxBroken(f"{path}: is a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutboxBroken(f"{path.parent}: {error.strerror}") from None
    if damage is None or not path.exists():
        try:
            return _opened(path, boot, limits), None
        except OutboxDamaged as error:
            damage = str(error)
    aside = _set_aside(path)
    _opened(path, boot, limits).close()
    rows, raw_rows = _salvage(aside, path)
    return _opened(path, boot, limits), Salvage(aside.name, damage, rows, raw_rows)


def _opened(path: Path, boot: str, limits: Limits) -> Outbox:
    db = connect(path)
    try:
        outbox = Outbox(db, boot, limits)
        verify(db)
        return outbox
    except BaseException:
        db.close()
        raise


def _set_aside(path: Path) -> Path:
    """Move the file and what belongs to it; the oldest of those set aside goes."""
    old = sorted(path.parent.glob(f"{path.name}-damaged-*"), key=lambda found: found.stat().st_mtime)
    numbers = [int(found.name.rsplit("-", 1)[1]) for found in old if found.name.rsplit("-", 1)[1].isdigit()]
    aside = path.with_name(f"{path.name}-damaged-{max(numbers, default=0) + 1}")
    path.rename(aside)
    for tail in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + tail).rename(aside.with_name(aside.name + tail))
    kept = [found for found in old if found.name.rsplit("-", 1)[1].isdigit()]
    for found in kept[: max(0, len(kept) + 1 - DAMAGED_KEPT)]:
        found.unlink(missing_ok=True)
        for tail in ("-wal", "-shm"):
            found.with_name(found.name + tail).unlink(missing_ok=True)
    return aside


# --- salvage ----------------------------------------------------------------------------------------------


def _salvage(aside: Path, path: Path) -> tuple[int, int]:
    """Copy sound rows under their old epochs; how many rows and raw fixes. Whatever fails is left behind."""
    old = connect(aside)
    new = connect(path)
    try:
        return _copied(old, new)
    except (sqlite3.Error, OutboxBroken, OutboxDamaged, ValueError, TypeError):
        return 0, 0
    finally:
        old.close()
        new.close()


def _copied(old: sqlite3.Connection, new: sqlite3.Connection) -> tuple[int, int]:
    with transaction(new):
        current = new.execute("SELECT id, epoch FROM epochs").fetchone()
        epochs = list(_read(old, "SELECT id, epoch FROM epochs ORDER BY id"))
        boots = list(_read(old, "SELECT * FROM boots ORDER BY id"))
        if not epochs or not boots:
            return 0, 0
        # The new file's own epoch stays the last; its boot likewise.
        _renumber(new, current[0], max(row[0] for row in epochs) + 1, max(row[0] for row in boots) + 1)
        for row in boots:
            new.execute("INSERT OR IGNORE INTO boots VALUES (?, ?, ?, ?, ?, ?)", row)
        for row in epochs:
            new.execute("INSERT OR IGNORE INTO epochs VALUES (?, ?)", row)
        rows = sum(_copy_lane(old, new, epoch, lane) for epoch, _ in epochs for lane in range(3))
        return rows, _copy_raw(old, new)


def _renumber(new: sqlite3.Connection, current: int, epoch: int, boot: int) -> None:
    new.execute("UPDATE epochs SET id = ? WHERE id = ?", (epoch, current))
    new.execute("UPDATE lanes SET epoch = ?", (epoch,))
    new.execute("UPDATE boots SET id = ?", (boot,))


def _copy_lane(old: sqlite3.Connection, new: sqlite3.Connection, epoch: int, lane: int) -> int:
    """Sound rows of a lane. Its mark begins at 0: the service will tell, and knows what it has."""
    statement = f"SELECT {COLUMNS} FROM rows WHERE epoch = ? AND lane = ? AND seq > ? ORDER BY seq"  # noqa: S608
    boots = {row[0] for row in new.execute("SELECT id FROM boots")}
    count, last, run = 0, 0, None
    for found in _read(old, statement, (epoch, lane, 0)):
        row = Row(*found)
        if not isinstance(row.seq, int) or row.seq <= last or row.boot not in boots or cells_of(row) is None:
            continue
        if row.boot != run:
            run = row.boot
            new.execute("INSERT INTO runs VALUES (?, ?, ?, ?)", (epoch, lane, row.seq, run))
        new.execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (epoch, lane, *row))
        count, last = count + 1, row.seq
    # All that was there may have been offered: their times stay as they are.
    new.execute("INSERT INTO lanes VALUES (?, ?, ?, ?, 0)", (epoch, lane, last, last))
    return count


def _copy_raw(old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    """Raw fixes that were not handed to a lane yet. Without a sound cursor none: they might count twice."""
    cursor = next(iter(_read(old, "SELECT value FROM meta WHERE key = 'cursor'")), None)
    if cursor is None or not isinstance(cursor[0], int):
        return 0
    count = 0
    for found in _read(old, f"SELECT {RAW_COLUMNS} FROM raw WHERE id > ? ORDER BY id", cursor):  # noqa: S608
        row = raw_row(found)
        if cells_of(row) is not None:
            new.execute("INSERT OR IGNORE INTO raw VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", found)
            count += 1
    schema.set_meta(new, "cursor", cursor[0])
    return count


def _read(
    db: sqlite3.Connection, statement: str, parameters: tuple[object, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    """Rows until the damage."""
    with contextlib.suppress(sqlite3.Error, OverflowError, UnicodeDecodeError):
        yield from db.execute(statement, parameters)
