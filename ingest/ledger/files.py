"""Opening the service's files: one writer that waits for nobody, any number of readers."""

from __future__ import annotations

import fcntl
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest.ledger.schema import ACCESS_STEPS, LEDGER_STEPS, advance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

BUSY_MS = 5000
CUT_MS = 100


class StoreInUse(RuntimeError):
    """Another service holds the file; waiting does not help while it runs."""


def lock_store(path: Path) -> IO[bytes]:
    """Hold `path` for this process until the returned file is closed; raises StoreInUse."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(path.name + ".lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StoreInUse(
            f"{path} is held by another ortoo-ingest: stop it first, or use another path"
        ) from None
    return lock


def open_store(path: Path) -> sqlite3.Connection:
    """The one writing connection, made whole by its schema steps. Transactions are the caller's."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("PRAGMA secure_delete = ON")  # what was erased must not lie in free pages
    advance(connection, "ledger", LEDGER_STEPS)
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, for a writer without a history beside it; else see `ingest.writer`."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def cut_log(connection: sqlite3.Connection) -> bool:
    """Empty the log before the file, where pages lie as they were; False when a reader is in the way."""
    connection.execute(f"PRAGMA busy_timeout = {CUT_MS}")
    is_blocked, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    return not is_blocked


def open_reading(path: Path) -> sqlite3.Connection:
    """A read-only connection that sees each commit as it comes."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA query_only = ON")
    return connection


def access_path(store_path: Path) -> Path:
    """The file of keys and sessions that belongs to a store."""
    return store_path.with_name(store_path.stem + "-access.sqlite3")


def open_access(store_path: Path) -> sqlite3.Connection:
    """Keys and sessions: each statement commits by itself, and several processes may write in turn."""
    path = access_path(store_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    advance(connection, "access", ACCESS_STEPS)
    return connection
