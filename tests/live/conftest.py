"""A server that somebody runs: named in the environment, else these tests are listed as not proved.

ORTOO_INFLUX_URL    http://127.0.0.1:8086
ORTOO_INFLUX_TOKEN  a token that may make, write, read and empty buckets (versions 2 and 3)
ORTOO_INFLUX_USER   with version 1: a user, whose password is the token
ORTOO_INFLUX_ORG    the organization (version 2)
ORTOO_INFLUX_BUCKET a database of its own (default ortoo_test): units named library-01, library-02, other-1
                    and unit-N are erased in it, with version 3 Core all of it
"""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.history import History, influx_index, sqlite_schema
from ingest.history.classes import CLASSES
from ingest.history.influx import InfluxHistory
from ingest.history.influx_server import Access, InfluxServer
from ingest.history.influx_setup import set_up
from ingest.ledger.files import open_store
from tests.ingest.made import UNIT


@pytest.fixture(scope="session")
def live_server() -> Iterator[InfluxServer]:
    url = os.environ.get("ORTOO_INFLUX_URL")
    if not url:
        pytest.skip("needs a live server: ORTOO_INFLUX_URL, see tests/live/conftest.py")
    asked = os.environ.get
    access = Access(
        url,
        asked("ORTOO_INFLUX_ORG", ""),
        asked("ORTOO_INFLUX_BUCKET", "ortoo_test"),
        asked("ORTOO_INFLUX_TOKEN", ""),
        asked("ORTOO_INFLUX_USER", ""),
        "",
        30,
    )
    server = InfluxServer(access)
    print("\n".join(set_up(server, {})))
    yield server
    server.close()


@pytest.fixture(autouse=True)
def can_erase(live_server: InfluxServer, request: pytest.FixtureRequest) -> None:
    """Version 3 Core deletes nothing."""
    if live_server.is_core() and "eras" in request.node.name:
        pytest.skip("needs a live server: one that deletes points, as 3 Core does not")


@pytest.fixture
def server(live_server: InfluxServer, request: pytest.FixtureRequest) -> InfluxServer:
    """Without what an earlier test wrote; version 3 Core deletes no points, but whole databases."""
    if live_server.is_core():
        for name in CLASSES:
            path, database = "/api/v3/configure/database", f"{live_server.access.database}/{name}"
            status, said = live_server.call("DELETE", path, db=database)
            assert status in {200, 404}, said
        list(set_up(live_server, {}))
        return live_server
    ledger = request.getfixturevalue("ledger")
    for unit in (UNIT, "library-02", "other-1"):
        InfluxHistory(live_server, ledger).erase(unit)
    return live_server


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "store.sqlite3")
    sqlite_schema.prepare(connection)
    influx_index.prepare(connection)
    yield connection
    connection.close()


@pytest.fixture
def history(server: InfluxServer, ledger: sqlite3.Connection) -> History:
    return InfluxHistory(server, ledger)
