"""The wheel carries the page: every listed file, at the place where the service looks for it."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from ingest.api.page import PAGES, load_assets
from tests.fixtures.programs import ROOT
from tests.web.fleet import WEB

ASSETS = tomllib.loads((WEB / "assets.toml").read_text(encoding="utf-8"))
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "var", "node_modules", "artefacts", ".*_cache", ".cache", ".hypothesis", "__pycache__"
)


def build(root: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=300)


def copy_of_the_tree(folder: Path) -> Path:
    root = folder / "tree"
    shutil.copytree(ROOT, root, ignore=LEFT_OUT)
    for name in ("README.md", "LICENSE"):
        (root / name).touch()
    return root


def test_the_wheel_serves_the_whole_page(tmp_path: Path, libraries: Path) -> None:
    root = copy_of_the_tree(tmp_path)
    for source in ASSETS["libraries"].values():
        target = root / "ingest" / "web" / "node_modules" / source
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(libraries / source, target)
    (root / "ingest" / "web" / "node_modules" / "unlisted.js").touch()
    done = build(root, tmp_path)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    assets = load_assets(tmp_path / "site" / "ingest" / "web")
    names = [*ASSETS["own"], *(f"lib/{name}" for name in ASSETS["libraries"])]
    assert [name for name in names if assets.find(name) is None] == []
    assert not any("__NONCE__" in assets.page(path, "nonce") for path in PAGES)
    packed_names = {str(path.relative_to(tmp_path / "site")) for path in (tmp_path / "site").rglob("*.*")}
    assert not any(
        "unlisted" in name or "package-lock" in name or "wheel_hook" in name for name in packed_names
    )


def test_without_the_libraries_the_build_names_what_is_missing(tmp_path: Path) -> None:
    done = build(copy_of_the_tree(tmp_path), tmp_path)
    assert done.returncode != 0
    assert "is missing: run 'npm ci --ignore-scripts' in ingest/web first" in done.stderr
    assert list(tmp_path.glob("*.whl")) == []


@pytest.mark.parametrize("version", ["editable", "standard"])
def test_an_editable_install_needs_no_libraries(tmp_path: Path, version: str) -> None:
    from ingest.web.wheel_hook import PageLibraries

    hook = PageLibraries(str(tmp_path), {}, None, None, str(tmp_path), "wheel")  # type: ignore[arg-type]
    data: dict[str, dict[str, str]] = {"force_include": {}}
    if version == "editable":
        hook.initialize(version, data)
        assert data == {"force_include": {}}
    else:
        with pytest.raises(FileNotFoundError):
            hook.initialize(version, data)
