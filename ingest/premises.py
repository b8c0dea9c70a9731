"""The premises: what a service holds before it begins, so that whatever is in the way is told at once.

The store's lock comes first, for a second service must not touch the file. Everything that a wrong setting,
a missing file or another program can spoil is taken here, with a sentence for whoever started the service;
once it serves, nothing of this kind can stop it.
"""

from __future__ import annotations

import socket
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ingest.api.server import BindError, check_bind
from ingest.books.card import load_key
from ingest.books.factory import library_of
from ingest.config import ConfigError, secret_of
from ingest.history.factory import histories
from ingest.ledger import keys
from ingest.ledger.files import StoreInUse, lock_store, open_access, open_store
from ingest.ledger.schema import SchemaError
from ingest.notify import addressees
from ingest.notify.post import AddressError
from ingest.releases.adding import known_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.books.library import Library
    from ingest.config import Settings
    from ingest.history.factory import Histories
    from ingest.notify.post import Post


class CannotStart(RuntimeError):
    """Something is in the way; the text says what, and what helps."""


@dataclass(frozen=True, slots=True)
class Premises:
    """Files, port and secrets of one service. Of `library` and `card_key` None is none at all."""

    path: Path
    lock: IO[bytes]
    access: sqlite3.Connection
    listener: socket.socket
    connection: sqlite3.Connection
    histories: Histories
    password: str | None
    post: Post
    card_key: bytes | None
    library: Library | None
    release_keys: tuple[bytes, ...]

    def leave(self) -> None:
        """Close what outlives every thread; the writing connection is closed by whoever ended its thread."""
        self.histories.close()
        self.access.close()
        self.lock.close()


def taken(settings: Settings, mono_s: Callable[[], float]) -> Premises:
    """What the settings name, held for this process; raises CannotStart."""
    path = Path(settings.store.path)
    try:
        return _taken(path, settings, mono_s)
    except (StoreInUse, SchemaError, BindError, ConfigError, AddressError) as error:
        raise CannotStart(str(error)) from None
    except (OSError, sqlite3.Error) as error:
        detail = getattr(error, "strerror", None) or error
        raise CannotStart(f"the store at {path} cannot be used: {detail}") from None


def _taken(path: Path, settings: Settings, mono_s: Callable[[], float]) -> Premises:
    lock = lock_store(path)
    access = open_access(path)
    check_bind(settings.http.host, keys.has_any(access))
    listener = listen(settings.http.host, settings.http.port)
    connection = open_store(path)
    store = histories(settings)
    store.prepare(connection)
    return Premises(
        path,
        lock,
        access,
        listener,
        connection,
        store,
        secret_of(settings.broker.password_file),
        addressees.post(settings.notify),
        load_key(settings.library.card_key_file),
        library_of(settings.library, mono_s),
        known_keys(settings.releases.key_files),
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises CannotStart with a sentence for people."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        detail = error.strerror or str(error)
        raise CannotStart(f"cannot listen on {host}:{port}: {detail}; choose another http.port") from None
    return listener
