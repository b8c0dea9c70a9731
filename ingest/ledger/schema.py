"""How a file is made and brought forward: numbered steps, each run once, in one transaction.

Two parts share the service's file (ledger and history), so the step reached is kept per part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence


class SchemaError(RuntimeError):
    """The file was written by a newer program; waiting does not help, upgrading does."""


def advance(connection: sqlite3.Connection, part: str, steps: Sequence[str]) -> None:
    """Bring `part` of the file to the last of `steps`; each step is statements parted by a semicolon."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _take_steps(connection, part, steps)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _take_steps(connection: sqlite3.Connection, part: str, steps: Sequence[str]) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS part (name TEXT PRIMARY KEY, step INTEGER) WITHOUT ROWID")
    found = connection.execute("SELECT step FROM part WHERE name = ?", (part,)).fetchone()
    reached = 0 if found is None else found[0]
    if reached > len(steps):
        raise SchemaError(f"{part} is at step {reached}, this program knows {len(steps)}: upgrade it")
    for step in steps[reached:]:
        for statement in step.split(";"):
            connection.execute(statement)
    connection.execute("INSERT OR REPLACE INTO part VALUES (?, ?)", (part, len(steps)))


# Appended to, never edited.
LEDGER_STEPS = (
    """
    CREATE TABLE unit (
        unit TEXT PRIMARY KEY,
        first_seen_ms INTEGER NOT NULL,
        is_registered INTEGER NOT NULL DEFAULT 0,
        name TEXT, -- given by a person
        capabilities TEXT NOT NULL DEFAULT '[]',
        claimed_name TEXT, -- by its birth
        claimed_capabilities TEXT NOT NULL DEFAULT '[]',
        conn INTEGER NOT NULL DEFAULT 0,
        epoch TEXT,
        boot TEXT,
        software TEXT
    ) WITHOUT ROWID;
    CREATE TABLE lane (
        unit TEXT NOT NULL,
        epoch TEXT NOT NULL,
        lane TEXT NOT NULL,
        mark INTEGER NOT NULL,
        stored INTEGER NOT NULL,
        gone INTEGER NOT NULL,
        moved_ms INTEGER NOT NULL,
        PRIMARY KEY (unit, epoch, lane)
    ) WITHOUT ROWID;
    CREATE TABLE run (
        unit TEXT NOT NULL,
        epoch TEXT NOT NULL,
        lane TEXT NOT NULL,
        first_seq INTEGER NOT NULL,
        boot TEXT NOT NULL,
        PRIMARY KEY (unit, epoch, lane, first_seq)
    ) WITHOUT ROWID;
    CREATE TABLE gap (
        unit TEXT NOT NULL,
        epoch TEXT NOT NULL,
        lane TEXT NOT NULL,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        count INTEGER NOT NULL,
        noticed_ms INTEGER NOT NULL,
        PRIMARY KEY (unit, epoch, lane, first_seq)
    ) WITHOUT ROWID;
    CREATE TABLE last_value (
        unit TEXT NOT NULL,
        kind TEXT NOT NULL,
        source TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        clock INTEGER NOT NULL,
        received_ms INTEGER NOT NULL,
        prev INTEGER NOT NULL,
        body BLOB NOT NULL, -- the chunk whose last row it is: decoded when somebody asks
        PRIMARY KEY (unit, kind, source)
    ) WITHOUT ROWID;
    CREATE TABLE live_state (unit TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        unit TEXT,
        topic TEXT NOT NULL,
        cause TEXT NOT NULL,
        place TEXT NOT NULL,
        detail TEXT NOT NULL,
        received_ms INTEGER NOT NULL,
        latest_ms INTEGER NOT NULL,
        times INTEGER NOT NULL DEFAULT 1,
        digest BLOB NOT NULL,
        payload BLOB NOT NULL
    );
    CREATE UNIQUE INDEX quarantine_digest ON quarantine (topic, digest, cause);
    CREATE INDEX quarantine_unit ON quarantine (unit, id);
    CREATE TABLE counter (
        name TEXT NOT NULL,
        cause TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (name, cause)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE dirty_hour (
        begin_ms INTEGER NOT NULL,
        kind TEXT NOT NULL,
        unit TEXT NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (begin_ms, kind, unit, source)
    ) WITHOUT ROWID;
    CREATE TABLE horizon (kind TEXT PRIMARY KEY, before_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE erasure (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        unit TEXT NOT NULL,
        who TEXT NOT NULL,
        erased_ms INTEGER NOT NULL,
        command_id TEXT NOT NULL,
        told_ms INTEGER,
        answered_ms INTEGER
    );
    CREATE TABLE erased_lane (
        unit TEXT NOT NULL,
        epoch TEXT NOT NULL,
        lane TEXT NOT NULL,
        mark INTEGER NOT NULL,
        PRIMARY KEY (unit, epoch, lane)
    ) WITHOUT ROWID
    """,
)

ACCESS_STEPS = (
    """
    CREATE TABLE key (
        name TEXT PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        made_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE session (
        digest BLOB PRIMARY KEY,
        key_name TEXT NOT NULL REFERENCES key (name) ON DELETE CASCADE,
        until_ms INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
)
