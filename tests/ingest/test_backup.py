"""Copies of the service's files: whole, of one moment, and none half made."""

import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest

from ingest.ledger import keys
from ingest.ledger.backup import BackupError, back_up, remove_old
from ingest.ledger.files import open_access, open_store
from tests.fixtures.programs import ROOT, module_command

STAMP = "20261121T120000Z"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with a table of pairs that are always committed together, and a key."""
    path = tmp_path / "ortoo.sqlite3"
    with closing(open_store(path)) as connection, closing(open_access(path)) as access:
        connection.execute("CREATE TABLE pair (number INTEGER, half TEXT)")
        keys.add(access, "somebody", 0)
    return path


def write_pairs(store: Path, stop: threading.Event, begun: threading.Event) -> None:
    with closing(open_store(store)) as connection:
        number = 0
        while not stop.is_set():
            connection.execute("BEGIN")
            connection.execute("INSERT INTO pair VALUES (?, 'left'), (?, 'right')", (number, number))
            connection.execute("COMMIT")
            number += 1
            begun.set()


def test_a_copy_made_while_the_service_writes_is_of_one_moment(store: Path, tmp_path: Path) -> None:
    stop, begun = threading.Event(), threading.Event()
    writer = threading.Thread(target=write_pairs, args=(store, stop, begun))
    writer.start()
    try:
        assert begun.wait(60)
        copies = [back_up(store, tmp_path / "copies", f"2026112{day}T120000Z") for day in range(5)]
    finally:
        stop.set()
        writer.join()
    for copy, access in copies:
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            halves = dict(connection.execute("SELECT half, COUNT(*) FROM pair GROUP BY half").fetchall())
            assert halves["left"] == halves["right"] > 0
        with closing(sqlite3.connect(access)) as connection:
            assert keys.has_any(connection)
        assert copy.stat().st_mode & 0o077 == access.stat().st_mode & 0o077 == 0


def test_only_the_newest_are_kept_and_nothing_else_is_touched(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    days = [back_up(store, folder, f"2026112{day}T120000Z") for day in range(4)]
    other = folder / "ortoo-notes.sqlite3"
    other.touch()
    removed = remove_old(store, folder, keep=2)
    assert sorted(removed) == sorted([*days[0], *days[1]])
    assert sorted(folder.iterdir()) == sorted([*days[2], *days[3], other])


def test_what_a_killed_backup_left_goes_once_there_is_a_newer_copy(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    names = [f"{stem}-20261122T120000Z.sqlite3.part" for stem in ("ortoo", "ortoo-access")]
    halves = [folder / name for name in (*names, f"{names[0]}-journal")]
    for path in halves:
        path.touch()
    before = back_up(store, folder, "20261121T120000Z")
    assert remove_old(store, folder, keep=2) == []
    after = back_up(store, folder, "20261123T120000Z")
    assert sorted(remove_old(store, folder, keep=2)) == sorted(halves)
    assert sorted(folder.iterdir()) == sorted([*before, *after])


def test_a_copy_that_cannot_be_made_leaves_nothing_behind(store: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match="could not be copied"):
        back_up(store, tmp_path / "file", STAMP)
    with pytest.raises(BackupError, match="could not be copied"):
        back_up(tmp_path / "none.sqlite3", tmp_path / "copies", STAMP)
    assert list((tmp_path / "copies").iterdir()) == []


def test_the_command_says_what_it_copied_and_removed(store: Path, tmp_path: Path) -> None:
    config = tmp_path / "service.toml"
    config.write_text(f'[store]\npath = "{store}"\n')
    back_up(store, tmp_path / "copies", "20200101T000000Z")
    command = module_command("ingest", "backup", tmp_path / "copies", "--keep", "1", "--config", config)
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    copied, removed = (
        [line.split(" ", 1)[1] for line in answer.stdout.splitlines() if line.startswith(word)]
        for word in ("copied", "removed")
    )
    assert len(copied) == len(removed) == 2
    assert sorted(copied) == sorted(map(str, (tmp_path / "copies").iterdir()))
