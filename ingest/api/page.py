"""The pages and their files: those that ingest/web/assets.toml lists, and no others.

Files are read when they are first asked for, kept with their hash and their gzipped form, and read again
when they change, so that whoever works on the page sees the work at once. Browsers keep them and ask each
time whether they are still the same (ETag): an answer of 304 costs nothing, and no old file meets a new one.
"""

from __future__ import annotations

import gzip
import hashlib
import secrets
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from ingest.api.errors import ApiError
from ingest.api.headers import page_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

WEB = Path(__file__).parent.parent / "web"
# Where a page is found, and its HTML, as assets.toml names it; the pages of the desk are listed in frame.js.
PAGES = {"/": "index"} | dict.fromkeys(("/stock", "/cabinets", "/books", "/alerts", "/admin"), "desk")
NONCE = "__NONCE__"
GZIP_FROM_BYTES = 1024
TYPES = {
    "": "text/plain; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".geojson": "application/geo+json",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
PACKED = frozenset({"font/woff2", "image/png"})  # compressed already

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it was at `changed_ns`."""

    changed_ns: int
    media_type: str
    etag: str
    plain: bytes
    gzipped: bytes | None


class Assets:
    """The files of the page by their path below /static/."""

    def __init__(self, files: Mapping[str, Path], pages: Mapping[str, Path]) -> None:
        self._files = files
        self._pages = pages
        self._read: dict[str, Asset] = {}

    def find(self, name: str) -> Asset | None:
        """The file of that name as it is now; None for one that is not listed, or listed and not there."""
        path = self._files.get(name)
        try:
            changed_ns = path.stat().st_mtime_ns if path is not None else None
        except FileNotFoundError:
            return None
        if path is None or changed_ns is None:
            return None
        asset = self._read.get(name)
        if asset is None or asset.changed_ns != changed_ns:
            asset = self._read[name] = _asset(path, changed_ns)
        return asset

    def page(self, path: str, nonce: str) -> str:
        """The HTML of the page at a path, with its nonce."""
        return self._pages[path].read_text(encoding="utf-8").replace(NONCE, nonce)


def load_assets(web: Path = WEB) -> Assets:
    """The files that assets.toml lists; in a wheel the libraries lie at the same place as after npm ci."""
    listed = tomllib.loads((web / "assets.toml").read_text(encoding="utf-8"))
    files = {name: web / name for name in listed["own"]}
    files |= {f"lib/{name}": web / "node_modules" / path for name, path in listed["libraries"].items()}
    return Assets(files, {path: web / listed[name] for path, name in PAGES.items()})


def _asset(path: Path, changed_ns: int) -> Asset:
    plain = path.read_bytes()
    media_type = TYPES[path.suffix]
    is_worth = len(plain) >= GZIP_FROM_BYTES and media_type not in PACKED
    gzipped = gzip.compress(plain, 6, mtime=0) if is_worth else None
    return Asset(changed_ns, media_type, hashlib.sha256(plain).hexdigest()[:32], plain, gzipped)


def show_page(request: Request) -> Response:
    """A page itself."""
    assets: Assets = request.app.state.assets
    nonce = secrets.token_urlsafe(16)
    text = assets.page(request.scope["path"], nonce)
    return HTMLResponse(text, headers={"Content-Security-Policy": page_policy(nonce)})


for _path in PAGES:
    router.add_api_route(_path, show_page, methods=["GET"])


@router.get("/static/{name:path}")
def give_file(request: Request, name: str) -> Response:
    """One of the page's files, gzipped for a browser that takes it, or 304 when it has it."""
    assets: Assets = request.app.state.assets
    asset = assets.find(name)
    if asset is None:
        detail = "not a file of the page; for one below lib/ run 'npm ci --ignore-scripts' in ingest/web"
        raise ApiError(404, "no_such_file", request.url.path[:200], detail)
    is_gzipped = asset.gzipped is not None and "gzip" in request.headers.get("accept-encoding", "")
    etag = f'"{asset.etag}{"-gzip" if is_gzipped else ""}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if is_gzipped:
        headers["Content-Encoding"] = "gzip"
    body = asset.gzipped if is_gzipped and asset.gzipped is not None else asset.plain
    return Response(body, media_type=asset.media_type, headers=headers)
