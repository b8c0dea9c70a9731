"""Commands that take history out: `ortoo-ingest export` and `ortoo-ingest erase`, without a running service.

Reading goes beside a service; erasing writes, and the file has one writer, so a running service is asked for
that by its API.
"""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from firmware import wire
from ingest.api.instants import DAY_MS, MAX_MS, parse_instant
from ingest.api.rows import FORMATS, Wanted
from ingest.config import ConfigError
from ingest.erasing import erase
from ingest.history import StoreBusy, StoreRefused
from ingest.history.factory import histories
from ingest.ledger import units
from ingest.ledger.files import StoreInUse, cut_log, lock_store, open_store
from ingest.ledger.schema import SchemaError
from ingest.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.config import Settings
    from ingest.ledger.erasures import Erasure


class CommandFailed(RuntimeError):
    """It was not done; the text says why, and what helps."""


def exported(
    settings: Settings, unit: str, kind: str, from_: str, to: str, format_: str, now_ms: int
) -> Iterator[bytes]:
    """A unit's records of a kind as text, page by page; raises CommandFailed before the first."""
    if kind not in wire.KINDS:
        raise CommandFailed(f"no kind {kind!r}; there are {', '.join(wire.KINDS)}")
    if format_ not in FORMATS:
        raise CommandFailed(f"no format {format_!r}; there are {', '.join(FORMATS)}")
    from_ms, to_ms = _instant(from_, 0), _instant(to, min(now_ms + DAY_MS, MAX_MS))
    path = _path(settings)
    with (
        _explained(settings),
        closing(histories(settings)) as store,
        closing(Reader(path, store)) as reader,
    ):
        if reader.unit(unit) is None:
            raise CommandFailed(f"no unit {unit!r} has ever been heard of")
        _, write = FORMATS[format_]
        wanted = Wanted(unit, kind, from_ms, to_ms)
        yield from write(wanted, reader.pages(unit, kind, None, from_ms, to_ms))


def erased(settings: Settings, unit: str, who: str, now_ms: int) -> Erasure:
    """Erase a unit's history while no service runs; the next one asks the unit. Raises CommandFailed."""
    path = _path(settings)
    with (
        _explained(settings),
        lock_store(path),
        closing(open_store(path)) as ledger,
        closing(histories(settings)) as store,
    ):
        store.prepare(ledger)
        if units.find(ledger, unit) is None:
            raise CommandFailed(f"no unit {unit!r} has ever been heard of")
        ledger.execute("BEGIN IMMEDIATE")
        try:
            erasure = erase(ledger, store.on(ledger), unit, who, secrets.token_hex(8), now_ms)
        except BaseException:
            ledger.execute("ROLLBACK")
            raise
        ledger.execute("COMMIT")
        cut_log(ledger)
        return erasure


def _path(settings: Settings) -> Path:
    path = Path(settings.store.path)
    if not path.exists():
        raise CommandFailed(f"there is no store at {path} yet: has the service run with these settings?")
    return path


def _instant(text: str, default_ms: int) -> int:
    try:
        return parse_instant(text) if text else default_ms
    except ValueError as error:
        raise CommandFailed(str(error)) from None


@contextmanager
def _explained(settings: Settings) -> Iterator[None]:
    try:
        yield
    except StoreInUse:
        raise CommandFailed(
            f"a service holds {settings.store.path}: ask it, as"
            " curl -X DELETE -H 'Authorization: Bearer KEY' 'URL/api/v1/units/UNIT/history?confirm=UNIT',"
            " or stop it first"
        ) from None
    except (SchemaError, ConfigError, StoreBusy, StoreRefused, sqlite3.Error) as error:
        raise CommandFailed(f"store {settings.store.path}: {error}") from None
