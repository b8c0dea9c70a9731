"""Takes a release file into the ledger, by the API or from the terminal."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.commands import CommandFailed
from ingest.config import ConfigError
from ingest.ledger import releases
from ingest.ledger.files import StoreInUse, lock_store, open_store
from ingest.ledger.releases import Release
from ingest.ledger.schema import SchemaError
from ingest.releases import file
from ingest.releases.file import ReleaseRefused

if TYPE_CHECKING:
    from ingest.config import Settings


def known_keys(paths: list[str]) -> tuple[bytes, ...]:
    """The public keys whose releases are taken; raises ConfigError."""
    found = []
    for path in paths:
        try:
            found.append(file.load_key(Path(path).read_bytes(), f"releases.key_files {path}"))
        except OSError as error:
            raise ConfigError(f"releases.key_files {path}: cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise ConfigError(str(error)) from None
    return tuple(found)


def add(ledger: sqlite3.Connection, read: file.Read, who: str, now_ms: int) -> Release:
    """Keep it; the same once more is no error. Within a transaction; raises ReleaseRefused."""
    number = read.manifest.number
    known = releases.find(ledger, number)
    if known is not None and known.digest == read.digest and known.withdrawn_ms is None:
        return known
    last = next(iter(releases.newest(ledger, 1)), None)
    if last is not None and number <= last.number:
        raise ReleaseRefused("too_old", f"number {number} is not above {last.number}, the newest here")
    release = Release(number, read.manifest.version, read.digest, read.head, who, now_ms)
    releases.add(ledger, release, read.blobs)
    return release


def added(settings: Settings, path: Path, who: str, now_ms: int) -> Release:
    """Take a file while no service holds the store; raises CommandFailed."""
    store = Path(settings.store.path)
    try:
        read = file.read(_limited(path), known_keys(settings.releases.key_files))
        with lock_store(store), closing(open_store(store)) as ledger:
            ledger.execute("BEGIN IMMEDIATE")
            try:
                release = add(ledger, read, who, now_ms)
            except BaseException:
                ledger.execute("ROLLBACK")
                raise
            ledger.execute("COMMIT")
            return release
    except StoreInUse:
        raise CommandFailed(
            f"a service holds {store}: ask it, as curl -H 'Authorization: Bearer KEY'"
            f" -H 'Content-Type: application/octet-stream' --data-binary @{path.name}"
            " 'URL/api/v1/releases', or stop it first"
        ) from None
    except (ReleaseRefused, ConfigError) as error:
        raise CommandFailed(f"{path}: {error}") from None
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror}") from None
    except (SchemaError, sqlite3.Error) as error:
        raise CommandFailed(f"store {store}: {error}") from None


def _limited(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(file.MAX_BYTES + 1)
