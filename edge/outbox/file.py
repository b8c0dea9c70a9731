"""The outbox as a file: opened, verified, and when it is damaged set aside with whatever can be saved.

A new file is begun under a new epoch, so no number is ever given twice. What is readable of the old one goes
along under its old identity: rows that the service has already are then known to it by their numbers. Until
all of that is on disk the old file bears another name, by which the next start knows that it is to be done.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.outbox import lanes, raw, schema
from edge.outbox.connection import (
    OutboxBroken,
    OutboxDamaged,
    OutboxFull,
    connect,
    seal,
    transaction,
    verify,
)
from edge.outbox.outbox import Limits, Outbox, new_id
from edge.outbox.rows import COLUMNS, RAW_COLUMNS, cells_of, loaded, raw_row
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
from typing import Any

SAVED = "salvaged"  # in `meta` of a copy that is whole
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
    try:
        if path.is_dir():
            raise OutboxBroken(f"{path}: is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not _old(path).exists():
            if damage is None or not path.exists():
                try:
                    return _opened(path, boot, limits), None
                except OutboxDamaged as error:
                    damage = str(error)
            _move(path, _old(path))
        return _saved(path, boot, limits, damage or "the power went while it was being saved")
    except OSError as error:
        raise OutboxBroken(f"{error.filename or path}: {error.strerror}") from None


def _opened(path: Path, boot: str, limits: Limits) -> Outbox:
    db = connect(path)
    try:
        outbox = Outbox(db, boot, limits)
        verify(db)
        return outbox
    except OutboxBroken as error:
        db.close()
        if "READONLY" in str(error) and os.access(path, os.W_OK):
            raise OutboxDamaged(f"{error}, though it may be written") from error  # a bit of its header
        raise
    except BaseException:
        db.close()
        raise


# --- setting aside ----------------------------------------------------------------------------------------


def _old(path: Path) -> Path:
    """The name of a damaged file while it is being saved: the power may go in the middle of it."""
    return path.with_name(path.name + "-salvaging")


def _move(path: Path, old: Path) -> None:
    """The file first: what belongs to it is known by its name until it has followed."""
    _remove(_beside(old))
    path.rename(old)
    _follow(path, old)


def _follow(path: Path, old: Path) -> None:
    for source, target in zip(_beside(path), _beside(old), strict=True):
        with contextlib.suppress(FileNotFoundError):
            source.rename(target)
    _sync(path.parent)


def _saved(path: Path, boot: str, limits: Limits, damage: str) -> tuple[Outbox, Salvage]:
    """A new file with what is sound of the old one, all of it in one transaction."""
    old = _old(path)
    counts = _counts(path) or _copy(old, path, boot, limits)
    try:
        outbox = _opened(path, boot, limits)
    except OutboxDamaged as error:
        _drop_copy(path)
        raise OutboxBroken(f"{path}: the copy is damaged, too, and is made anew: {error}") from error
    try:
        aside = _next_aside(path)
        old.rename(aside)
        _follow(old, aside)
    except BaseException:
        outbox.close()
        raise
    return outbox, Salvage(aside.name, damage, *counts)


def _copy(old: Path, path: Path, boot: str, limits: Limits) -> tuple[int, int]:
    if path.exists():  # one that was not finished
        _drop_copy(path)
    else:
        _follow(path, old)
    _drop_aside(path, DAMAGED_KEPT - 1)
    _opened(path, boot, limits).close()
    return _salvage(old, path)


def _drop_copy(path: Path) -> None:
    """What belongs to it first: beside no file it would be taken for the old one's."""
    _remove([*_beside(path), path])


def _next_aside(path: Path) -> Path:
    last = max([number for number, _ in _aside(path)], default=0)
    return path.with_name(f"{path.name}-damaged-{last + 1}")


def _counts(path: Path) -> tuple[int, int] | None:
    """What a copy that is whole says of itself; None when there is none."""
    if not path.exists():
        return None
    db = connect(path)
    try:
        for key, (value, _) in _sealed(db, "meta"):
            if key == SAVED:
                rows, raw_rows = str(value).split()
                return int(rows), int(raw_rows)
    finally:
        db.close()
    return None


def _aside(path: Path) -> list[tuple[int, Path]]:
    """Damaged files of earlier, the oldest first."""
    found = [(one.name.rpartition("-")[2], one) for one in path.parent.glob(f"{path.name}-damaged-*")]
    return sorted((int(number), one) for number, one in found if number.isdigit())


