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

`body` is a JSON list of a kind's values by position (fields are only ever appended). `crc` is a check sum of
the rest of a row: to SQLite a flipped bit in a number looks sound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.outbox.connection import Connection, OutboxDamaged, errors, seal, transaction
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = 1
NOTE = "note "  # begins the key of what others keep in `meta`
SEALED = ("meta", "epochs", "boots", "lanes", "runs")  # their last column is a check sum of the others

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value, crc INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE epochs (id INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, crc INTEGER NOT NULL);
CREATE TABLE boots (
    id INTEGER PRIMARY KEY, boot TEXT NOT NULL UNIQUE, boot_at_ms INTEGER NOT NULL, clock INTEGER NOT NULL,
    last_mono_ms INTEGER NOT NULL, ran_before_ms INTEGER NOT NULL, crc INTEGER NOT NULL
);
CREATE TABLE lanes (
    epoch INTEGER, lane INTEGER, seq INTEGER NOT NULL, offered INTEGER NOT NULL, mark INTEGER NOT NULL,
    crc INTEGER NOT NULL, PRIMARY KEY (epoch, lane)
) WITHOUT ROWID;
CREATE TABLE runs (
    epoch INTEGER, lane INTEGER, first_seq INTEGER, boot INTEGER NOT NULL, crc INTEGER NOT NULL,
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
    wanted = {statement.strip() for statement in TABLES.split(";")}
    with errors():
        found = {
            str(row[0]) for row in db.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
        }
    if not found:
        with transaction(db):
            for statement in sorted(wanted):
                db.execute(statement)
            for key, value in (("schema", VERSION), ("cursor", 0), ("conn", 0)):
                set_meta(db, key, value)
            begin_epoch(db, new_id())
    elif found != wanted:
        raise OutboxDamaged("its tables are not those of an outbox")
    check_seals(db)
    version = meta(db, "schema")
    if version != VERSION:
        raise OutboxDamaged(f"schema {version}, this program knows {VERSION}")


def begin_epoch(db: Connection, epoch: str) -> int:
    """Give new rows a new identity; the number of the epoch. Within a transaction."""
    number = 1 + (db.execute("SELECT max(id) FROM epochs").fetchone()[0] or 0)
    write(db, "epochs", number, epoch)
    for lane in range(len(wire.LANES)):
        write(db, "lanes", number, lane, 0, 0, 0)
    return number


def write(db: Connection, table: str, *values: int | str) -> None:
    """Write a row of a sealed table, over one of the same key. Within a transaction."""
    marks = ", ".join("?" * (len(values) + 1))
    db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", (*values, seal(*values)))  # noqa: S608 (our own)


def check_seals(db: Connection) -> None:
    """Raise OutboxDamaged unless all that identity and order rest on is as it was written."""
    for table in SEALED:
        with errors():
            found = db.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 (our own)
        for row in found:
            if seal(*row[:-1]) != row[-1]:
                raise OutboxDamaged(f"a row of its table {table} is not as it was written")


def meta(db: Connection, key: str) -> int | str | None:
    with errors():
        row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def metas(db: Connection, prefix: str) -> dict[str, int | str]:
    """All entries whose keys begin so, by the rest of the key."""
    with errors():
        rows = db.execute(
            "SELECT key, value FROM meta WHERE substr(key, 1, ?) = ?", (len(prefix), prefix)
        ).fetchall()
    return {row[0][len(prefix) :]: row[1] for row in rows}


def set_meta(db: Connection, key: str, value: int | str) -> None:
    """Within a transaction."""
    write(db, "meta", key, value)


def count_meta(db: Connection, key: str, more: int) -> None:
    """Add to a count. Within a transaction."""
    if more:
        set_meta(db, key, int(meta(db, key) or 0) + more)
