"""The stores that the behaviour suite runs on."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.history import History
from ingest.history.sqlite import SqliteHistory, prepare
from ingest.ledger.files import open_store


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "store.sqlite3")
    prepare(connection)
    yield connection
    connection.close()


@pytest.fixture(params=["sqlite"])
def history(ledger: sqlite3.Connection) -> History:
    return SqliteHistory(ledger)
