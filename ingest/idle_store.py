"""The store while no service holds it: what commands of the terminal write to.

The file has one writer. While a service runs it is asked by its API instead, and the error says how.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.config import ConfigError
from ingest.history import StoreBusy, StoreRefused
from ingest.ledger.files import StoreInUse, lock_store, open_store
from ingest.ledger.schema import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.config import Settings

CURL = "curl -H 'Authorization: Bearer KEY'"


class CommandFailed(RuntimeError):
    """It was not done; the text says why, and what helps."""


@contextmanager
def idle_store(settings: Settings, instead: str) -> Iterator[sqlite3.Connection]:
    """The one writing connection, held until the end; transactions are the caller's.

    Raises CommandFailed. `instead` is what asks a running service for the same.
    """
    path = Path(settings.store.path)
    try:
        with explained(settings), lock_store(path), closing(open_store(path)) as ledger:
            yield ledger
    except StoreInUse:
        raise CommandFailed(f"a service holds {path}: ask it, as {instead}, or stop it first") from None


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """What goes wrong with the store, as CommandFailed."""
    try:
        yield
    except (SchemaError, ConfigError, StoreBusy, StoreRefused, sqlite3.Error) as error:
        raise CommandFailed(f"store {settings.store.path}: {error}") from None
