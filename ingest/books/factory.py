"""The library's system as the settings name it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ingest.books.koc import KocLibrary
from ingest.books.koha import KohaLibrary
from ingest.books.sip2.library import Sip2Library
from ingest.books.sip2.link import Door, Link
from ingest.config import secret_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.books.library import Library
    from ingest.config import LibrarySettings

MINUTE_MS = 60_000


def library_of(settings: LibrarySettings, mono_s: Callable[[], float]) -> Library | None:
    """An adapter that connects when it is first asked, None for no library; raises ConfigError, OSError."""
    if settings.kind == "none":
        return None
    zone_ms = settings.zone_min * MINUTE_MS
    if settings.kind == "koc":
        folder = Path(settings.folder)
        folder.mkdir(parents=True, exist_ok=True)
        return KocLibrary(folder, zone_ms)
    password = secret_of(settings.password_file, "library.password_file") or ""
    if settings.kind == "koha":
        return KohaLibrary(settings.url, settings.user, password, settings.timeout_s)
    door = Door(
        settings.host,
        settings.port,
        settings.encoding,
        settings.user,
        password,
        settings.location,
        settings.timeout_s,
        settings.retries,
    )
    return Sip2Library(Link(door, mono_s), settings.institution, zone_ms)
