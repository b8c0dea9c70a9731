"""The page's files: what is used is listed, what is listed is there, nothing comes from elsewhere."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ingest.api.page import PAGES
from tests.web.fleet import WEB

ASSETS = tomllib.loads((WEB / "assets.toml").read_text(encoding="utf-8"))
INDEX, DESK = ((WEB / ASSETS[name]).read_text(encoding="utf-8") for name in ("index", "desk"))
LOCK: dict[str, Any] = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
PACKAGE: dict[str, Any] = json.loads((WEB / "package.json").read_text(encoding="utf-8"))


def is_listed(address: str) -> bool:
    path = address.removeprefix("/static/")
    return path in ASSETS["own"] or path.removeprefix("lib/") in ASSETS["libraries"]


def test_own_files_are_there_and_every_script_is_listed() -> None:
    assert [name for name in ASSETS["own"] if not (WEB / name).is_file()] == []
    served = {path.name for pattern in ("*.js", "*.css") for path in WEB.glob(pattern)}
    assert served == {name for name in ASSETS["own"] if name.endswith((".js", ".css"))}


def test_libraries_are_there_with_their_licences(libraries: Path) -> None:
    listed: dict[str, str] = ASSETS["libraries"]
    assert [source for source in listed.values() if not (libraries / source).is_file()] == []
    folders = {name.split("/")[0] for name in listed}
    licensed = {name.split("/")[0] for name in listed if "LICENSE" in name}
    assert licensed == folders


def test_only_packages_that_the_page_depends_on_are_served() -> None:
    packages = {re.match(r"(@[^/]+/)?[^/]+", source)[0] for source in ASSETS["libraries"].values()}  # type: ignore[index]
    assert packages == set(PACKAGE["dependencies"])


def test_every_address_in_the_page_is_served() -> None:
    source = "\n".join([INDEX, DESK, *(path.read_text(encoding="utf-8") for path in WEB.glob("*.[jc]s*"))])
    addresses = set(re.findall(r"/static/[\w./-]+", source)) - {"/static/messages/"}
    assert {address for address in addresses if not is_listed(address)} == set()


def test_every_import_is_a_listed_file_or_in_the_import_map() -> None:
    mapped = json.loads(re.search(r"<script type=\"importmap\"[^>]*>(.*?)</script>", INDEX, re.S)[1])  # type: ignore[index]
    for path in WEB.glob("*.js"):
        for name in re.findall(
            r'(?:^(?:import|export) [^"]*?from |\bimport\()"([^"]+)"\)?',
            path.read_text(encoding="utf-8"),
            re.M,
        ):
            known = name[2:] in ASSETS["own"] if name.startswith("./") else name in mapped["imports"]
            assert known, f"{path.name} imports {name}"


def test_nothing_comes_from_another_host() -> None:
    for name in [*ASSETS["own"], ASSETS["index"], ASSETS["desk"]]:
        text = (WEB / name).read_text(encoding="utf-8")
        found = set(re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z0-9.-]+", text)) - {"http://www.w3.org"}
        assert found == set(), name


@pytest.mark.parametrize("page", [INDEX, DESK], ids=["index", "desk"])
def test_inline_code_is_only_the_import_map(page: str) -> None:
    scripts = re.findall(r"<script([^>]*)>", page)
    assert [one for one in scripts if "src=" not in one] == [' type="importmap" nonce="__NONCE__"']
    assert "<style" not in page
    assert not re.search(r"\son\w+=|\sstyle=", page)


def test_the_pages_of_the_frame_are_those_that_are_served() -> None:
    listed = re.findall(
        r'^  { path: "([^"]+)", key: "nav_\w+", load: (.*) },$', (WEB / "frame.js").read_text(), re.M
    )
    assert {path: "index" if load == "null" else "desk" for path, load in listed} == PAGES


def test_the_lock_has_hashes_and_no_addresses() -> None:
    assert "resolved" not in json.dumps(LOCK)
    packages = {path: entry for path, entry in LOCK["packages"].items() if path}
    assert [
        path for path, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")
    ] == []


def test_dependencies_are_pinned() -> None:
    wanted = PACKAGE["dependencies"] | PACKAGE["devDependencies"]
    assert [name for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    assert {name: LOCK["packages"][f"node_modules/{name}"]["version"] for name in wanted} == wanted


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(theme: int) -> None:
    css = (WEB / "page.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", re.findall(r":root \{(.*?)\}", css, re.S)[theme]))
    pairs = [
        ("ink", "paper"),
        ("ink", "raised"),
        ("quiet", "paper"),
        ("quiet", "raised"),
        ("accent", "paper"),
    ]
    pairs += [("on-accent", "accent"), ("note-ink", "note"), ("live", "paper"), ("stale", "paper")]
    pairs += [
        ("bad", "paper"),
        ("bad", "raised"),
        ("live", "raised"),
        ("stale", "raised"),
        ("accent", "raised"),
    ]
    weak = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: value for pair, value in weak.items() if value < 4.5} == {}


def test_every_glyph_is_white_on_a_colour_dark_enough() -> None:
    source = (WEB / "glyphs.js").read_text(encoding="utf-8")
    colours = set(re.findall(r'colour: "(#\w{6})"', source))
    assert len(colours) >= 10
    assert {colour for colour in colours if contrast(colour, "#ffffff") < 4.5} == set()