def _drop_aside(path: Path, kept: int) -> None:
    found = [one for _, one in _aside(path)]
    for one in found[: max(0, len(found) - kept)]:
        _remove([one, *_beside(one)])


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + tail) for tail in ("-wal", "-shm")]


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Have the names in a folder outlive a power cut."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


# --- salvage ----------------------------------------------------------------------------------------------


def _salvage(aside: Path, path: Path) -> tuple[int, int]:
    """Copy sound rows under their old epochs; how many rows and raw fixes.

    What cannot be read is left behind, and all of it where there is no room for both files. Raises
    OutboxBroken: the next time this begins anew.
    """
    old, new = connect(aside), connect(path)
    try:
        with transaction(new):
            counts = _copied(old, new)
            schema.set_meta(new, SAVED, f"{counts[0]} {counts[1]}")
        return counts
    except (OutboxFull, OutboxDamaged):
        return 0, 0
    finally:
        old.close()
        new.close()


def _copied(old: sqlite3.Connection, new: sqlite3.Connection) -> tuple[int, int]:
    for table in ("epochs", "lanes", "boots"):
        new.execute(f"DELETE FROM {table}")  # noqa: S608 (our own): of the empty file's beginning
    for number, boot in _sealed(old, "boots"):
        new.execute("INSERT OR IGNORE INTO boots VALUES (?, ?, ?, ?, ?, ?, ?)", (number, *boot))
    for number, epoch in _sealed(old, "epochs"):
        new.execute("INSERT OR IGNORE INTO epochs VALUES (?, ?, ?)", (number, *epoch))
    boots = {row[0] for row in new.execute("SELECT id FROM boots").fetchall()}
    epochs = [row[0] for row in new.execute("SELECT id FROM epochs ORDER BY id").fetchall()]
    lanes_of_all = [(epoch, lane) for epoch in epochs for lane in range(len(wire.LANES))]
    rows = sum(_copy_lane(old, new, epoch, lane, boots) for epoch, lane in lanes_of_all)
    schema.begin_epoch(new, new_id())
    _copy_notes(old, new)
    return rows, _copy_raw(old, new, boots)


def _copy_lane(
    old: sqlite3.Connection, new: sqlite3.Connection, epoch: int, lane: int, boots: set[int]
) -> int:
    """Sound rows of a lane. Its mark begins at 0: the service will tell, and knows what it has."""
    statement = f"SELECT {COLUMNS} FROM rows WHERE epoch = ? AND lane = ? AND seq > 0 ORDER BY seq"  # noqa: S608
    count, last, run = 0, 0, None
    for found in _read(old, statement, (epoch, lane)):
        row = loaded(found)
        if row.boot not in boots or cells_of(row) is None or row.seq <= last:
            continue
        if row.boot != run:
            run = row.boot
            schema.write(new, "runs", epoch, lane, row.seq, run)
        lanes.insert(new, epoch, lane, row)
        count, last = count + 1, row.seq
    # All that was there may have been offered: their times stay as they are.
    lanes.save(new, lanes.Lane(epoch, lane, last, last, 0))
    return count


def _copy_notes(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """What others keep here across restarts, as who has which book."""
    for key, (value, _) in _sealed(old, "meta"):
        if str(key).startswith(schema.NOTE):
            schema.set_meta(new, key, value)


def _copy_raw(old: sqlite3.Connection, new: sqlite3.Connection, boots: set[int]) -> int:
    """Raw fixes that were not handed to a lane yet. Without a sound cursor none: they might count twice."""
    cursor = next((value for key, (value, _) in _sealed(old, "meta") if key == "cursor"), None)
    if cursor is None:
        return 0
    statement = f"SELECT {RAW_COLUMNS} FROM raw WHERE id > ? ORDER BY id"  # noqa: S608 (names of our own)
    rows = [raw_row(found) for found in _read(old, statement, (cursor,))]
    sound = [row for row in rows if row.boot in boots and cells_of(row) is not None]
    raw.put(new, sound)
    schema.set_meta(new, "cursor", cursor)
    return len(sound)


def _sealed(db: sqlite3.Connection, table: str) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Sound rows of a sealed table: the key, and the rest."""
    for row in _read(db, f"SELECT * FROM {table} ORDER BY 1"):  # noqa: S608 (our own)
        if seal(*row[:-1]) == row[-1]:
            yield row[0], row[1:]


def _read(
    db: sqlite3.Connection, statement: str, parameters: tuple[object, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    """Rows until the damage."""
    with contextlib.suppress(sqlite3.Error):
        yield from db.execute(statement, parameters)
