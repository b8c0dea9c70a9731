"""A release from the terminal: taken while no service holds the store, and what is in the way is named."""

from __future__ import annotations

import getpass
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from ingest.config import ConfigError, ReleasesSettings, Settings, StoreSettings
from ingest.idle_store import CommandFailed
from ingest.ledger import releases
from ingest.ledger.files import lock_store, open_store
from ingest.releases import adding, making, signing

if TYPE_CHECKING:
    from pathlib import Path

NOW_MS = 1_795_251_600_000


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(getpass, "getpass", lambda _: "")
    public = signing.make_key(tmp_path / "operator.key")
    store = StoreSettings(path=str(tmp_path / "store.sqlite3"))
    return Settings(store=store, releases=ReleasesSettings(key_files=[str(public)]))


@pytest.fixture
def release(tmp_path: Path, settings: Settings) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "app.mpy").write_bytes(b"M\x06app")
    return making.make(tmp_path / "a", tmp_path / "operator.key", tmp_path / "dist", 7)


def test_it_is_kept_with_who_added_it(settings: Settings, release: Path) -> None:
    assert adding.added(settings, release, "me at the terminal", NOW_MS).number == 7
    assert adding.added(settings, release, "another", NOW_MS + 1).who == "me at the terminal"
    with closing(open_store(release.parent.parent / "store.sqlite3")) as ledger:
        (kept,) = releases.newest(ledger, 9)
        assert (kept.who, kept.added_ms) == ("me at the terminal", NOW_MS)


def test_what_is_in_the_way_is_named(settings: Settings, release: Path, tmp_path: Path) -> None:
    with (
        lock_store(tmp_path / "store.sqlite3"),
        pytest.raises(CommandFailed, match=r"a service holds .* curl .*/api/v1/releases"),
    ):
        adding.added(settings, release, "me", NOW_MS)
    with pytest.raises(CommandFailed, match="No such file"):
        adding.added(settings, tmp_path / "none.release", "me", NOW_MS)
    with pytest.raises(CommandFailed, match="not a release"):
        adding.added(settings, tmp_path / "operator.key", "me", NOW_MS)
    with pytest.raises(CommandFailed, match="no key is known here"):
        adding.added(Settings(store=settings.store), release, "me", NOW_MS)


def test_a_file_that_is_no_public_key_is_named(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"releases.key_files .*operator.key: no public key; .* \.pub"):
        adding.known_keys([str(tmp_path / "operator.key")])
    with pytest.raises(ConfigError, match=r"none\.pub: cannot be read"):
        adding.known_keys([*settings.releases.key_files, "none.pub"])
