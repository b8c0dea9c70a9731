"""Which store the settings name: made once, then a history on each connection to the ledger's file."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from ingest.config import ConfigError, secret_of
from ingest.history import StoreBusy, StoreMisset, influx_index, influx_setup, sqlite_schema
from ingest.history.chunk import AHEAD_MS
from ingest.history.influx import InfluxHistory
from ingest.history.influx_server import Access, InfluxServer
from ingest.history.sqlite import SqliteHistory

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from ingest.config import InfluxSettings, Settings
    from ingest.history import History

log = logging.getLogger(__name__)


def _nothing() -> None:
    pass


class Histories(Protocol):
    """A store, from which histories are made."""

    def prepare(self, ledger: sqlite3.Connection) -> None:
        """Make or bring forward what the store keeps in the ledger's file."""

    def on(
        self,
        ledger: sqlite3.Connection,
        ahead_ms: int = AHEAD_MS,
        meanwhile: Callable[[], None] = _nothing,
    ) -> History:
        """A history on a connection; `meanwhile` is called now and then while a write is waited for."""

    def close(self) -> None:
        """Let connections go."""


class SqliteHistories:
    """The embedded store: the ledger's file itself."""

    def prepare(self, ledger: sqlite3.Connection) -> None:
        """Make or bring forward the tables."""
        sqlite_schema.prepare(ledger)

    def on(
        self, ledger: sqlite3.Connection, ahead_ms: int = AHEAD_MS, meanwhile: Callable[[], None] = _nothing
    ) -> History:
        """A history on a connection; nothing is waited for."""
        del meanwhile
        return SqliteHistory(ledger, ahead_ms)

    def close(self) -> None:
        """Nothing: connections are the callers'."""


class InfluxHistories:
    """A server, and its index in the ledger's file."""

    def __init__(self, server: InfluxServer) -> None:
        self.server = server

    def prepare(self, ledger: sqlite3.Connection) -> None:
        """Make or bring forward the index."""
        influx_index.prepare(ledger)

    def on(
        self, ledger: sqlite3.Connection, ahead_ms: int = AHEAD_MS, meanwhile: Callable[[], None] = _nothing
    ) -> History:
        """A history with its index on a connection."""
        return InfluxHistory(self.server, ledger, ahead_ms, meanwhile)

    def close(self) -> None:
        """Let the server go."""
        self.server.close()


def histories(settings: Settings) -> Histories:
    """The store that the settings name; raises ConfigError for one that would lose what units bring."""
    if settings.history.store == "sqlite":
        return SqliteHistories()
    _check_days(settings.history.keep_days(), settings.influx.backlog_days, "history.{}_days")
    server = influx_server(settings.influx)
    try:
        _check_server(server, settings)
    except ConfigError:
        server.close()
        raise
    return InfluxHistories(server)


def influx_server(settings: InfluxSettings) -> InfluxServer:
    """The server of the settings, not yet asked anything; raises ConfigError."""
    is_user = bool(settings.username)
    path, key = (
        (settings.password_file, "influx.password_file")
        if is_user
        else (settings.token_file, "influx.token_file")
    )
    access = Access(
        settings.url.rstrip("/"),
        settings.org,
        settings.database,
        secret_of(path, key) or "",
        settings.username,
        settings.ca_file,
        settings.timeout_s,
    )
    try:
        return InfluxServer(access)
    except OSError as error:
        raise ConfigError(f"influx.ca_file {settings.ca_file}: cannot be used: {error}") from None


def _check_server(server: InfluxServer, settings: Settings) -> None:
    """Refuse what can be seen to be wrong now; a server that is not there yet is waited for later."""
    try:
        found = influx_setup.kept_days(server)
    except StoreMisset as error:
        raise ConfigError(str(error)) from None
    except StoreBusy as error:
        log.warning("%s; the service starts all the same, units keep their records until it comes", error)
        return
    where = f"retention {{}} of InfluxDB {server.version()} at {settings.influx.url}"
    _check_days(found, settings.influx.backlog_days, where)


def _check_days(days: Mapping[str, float], backlog_days: int, where: str) -> None:
    for name, kept_days in days.items():
        if 0 < kept_days < backlog_days:
            raise ConfigError(
                f"{where.format(name)} is {kept_days:g} days, but a unit may bring records that are"
                f" {backlog_days} days old (influx.backlog_days), and InfluxDB refuses what is older than its"
                " retention: keep them longer, then run `ortoo-ingest influx init`"
            )
