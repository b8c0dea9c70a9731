"""A release as the operator makes it, with a real openssl: what nodes take, and every way not to get one."""

from __future__ import annotations

import getpass
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from firmware.update import manifest
from firmware.update.version import NAME, VERSION
from ingest.releases import making, signing
from ingest.releases.signing import CannotMake, Signer
from tests.firmware.signing import OTHER_KEY
from tests.fixtures.programs import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MODULES = sorted((ROOT / "firmware").rglob("*.py"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the operator's pair."""
    folder = tmp_path_factory.mktemp("keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(getpass, "getpass", lambda _: "")
        signing.make_key(folder / "operator.key")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a" / "firmware" / "drivers").mkdir(parents=True)
    (tmp_path / "a" / "firmware" / "app.mpy").write_bytes(b"M\x06app")
    (tmp_path / "a" / "firmware" / "drivers" / "door.mpy").write_bytes(b"M\x06door" * 300)
    return tmp_path / "a"


def test_what_is_made_is_what_nodes_take(folder: Path, keys: Path, tmp_path: Path) -> None:
    path = making.make(folder, keys / "operator.key", tmp_path / "dist", None)
    assert path.name == f"{NAME}-{VERSION}.release"
    whole = path.read_bytes()
    end = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    public = (keys / "operator.key.pub").read_bytes()
    found = manifest.verified(whole[:end], public)
    assert (found.version, found.number, found.boards) == (VERSION, 1, list(making.BOARDS))
    assert [name for name, _, _ in found.files] == ["firmware/app.mpy", "firmware/drivers/door.mpy"]
    at = end
    for _, size, digest in found.files:
        assert manifest.digest_of(whole[at : at + size]) == digest
        at += size
    assert at == len(whole)


def test_the_same_files_give_the_same_manifest(folder: Path) -> None:
    first = making.manifest_of(folder, "0.2.0", 7)
    for path in folder.rglob("*.mpy"):
        path.touch()
    assert making.manifest_of(folder, "0.2.0", 7) == first


def test_a_release_may_name_the_keys_that_count_from_then_on(
    folder: Path, keys: Path, tmp_path: Path
) -> None:
    public = keys / "operator.key.pub"
    other = tmp_path / "other.pub"
    other.write_bytes(OTHER_KEY)
    named = making.keys_in([public, other])
    path = making.make(folder, keys / "operator.key", tmp_path / "dist", None, named)
    whole = path.read_bytes()
    found = manifest.parsed(whole[: whole.index(b"\n", whole.index(b"\n") + 1) + 1])
    assert found.keys == [public.read_bytes(), OTHER_KEY]
    with pytest.raises(CannotMake, match="each once"):
        making.keys_in([other, other])
    with pytest.raises(CannotMake, match="no public key"):
        making.keys_in([keys / "operator.key"])


def test_numbers_only_rise(folder: Path, keys: Path, tmp_path: Path) -> None:
    key, out = keys / "operator.key", tmp_path / "dist"
    making.make(folder, key, out, 41).rename(out / f"older{making.SUFFIX}")
    with pytest.raises(CannotMake, match="41 is not above 41"):
        making.make(folder, key, out, 41)
    path = making.make(folder, key, out, None)
    assert b'"number":42,' in path.read_bytes()
    with pytest.raises(CannotMake, match="raise VERSION"):
        making.make(folder, key, out, None)


def test_a_passphrase_is_asked_for_and_has_to_be_right(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda _: "horse")
    key = tmp_path / "hidden.key"
    public = signing.make_key(key)
    assert key.stat().st_mode & 0o077 == 0
    assert "ENCRYPTED" in key.read_text()
    assert Signer(key).public == public.read_bytes()
    monkeypatch.setattr(getpass, "getpass", lambda _: "donkey")
    with pytest.raises(CannotMake, match="is the passphrase right"):
        making.make(folder, key, tmp_path / "dist", None)


def test_no_key_or_a_wrong_one_is_named(folder: Path, keys: Path, tmp_path: Path) -> None:
    other = tmp_path / "p384.key"
    curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]
    subprocess.run(["openssl", "genpkey", *curve, "-out", other], check=True, capture_output=True)
    for key, complaint in (
        (None, "no key"),
        (tmp_path / "none.key", "make one with --new-key"),
        (other, "its curve is not P-256"),
        (keys / "operator.key.pub", "no key can be read"),
    ):
        with pytest.raises(CannotMake, match=complaint):
            making.make(folder, key, tmp_path / "dist", None)
    with pytest.raises(CannotMake, match="there already"):
        signing.make_key(keys / "operator.key")


def test_the_firmware_fits_a_release() -> None:
    """Else ./dev release would tell only when somebody wants to release it."""
    boards_own = {"ports/host", "ports/image", "board_main", "host_main", "tdtr"}
    names = [path.relative_to(ROOT / "firmware").with_suffix("").as_posix() for path in MODULES]
    files = [[f"firmware/{name}.mpy", 65535, "f" * 64] for name in names if name not in boards_own]
    head = making.head_of(json.dumps({"boards": making.BOARDS, "files": files}).encode(), bytes(64))
    assert len(files) <= manifest.MAX_FILES
    assert len(head) + 100 <= manifest.MAX_HEAD_BYTES


def test_files_that_no_node_takes_make_no_release(folder: Path, keys: Path, tmp_path: Path) -> None:
    (folder / "firmware" / "large.mpy").write_bytes(bytes(manifest.MAX_FILE_BYTES + 1))
    with pytest.raises(CannotMake, match=r"files\[2\]: range"):
        making.make(folder, keys / "operator.key", tmp_path / "dist", None)
