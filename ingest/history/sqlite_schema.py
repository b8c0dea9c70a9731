"""The history's tables in the ledger's file, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.ledger.schema import advance

if TYPE_CHECKING:
    import sqlite3

# Appended to, never edited.
STEPS = (
    """
    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        unit TEXT NOT NULL,
        kind TEXT NOT NULL,
        source TEXT NOT NULL,
        longest_ms INTEGER NOT NULL DEFAULT 0, -- of its chunks: how far before a moment one may begin
        UNIQUE (unit, kind, source)
    );
    CREATE TABLE origin (
        id INTEGER PRIMARY KEY,
        unit TEXT NOT NULL,
        boot TEXT NOT NULL,
        epoch TEXT NOT NULL,
        lane TEXT NOT NULL,
        clock INTEGER NOT NULL,
        boot_at_ms INTEGER NOT NULL,
        true_clock INTEGER NOT NULL,
        true_boot_at_ms INTEGER NOT NULL,
        UNIQUE (unit, boot, epoch, lane, clock, boot_at_ms)
    );
    CREATE TABLE correction (
        unit TEXT NOT NULL,
        boot TEXT NOT NULL,
        clock INTEGER NOT NULL,
        boot_at_ms INTEGER NOT NULL,
        mono_ms INTEGER NOT NULL,
        PRIMARY KEY (unit, boot)
    ) WITHOUT ROWID;
    CREATE TABLE chunk (
        id INTEGER PRIMARY KEY,
        series INTEGER NOT NULL,
        origin INTEGER NOT NULL,
        prev INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        from_ms INTEGER NOT NULL,
        span_ms INTEGER NOT NULL,
        received_ms INTEGER NOT NULL,
        is_ahead INTEGER NOT NULL,
        body BLOB NOT NULL
    );
    CREATE INDEX chunk_time ON chunk (series, from_ms);
    CREATE UNIQUE INDEX chunk_seq ON chunk (origin, last_seq)
    """,
    # What is there by now has never been summarised.
    """
    CREATE TABLE summary (
        series INTEGER NOT NULL,
        begin_ms INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        stats TEXT NOT NULL, -- JSON: by name count, least, greatest, sum
        PRIMARY KEY (series, begin_ms)
    ) WITHOUT ROWID;
    WITH RECURSIVE touched (series, hour, last) AS (
        SELECT series, from_ms / 3600000, (from_ms + span_ms) / 3600000 FROM chunk
        WHERE from_ms >= 946684800000 AND NOT is_ahead
        UNION SELECT series, hour + 1, last FROM touched WHERE hour < last
    )
    INSERT OR IGNORE INTO dirty_hour
    SELECT hour * 3600000, kind, unit, source FROM touched JOIN series ON series.id = touched.series
    """,
)


def prepare(connection: sqlite3.Connection) -> None:
    """Make or bring forward the history's tables in a file."""
    advance(connection, "history", STEPS)
