"""Commands that take history out: `ortoo-ingest export` and `ortoo-ingest erase`, without a running service.

Reading goes beside a service; erasing writes, and the file has one writer, so a running service is asked for
that by its API.
"""

from __future__ import annotations

import secrets
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from firmware import wire
from ingest.api.rows import FORMATS, Wanted
from ingest.erasing import erase
from ingest.history.factory import histories
from ingest.idle_store import CommandFailed, explained, idle_store
from ingest.instants import DAY_MS, MAX_MS, parse_instant
from ingest.ledger import units
from ingest.ledger.files import cut_log, transaction
from ingest.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.config import Settings
    from ingest.ledger.erasures import Erasure


ERASE = "curl -X DELETE -H 'Authorization: Bearer KEY' 'URL/api/v1/units/UNIT/history?confirm=UNIT'"


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
        explained(settings),
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
    _path(settings)
    with idle_store(settings, ERASE) as ledger, closing(histories(settings)) as store:
        store.prepare(ledger)
        if units.find(ledger, unit) is None:
            raise CommandFailed(f"no unit {unit!r} has ever been heard of")
        with transaction(ledger):
            erasure = erase(ledger, store.on(ledger), unit, who, secrets.token_hex(8), now_ms)
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
