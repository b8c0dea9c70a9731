"""Releases and rollouts in the ledger; files from before there were any are brought forward."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from ingest.ledger import keys, releases, rollouts, sessions
from ingest.ledger.files import access_path, open_access, open_store
from ingest.ledger.releases import Release
from ingest.ledger.schema import ACCESS_STEPS, LEDGER_STEPS, advance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW_MS = 1_795_251_600_000
APP, WIRE, OTHER = "a1" * 32, "b2" * 32, "c3" * 32


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_store(tmp_path / "store.sqlite3")) as connection:
        yield connection


def release(number: int) -> Release:
    return Release(number, f"0.{number}.0", f"{number:064x}", b"{}\n", "operator", NOW_MS)


def add(ledger: sqlite3.Connection, number: int, *digests: str) -> None:
    made = release(number)
    releases.add(ledger, made, {made.digest: made.head, **dict.fromkeys(digests, b"x" * 10)})


def test_what_two_releases_share_goes_with_the_last_of_them(ledger: sqlite3.Connection) -> None:
    add(ledger, 1, APP, WIRE)
    add(ledger, 2, APP, OTHER)
    assert releases.withdraw(ledger, 1, "operator", NOW_MS)
    assert not releases.withdraw(ledger, 1, "operator", NOW_MS)
    assert [digest for digest, _ in releases.offered_blobs(ledger)] == [APP, OTHER, release(2).digest]
    assert {digest for digest, _ in releases.withdrawn_blobs(ledger, 0)} == {WIRE, release(1).digest}
    assert releases.withdrawn_blobs(ledger, NOW_MS + 1) == []
    assert releases.blob(ledger, WIRE) is None
    assert releases.blob(ledger, APP) == b"x" * 10
    found = releases.find(ledger, 1)
    assert found is not None
    assert (found.withdrawn_by, found.withdrawn_ms) == ("operator", NOW_MS)


def test_a_unit_is_asked_for_one_release_at_a_time(ledger: sqlite3.Connection) -> None:
    first = rollouts.ask(ledger, 1, "van", "", "c1", "operator", NOW_MS)
    of_node = rollouts.ask(ledger, 1, "van", "power", "c2", "operator", NOW_MS)
    second = rollouts.ask(ledger, 2, "van", "", "c3", "operator", NOW_MS + 1)
    assert rollouts.of_release(ledger, 1) == [
        rollouts.Rollout(*(*vars_of(first)[:8], "replaced", "", None, NOW_MS + 1)),
        of_node,
    ]
    assert [one.id for one in rollouts.unsent(ledger, 0, 10)] == [of_node.id, second.id]
    rollouts.note_sent(ledger, [second.id], NOW_MS + 2)
    assert [one.id for one in rollouts.unsent(ledger, NOW_MS, 10)] == [of_node.id]
    assert [one.id for one in rollouts.unsent(ledger, NOW_MS + 3, 10)] == [of_node.id, second.id]
    assert rollouts.by_command(ledger, "other", "c3") is None


def vars_of(rollout: rollouts.Rollout) -> tuple[object, ...]:
    return tuple(getattr(rollout, name) for name in rollout.__slots__)


def test_a_store_from_before_there_were_releases_is_brought_forward(tmp_path: Path) -> None:
    own = next(at for at, step in enumerate(LEDGER_STEPS) if "CREATE TABLE release (" in step)
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        advance(old, "ledger", LEDGER_STEPS[:own])
        old.execute("INSERT INTO unit (unit, first_seen_ms) VALUES ('van', 1)")
    with closing(open_store(path)) as ledger:
        assert releases.newest(ledger, 10) == []
        assert ledger.execute("SELECT unit FROM unit").fetchall() == [("van",)]


def test_a_key_from_before_there_were_roles_may_its_daily_work(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(access_path(path), isolation_level=None)) as old:
        advance(old, "access", ACCESS_STEPS[:2])
        old.execute("INSERT INTO key VALUES ('depot', ?, 1, 0)", (keys.digest("secret"),))
        old.execute("INSERT INTO key VALUES ('county', ?, 1, 1)", (keys.digest("other"),))
        old.execute("INSERT INTO session VALUES (?, 'depot', 100)", (keys.digest("token"),))
    with closing(open_access(path)) as access:
        assert keys.name_of(access, "secret") == "depot"
        assert sessions.key_name(access, keys.digest("token"), 99) == "depot"
        assert keys.roles_of(access, "depot") == {keys.DISPATCHER, keys.HEALTH, keys.LIBRARIAN}
        assert keys.roles_of(access, "county") == {keys.ADMIN}
        keys.add(access, "wall", 2)
        assert keys.roles_of(access, "wall") == {keys.VIEWER}
