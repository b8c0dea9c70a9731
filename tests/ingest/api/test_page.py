"""The page's files: what is listed, as it is now, and nothing beside it."""

import gzip
import os
import re
from pathlib import Path

import pytest

from ingest.api.page import TYPES, WEB, load_assets
from tests.ingest.api.parts import Parts


@pytest.fixture
def web(tmp_path: Path, parts: Parts) -> Path:
    """A page of three files."""
    folder = tmp_path / "web"
    (folder / "node_modules" / "part" / "dist").mkdir(parents=True)
    (folder / "assets.toml").write_text(
        'index = "index.html"\ndesk = "index.html"\nown = ["app.js", "later.css"]\n'
        '[libraries]\n"part.mjs" = "part/dist/part.mjs"\n'
    )
    (folder / "index.html").write_text('<script type="importmap" nonce="__NONCE__"></script>')
    (folder / "app.js").write_text("let a = 1;\n" * 1000)
    (folder / "secret.txt").write_text("secret")
    (folder / "node_modules" / "part" / "dist" / "part.mjs").write_text("export {};\n")
    parts.app.state.assets = load_assets(folder)
    return folder


async def test_the_nonce_is_new_each_time_and_the_policys_own(parts: Parts, web: Path) -> None:
    seen = set()
    async with parts.client() as client:
        for _ in range(3):
            answer = await client.get("/")
            policy = answer.headers["content-security-policy"]
            nonce = re.search(r"script-src 'self' 'nonce-([\w-]{22})'", policy)
            assert nonce is not None
            assert f'nonce="{nonce[1]}"' in answer.text
            seen.add(nonce[1])
    assert len(seen) == 3


async def test_files_come_with_their_type_gzipped_and_once(parts: Parts, web: Path) -> None:
    async with parts.client() as client:
        answer = await client.get("/static/app.js")
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.text == (web / "app.js").read_text()
        again = await client.get("/static/app.js", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        plain = await client.get("/static/app.js", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.headers["etag"] != answer.headers["etag"]
        assert (await client.get("/static/lib/part.mjs")).text == "export {};\n"


async def test_a_changed_file_is_seen_at_once(parts: Parts, web: Path) -> None:
    async with parts.client() as client:
        assert (await client.get("/static/later.css")).status_code == 404
        (web / "later.css").write_text("a {}")
        first = await client.get("/static/later.css")
        (web / "later.css").write_text("b {}")
        os.utime(web / "later.css", ns=(1, 1))
        second = await client.get("/static/later.css", headers={"if-none-match": first.headers["etag"]})
        assert (first.text, second.text) == ("a {}", "b {}")


@pytest.mark.parametrize(
    "path",
    [
        "secret.txt",
        "assets.toml",
        "index.html",
        "../app.py",
        "..%2f..%2fapi%2fapp.py",
        "lib/../secret.txt",
        "node_modules/part/dist/part.mjs",
        "%00",
        "",
    ],
)
async def test_nothing_else_is_given_out(parts: Parts, web: Path, path: str) -> None:
    async with parts.client() as client:
        answer = await client.get(f"/static/{path}")
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.txt", "")


def test_every_listed_file_has_a_type() -> None:
    assets = load_assets()
    for path in assets._files.values():
        assert path.suffix in TYPES, path
        assert path.is_relative_to(WEB)


def test_the_gzipped_form_is_the_file(web: Path, parts: Parts) -> None:
    asset = parts.app.state.assets.find("app.js")
    assert gzip.decompress(asset.gzipped) == asset.plain
