"""The books of both ends, row by row: what a unit accepted, and what the service has of it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.outbox import Limits, Outbox, connect
from firmware import wire
from ingest.history.factory import SqliteHistories
from ingest.ledger.files import open_reading
from tests.edge.paper_service import rows_of

if TYPE_CHECKING:
    from ingest.history.factory import Histories

Identity = tuple[str, str, int]  # epoch, lane, seq
Books = dict[Identity, tuple[Any, ...]]


def of_unit(outbox: Path) -> tuple[Books, int]:
    """(each row that got a number or is about to, how many are not receipted); the unit must not run."""
    with tempfile.TemporaryDirectory() as folder:
        for file in outbox.parent.glob(outbox.name + "*"):
            shutil.copy(file, folder)
        copy = Outbox(connect(Path(folder) / outbox.name), "f" * 16, Limits(tolerance_m=0))
        copy.close_windows(1 << 50, is_final=True)
        waiting = copy.depth(0).rows
        copy._db.execute("UPDATE lanes SET mark = 0")
        books: Books = {}
        for lane in wire.LANES:
            after = None
            while (batch := copy.take(lane, after)) is not None:
                books.update({(batch.epoch, lane, seq): row for seq, row in rows_of(batch)})
                after = (batch.epoch, batch.last_seq)
        copy.close()
    return books, waiting


def receipted(outbox: Path) -> set[Identity]:
    """Which rows a unit believes to be stored; of a unit that runs, at a moment just past."""
    return _numbered(outbox, "JOIN lanes USING (epoch, lane) WHERE rows.seq <= lanes.mark")


def numbered(outbox: Path) -> set[Identity]:
    """Which rows are on a unit's disk; of a unit that runs, at a moment just past."""
    return _numbered(outbox, "")


def _numbered(outbox: Path, which: str) -> set[Identity]:
    # It may be written to while it is copied, or not be made yet: then there is nothing to see.
    with tempfile.TemporaryDirectory() as folder, suppress(sqlite3.DatabaseError, FileNotFoundError):
        for file in outbox.parent.glob(outbox.name + "*"):
            shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / outbox.name)) as copy:
            rows = copy.execute(
                f"SELECT epochs.epoch, lane, rows.seq FROM rows JOIN epochs ON epochs.id = rows.epoch {which}"
            ).fetchall()
            return {(epoch, wire.LANES[lane], seq) for epoch, lane, seq in rows}
    return set()


def of_service(store: Path, unit: str, histories: Histories | None = None) -> Books:
    """Every row that the service holds of a unit, as it was sent; each counted to be there once."""
    with closing(open_reading(store)) as reading:
        reading.execute("BEGIN")  # one look at all of it, also while the service writes
        history = (histories or SqliteHistories()).on(reading)
        origins = reading.execute("SELECT DISTINCT epoch, lane, boot FROM run WHERE unit = ?", (unit,))
        books: Books = {}
        for epoch, lane, boot in origins.fetchall():
            rows = history.rows_between(unit, epoch, lane, boot, 1, wire.MAX_SEQ)
            for seq, (kind, source, _seq, *cells) in rows.items():
                assert (epoch, lane, seq) not in books, "one identity, two boots"
                books[epoch, lane, seq] = (boot, kind, source, *cells)
        kinds = {kind for kind, _ in history.sources(unit)}
        counted = sum(history.read(unit, kind, None, 0, wire.MAX_TIME_MS).rows for kind in kinds)
        assert counted == len(books), f"{counted} rows for {len(books)} identities"
    return books


def unbalanced(unit: Books, service: Books) -> list[str]:
    """What differs, in words."""
    lost = [f"lost: {identity}" for identity in unit if identity not in service]
    strange = [f"not of the unit: {identity}" for identity in service if identity not in unit]
    changed = [
        f"changed: {i}: {unit[i]} {service[i]}" for i in unit if i in service and unit[i] != service[i]
    ]
    return [*lost, *strange, *changed]
