"""The tables of an outbox.

    epochs   identities that rows were given under: the last is the current one, older ones drain
    boots    the unit's starts: when each began, as far as known, how long it ran, the running time before it
    lanes    per epoch and lane: highest seq ever given, highest ever offered for sending, the service's mark
    runs     per epoch and lane: the first seq of each boot; compared with a receipt before rows are marked
    rows     the records; at or below the lane's mark they are the black box
    raw      every fix; those up to meta.cursor have been handed to the track lane, simplified
    commands what has been answered: a command runs once
    resends  stretches of the black box that were asked for again
    meta     the rest: schema, cursor, conn, protocol, counts

`body` is a JSON list of a kind's values by position (fields are only ever appended); `crc` covers what never
changes of a row, since a flipped bit in a number looks sound to SQLite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.outbox.connection import Connection, OutboxDamaged, errors, transaction
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = 1

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE epochs (id INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE);
CREATE TABLE boots (
    id INTEGER PRIMARY KEY, boot TEXT NOT NULL UNIQUE, boot_at_ms INTEGER NOT NULL, clock INTEGER NOT NULL,
    last_mono_ms INTEGER NOT NULL, ran_before_ms INTEGER NOT NULL
);
CREATE TABLE lanes (
    epoch INTEGER, lane INTEGER, seq INTEGER NOT NULL, offered INTEGER NOT NULL, mark INTEGER NOT NULL,
    PRIMARY KEY (epoch, lane)
) WITHOUT ROWID;
CREATE TABLE runs (
    epoch INTEGER, lane INTEGER, first_seq INTEGER, boot INTEGER NOT NULL,
    PRIMARY KEY (epoch, lane, first_seq)
) WITHOUT ROWID;
CREATE TABLE rows (
    epoch INTEGER, lane INTEGER, seq INTEGER, kind INTEGER NOT NULL, source TEXT NOT NULL,
    boot INTEGER NOT NULL, mono_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL, boot_at_ms INTEGER NOT NULL,
    clock INTEGER NOT NULL, body TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (epoch, lane, seq)
) WITHOUT ROWID;
CREATE TABLE raw (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, boot INTEGER NOT NULL, mono_ms INTEGER NOT NULL,
    time_ms INTEGER NOT NULL, boot_at_ms INTEGER NOT NULL, clock INTEGER NOT NULL, body TEXT NOT NULL,
    crc INTEGER NOT NULL
);
CREATE TABLE commands (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE resends (
    id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, lane INTEGER NOT NULL, next_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL
)
"""


def prepare(db: Connection, new_id: Callable[[], str]) -> None:
    """Make the tables in an empty file; raises OutboxDamaged for a file that is something else."""
    with errors():
        is_empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if is_empty:
        with transaction(db):
            for statement in TABLES.split(";"):
                db.execute(statement)
            db.execute("INSERT INTO meta VALUES ('schema', ?), ('cursor', 0), ('conn', 0)", (VERSION,))
            begin_epoch(db, new_id())
    version = meta(db, "schema")
    if version != VERSION:
        raise OutboxDamaged(f"schema {version}, this program knows {VERSION}")


def begin_epoch(db: Connection, epoch: str) -> int:
    """Give new rows a new identity; the number of the epoch. Within a transaction."""
    db.execute("INSERT INTO epochs (epoch) VALUES (?)", (epoch,))
    number: int = db.execute("SELECT max(id) FROM epochs").fetchone()[0]
    for lane in range(len(wire.LANES)):
        db.execute("INSERT INTO lanes VALUES (?, ?, 0, 0, 0)", (number, lane))
    return number


def meta(db: Connection, key: str) -> int | str | None:
    with errors():
        row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def set_meta(db: Connection, key: str, value: int | str) -> None:
    """Within a transaction."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def count_meta(db: Connection, key: str, more: int) -> None:
    """Add to a count. Within a transaction."""
    if more:
        db.execute("INSERT OR IGNORE INTO meta VALUES (?, 0)", (key,))
        db.execute("UPDATE meta SET value = value + ? WHERE key = ?", (more, key))
