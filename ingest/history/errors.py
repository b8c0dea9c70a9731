"""What SQLite says, as what the caller must do: keep it and try again, or set it aside."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest.history import StoreBusy, StoreRefused

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def errors() -> Iterator[None]:
    """Around what asks SQLite: raises StoreBusy or StoreRefused."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(error) from error


def store_error(error: sqlite3.Error) -> StoreBusy | StoreRefused:
    """Whether waiting helps. A full, failing or locked disk may pass; a value that does not fit will not."""
    text = f"{error} ({getattr(error, 'sqlite_errorname', 'unknown')})"
    if isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | sqlite3.ProgrammingError):
        return StoreRefused(text)
    return StoreBusy(text)
