"""Takes a release file into the ledger, by the API or from the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ingest.config import ConfigError
from ingest.idle_store import CURL, CommandFailed, idle_store
from ingest.ledger import releases
from ingest.ledger.files import transaction
from ingest.ledger.releases import Release
from ingest.releases import file
from ingest.releases.file import ReleaseRefused

if TYPE_CHECKING:
    import sqlite3

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
    kind = "-H 'Content-Type: application/octet-stream'"
    instead = f"{CURL} {kind} --data-binary @{path.name} 'URL/api/v1/releases'"
    try:
        read = file.read(_limited(path), known_keys(settings.releases.key_files))
        with idle_store(settings, instead) as ledger, transaction(ledger):
            return add(ledger, read, who, now_ms)
    except (ReleaseRefused, ConfigError) as error:
        raise CommandFailed(f"{path}: {error}") from None
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror}") from None


def _limited(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(file.MAX_BYTES + 1)
