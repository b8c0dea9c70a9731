"""Summaries of hours in SQLite: a row per series and hour, kept for good."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ingest.history.errors import errors
from ingest.history.summary import Hour, Stat, Summary

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence


def put(connection: sqlite3.Connection, summaries: Sequence[Summary]) -> None:
    """Keep these, in place of what was kept of the same hours."""
    with errors():
        connection.executemany(
            "INSERT OR REPLACE INTO summary SELECT id, ?, ?, ? FROM series"
            " WHERE unit = ? AND kind = ? AND source = ?",
            [
                (
                    hour.begin_ms,
                    rows,
                    json.dumps(stats, separators=(",", ":")),
                    hour.unit,
                    hour.kind,
                    hour.source,
                )
                for hour, rows, stats in summaries
            ],
        )


def drop(connection: sqlite3.Connection, hours: Iterable[Hour]) -> None:
    """Let go what is kept of hours that have no rows any more, since a correction moved them."""
    with errors():
        connection.executemany(
            "DELETE FROM summary WHERE begin_ms = ? AND series ="
            " (SELECT id FROM series WHERE kind = ? AND unit = ? AND source = ?)",
            hours,
        )


def between(
    connection: sqlite3.Connection, unit: str, kind: str, source: str, from_ms: int, to_ms: int
) -> list[Summary]:
    """The hours of a series that begin within from_ms <= begin_ms <= to_ms, in order."""
    with errors():
        found = connection.execute(
            "SELECT begin_ms, rows, stats FROM summary WHERE begin_ms BETWEEN ? AND ? AND series ="
            " (SELECT id FROM series WHERE unit = ? AND kind = ? AND source = ?) ORDER BY begin_ms",
            (from_ms, to_ms, unit, kind, source),
        ).fetchall()
    return [
        Summary(
            Hour(begin_ms, kind, unit, source),
            rows,
            {name: Stat(*stat) for name, stat in json.loads(stats).items()},
        )
        for begin_ms, rows, stats in found
    ]
