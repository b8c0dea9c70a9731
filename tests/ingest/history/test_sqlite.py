"""What only the embedded store owes."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.history import StoreBusy
from ingest.history.sqlite import SqliteHistory
from ingest.history.sqlite_schema import prepare
from ingest.ledger.files import open_store
from tests.ingest.history.chunks import DAY_MS, everything, fix_chunks, untimed
from tests.ingest.made import NOW_MS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "store.sqlite3")
    prepare(connection)
    yield connection
    connection.close()


def test_a_locked_file_is_busy(store: sqlite3.Connection, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.execute("PRAGMA busy_timeout = 1")
    with pytest.raises(StoreBusy):
        SqliteHistory(store).write(fix_chunks(range(1, 3)))
    other.execute("ROLLBACK")
    other.close()


def test_a_rolled_back_series_is_not_remembered(store: sqlite3.Connection) -> None:
    history = SqliteHistory(store)
    store.execute("BEGIN")
    history.write(fix_chunks(range(1, 3)))
    store.execute("ROLLBACK")
    history.forget()
    history.write(fix_chunks(range(1, 3)))
    assert everything(history).rows == 2


def test_what_is_old_expires_chunk_by_chunk_and_what_has_no_time_stays(store: sqlite3.Connection) -> None:
    history = SqliteHistory(store)
    for day in range(5):
        times = {"time_ms": lambda seq, day=day: NOW_MS - (5 - day) * DAY_MS + seq}
        history.write(fix_chunks(range(2 * day + 1, 2 * day + 3), **times))
    history.write(untimed(range(11, 13)))
    assert history.expire("fix", NOW_MS - 3 * DAY_MS, 1) == 1
    assert history.expire("fix", NOW_MS - 3 * DAY_MS, 9) == 1
    assert history.expire("fix", NOW_MS - 3 * DAY_MS, 9) == 0
    assert history.expire("power", NOW_MS, 9) == 0
    assert everything(history).columns["seq"] == [11, 12, 5, 6, 7, 8, 9, 10]
