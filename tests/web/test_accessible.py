"""Every page in its main states against axe-core's rules, in the light or the dark: nothing to object to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.api.parts import CARD_KEY, NOW_MS, served
from tests.ingest.books.library import open_library
from tests.web.browser import Browsers
from tests.web.cabinet import CABINET, OTHER, raise_alerts, stock_up
from tests.web.fleet import LIVE, STALE, PagedParts

# A path, what is there once the page has come to rest, and whether it is looked at in the dark.
STATES = (
    (f"#{LIVE}", ".card .replay-empty", False),
    (f"?#{STALE}", ".card .is-old", True),
    ("stock", ".stock-grid", True),
    (f"stock?under={OTHER}&item=ors&book=1", ".stock-grid", False),
    ("cabinets", ".tree-row", False),
    (f"cabinets?site={CABINET}&open=ors", ".chart svg", True),
    ("alerts?state=all&alert=1", ".history", True),
    ("books", ".alert-body", False),
    ("books?copy=B3", ".journey", True),
    ("admin?tab=items&item=ors", ".edit", False),
    ("admin?tab=telling", ".rules-grid", True),
    ("admin?tab=firmware", ".grid", False),
)
RUN = """axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.flatMap(
  ({ id, nodes }) => nodes.map(({ html, any, all, none }) =>
    `${id}: ${html.slice(0, 120)} ${[...any, ...all, ...none].map((one) => one.message)[0] ?? ""}`)))"""


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service is that has something of everything."""
    parts = PagedParts(tmp_path_factory.mktemp("accessible") / "store.sqlite3")
    parts.populate()
    stock_up(parts)
    raise_alerts(parts)
    open_library(parts.writer, CARD_KEY, NOW_MS)
    with served(parts.app) as (address, _):
        yield f"{address}/"
    parts.close()


def test_no_rule_of_accessibility_is_broken(chrome: Browsers, county: str, libraries: Path) -> None:
    axe = (libraries / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    with chrome.open(f"{county}stock", "en") as watched:
        for path, sign, is_dark in STATES:
            watched.page.emulate_media(color_scheme="dark" if is_dark else "light")
            watched.page.goto(county + path)
            watched.wait(f"window.ortoo?.state.isKnown && document.querySelector({sign!r}) !== null", 30)
            watched.page.evaluate(axe)
            found[path] = watched.read(RUN)
    assert {where: broken for where, broken in found.items() if broken} == {}
