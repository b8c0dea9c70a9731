"""The page over the real API and its stores, in the distribution's Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.api.parts import served
from tests.web.browser import Browsers, browsers
from tests.web.fleet import WEB, PagedParts


@pytest.fixture(scope="session")
def libraries() -> Path:
    """node_modules of the page."""
    path = WEB / "node_modules"
    if not (path / "maplibre-gl").is_dir():
        pytest.skip("no page libraries: run npm ci --ignore-scripts in ingest/web")
    return path


@pytest.fixture(scope="session")
def chrome(chromium: Path, artefacts: Path, libraries: Path) -> Iterator[Browsers]:
    """One Chromium for all tests of the page."""
    del libraries
    with browsers(chromium, artefacts) as made:
        yield made


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[PagedParts]:
    """The service's real parts without a broker, with a small fleet."""
    made = PagedParts(tmp_path / "store.sqlite3")
    made.populate()
    yield made
    made.close()


@pytest.fixture
def url(parts: PagedParts) -> Iterator[str]:
    """Where the page is served."""
    with served(parts.app) as (address, _):
        yield f"{address}/"
