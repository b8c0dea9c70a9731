"""The one connection of an outbox: how it is opened, what must hold of it, and what its errors mean.

`execute` and `fetchone`/`fetchall` with literal BEGIN, COMMIT and ROLLBACK are all that is used, so that a
test can hand in a connection whose disk it controls. WAL with `synchronous=FULL` lost nothing in measured
power cuts where NORMAL rolled back to the last checkpoint; `locking_mode=EXCLUSIVE` must come before the
journal mode, else SQLite may stay in another mode without an error, so each answer is asserted.
"""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PAGE_BYTES = 1024  # a commit a second changes one page: the smaller it is, the less wears the card
WAL_PAGES = 2000  # checkpoint at 2 MiB: seldom enough for a card
WAL_KEPT_BYTES = 4 * 1024 * 1024
# A number that is there already where a new one belongs: the counts of the file are wrong.
DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CONSTRAINT")


class Cursor(Protocol):
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...
    def close(self) -> None: ...


class OutboxError(Exception):
    """The outbox cannot do this now."""


class OutboxFull(OutboxError):
    """There is no room. Nothing was changed; trying again after a while may help."""


class OutboxBroken(OutboxError):
    """Disk or file failed. Nothing more may be done through this connection: reopen, verify, try again."""


class OutboxDamaged(OutboxError):
    """The file is not a sound outbox. Set it aside; waiting does not help."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, as the outbox wants it; raises OutboxBroken."""
    try:
        db = sqlite3.connect(path, isolation_level=None, timeout=1.0, check_same_thread=False)
    except sqlite3.Error as error:
        raise OutboxBroken(f"{path}: cannot be opened: {error}") from None
    # A flipped bit may leave no valid text: it has to come out, if only to fail its check sum.
    db.text_factory = lambda data: str(data, "utf-8", "replace")
    return db


def configure(db: Connection, max_bytes: int) -> None:
    """Set and assert what durability rests on; the page cap is not kept in the file, so at every open."""
    with errors():
        db.execute(f"PRAGMA page_size={PAGE_BYTES}").fetchall()
        _assert(db, "PRAGMA locking_mode=EXCLUSIVE", "exclusive")
        _assert(db, "PRAGMA journal_mode=WAL", "wal")
        db.execute("PRAGMA synchronous=FULL")
        _assert(db, "PRAGMA synchronous", 2)
        _assert(db, f"PRAGMA wal_autocheckpoint={WAL_PAGES}", WAL_PAGES)
        db.execute(f"PRAGMA journal_size_limit={WAL_KEPT_BYTES}").fetchall()
        db.execute("PRAGMA cache_size=-512").fetchall()
        _empty_wal(db)
        page_bytes = db.execute("PRAGMA page_size").fetchone()[0]
        wal_bytes = min(WAL_KEPT_BYTES, max_bytes // 4)
        db.execute(f"PRAGMA max_page_count={(max_bytes - wal_bytes) // page_bytes}").fetchall()


def _empty_wal(db: Connection) -> None:
    """Copy what an earlier connection left in the WAL into the file.

    After a failed sync it may be in the kernel's cache alone, and no later sync of the WAL would write it:
    what is committed behind such a hole would be gone with the power. A full disk has to do without.
    """
    try:
        with errors():
            _assert(db, "PRAGMA wal_checkpoint(TRUNCATE)", 0)
    except OutboxFull:
        return


def _assert(db: Connection, statement: str, wanted: object) -> None:
    row = db.execute(statement).fetchone()
    if row is None or row[0] != wanted:
        raise OutboxBroken(f"{statement}: answered {row}, not {wanted}: is another program using the file?")


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """Turn what SQLite raises into what the caller must do."""
    try:
        yield
    except OutboxError:
        raise
    except (sqlite3.Error, OSError) as error:
        raise _meaning(error) from error
    except Exception as error:
        if type(error).__module__ == "apsw":
            raise _meaning(error) from error
        raise


def _meaning(error: Exception) -> OutboxError:
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    text = f"{name}: {error}"
    if name in ("SQLITE_FULL", "FullError"):
        return OutboxFull(text)
    if name.startswith(DAMAGE) or name in {"CorruptError", "NotADBError", "ConstraintError"}:
        return OutboxDamaged(text)
    return OutboxBroken(text)


@contextlib.contextmanager
def transaction(db: Connection) -> Iterator[None]:
    """All or nothing; what SQLite raises comes out as an OutboxError."""
    with errors():
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.execute("COMMIT")
        except BaseException:
            # After some errors SQLite has rolled back by itself, and says so with another error.
            with contextlib.suppress(Exception):
                db.execute("ROLLBACK")
            raise


def seal(*values: object) -> int:
    """A check sum over a row: to SQLite a flipped bit in a number looks sound."""
    return zlib.crc32(repr(values).encode(errors="surrogatepass"))


def verify(db: Connection) -> None:
    """Raise OutboxDamaged unless every page of the file is sound."""
    with errors():
        found = db.execute("PRAGMA quick_check(1)").fetchone()
    if found is None or found[0] != "ok":
        raise OutboxDamaged(str(found[0] if found else "no answer"))
