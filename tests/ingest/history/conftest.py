"""The stores that the behaviour suite runs on."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.history import History, influx_index, influx_setup, sqlite_schema
from ingest.history.influx import InfluxHistory
from ingest.history.influx_server import Access, InfluxServer
from ingest.history.sqlite import SqliteHistory
from ingest.ledger.files import open_store
from tests.fixtures.influx_proxy import Proxy
from tests.fixtures.influxd import Influxd


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "store.sqlite3")
    sqlite_schema.prepare(connection)
    influx_index.prepare(connection)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    influxd = Influxd(tmp_path_factory.mktemp("influxd"))
    influxd.start()
    yield influxd
    influxd.stop()


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[Proxy]:
    proxy = Proxy(influxd.port)
    yield proxy
    proxy.close()


@pytest.fixture
def server(proxy: Proxy) -> Iterator[InfluxServer]:
    """The real InfluxDB with an empty database."""
    server = InfluxServer(Access(proxy.url, "", "ortoo", "", "", "", 60))
    server.ask("DROP DATABASE ortoo", {}, is_read=False)
    list(influx_setup.set_up(server, {}))
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "influx"])
def history(request: pytest.FixtureRequest, ledger: sqlite3.Connection) -> History:
    if request.param == "sqlite":
        return SqliteHistory(ledger)
    return InfluxHistory(request.getfixturevalue("server"), ledger)
