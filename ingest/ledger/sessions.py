"""Sessions of the page, in the access file: a key was shown, a cookie stands for it until a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def add(access: sqlite3.Connection, digest: bytes, key_name: str, until_ms: int, now_ms: int) -> None:
    """Keep a session, and drop those that are over."""
    access.execute("DELETE FROM session WHERE until_ms <= ?", (now_ms,))
    access.execute("INSERT OR REPLACE INTO session VALUES (?, ?, ?)", (digest, key_name, until_ms))


def key_name(access: sqlite3.Connection, digest: bytes, now_ms: int) -> str | None:
    """The name of the key behind a session that is not over."""
    row = access.execute(
        "SELECT key_name FROM session WHERE digest = ? AND until_ms > ?", (digest, now_ms)
    ).fetchone()
    return None if row is None else str(row[0])


def end(access: sqlite3.Connection, digest: bytes) -> None:
    """Forget a session; one that is unknown is no error."""
    access.execute("DELETE FROM session WHERE digest = ?", (digest,))
