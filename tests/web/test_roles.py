"""What a page offers to whom: nobody is shown a form that the service would refuse, and it says why."""

import sqlite3
from collections.abc import Iterator

import pytest

from ingest.ledger import keys
from ingest.ledger.keys import HEALTH, LIBRARIAN, VIEWER
from tests.ingest.api.parts import NOW_MS, served
from tests.web.browser import Browsers
from tests.web.cabinet import CABINET, raise_alerts, stock_up
from tests.web.fleet import PagedParts
from tests.web.test_page import texts

FORMS = "main form, main .button.primary, .rest .button, .proposal .button"
PAGES: dict[str, set[str]] = {  # and the roles that have forms there
    "stock?book=1": {HEALTH},
    f"cabinets?site={CABINET}": {HEALTH},
    "alerts?state=all": {HEALTH},
    "books": {LIBRARIAN},
    "admin?tab=sites": set(),
    "admin?tab=items": {HEALTH},
    "admin?tab=import": {HEALTH},
    "admin?tab=telling": set(),
    "admin?tab=firmware": set(),
}


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PagedParts, str]]:
    """The service over a small county, and where its pages are."""
    parts = PagedParts(tmp_path_factory.mktemp("roles") / "store.sqlite3")
    parts.populate()
    stock_up(parts)
    raise_alerts(parts)
    with served(parts.app) as (address, _):
        yield parts, f"{address}/"
    parts.close()


def headers(access: sqlite3.Connection, role: str) -> dict[str, str]:
    return {"authorization": f"Bearer {keys.add(access, f'the {role}', NOW_MS, [role])}"}


ASKED = [  # a viewer looks at all; the others at what is theirs, and at one that is not
    (VIEWER, list(PAGES)),
    (HEALTH, [f"cabinets?site={CABINET}", "alerts?state=all", "admin?tab=telling"]),
    (LIBRARIAN, ["books"]),
]


@pytest.mark.parametrize(("role", "pages"), ASKED)
def test_who_may_not_change_something_is_told_so_and_has_no_form(
    chrome: Browsers, county: tuple[PagedParts, str], role: str, pages: list[str]
) -> None:
    parts, url = county
    with chrome.open(
        f"{url}admin?tab=telling", "en", extra_http_headers=headers(parts.access, role)
    ) as watched:
        for path, roles in ((path, PAGES[path]) for path in pages):
            watched.page.goto(url + path)
            ready = (
                "main h3, main .stock-grid, main .alert-head, main .records, main .import, main .look-only"
            )
            watched.wait(f"document.querySelector({ready!r}) !== null")
            if path.startswith("alerts"):
                watched.wait("document.querySelector('.alert-head') !== null")
                watched.page.locator(".alert-head").first.click()
                watched.wait("document.querySelector('.alert-body .todo') !== null")
            elif path.startswith("cabinets"):
                watched.wait("document.querySelector('.lots-grid .disclose') !== null")
                watched.page.locator(".lots-grid .disclose").first.click()
            expected = "form, .button.primary" if role in roles else ".look-only"
            watched.wait(f"document.querySelector('main').querySelector({expected!r}) !== null")
            chrome.keep(watched, f"roles-{role}-{path.replace('?', '-').replace('=', '-')}")
            said = texts(watched, ".look-only")
            if role in roles:
                assert said == [], path
            else:
                assert watched.read(f"document.querySelectorAll({FORMS!r}).length") == 0, path
                assert said[0].startswith(f"You are logged in as the {role} ("), path
