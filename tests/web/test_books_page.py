"""The page of books in a real browser: a conflict is decided, shelves and lists are read, on a phone too."""

from collections.abc import Iterator

import pytest

from tests.ingest.api.parts import CARD_KEY, NOW_MS, served
from tests.ingest.books.library import open_library
from tests.web.browser import Browsers
from tests.web.fleet import PagedParts
from tests.web.test_page import PHONE, texts


@pytest.fixture
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    parts = PagedParts(tmp_path_factory.mktemp("books") / "store.sqlite3")
    open_library(parts.writer, CARD_KEY, NOW_MS)
    with served(parts.app) as (address, _):
        yield f"{address}/"
    parts.close()


def test_a_conflict_is_decided_and_shelves_are_read(chrome: Browsers, url: str) -> None:
    with chrome.open(f"{url}books", "en") as watched:
        watched.wait("document.querySelector('.alert-body .facts') !== null")
        sides = texts(watched, ".alert-body dd")
        assert "library-02 · 1003" in sides[0]
        assert "library-01 · 1001" in sides[1]
        watched.wait("document.querySelectorAll('.grid').length === 2")
        assert texts(watched, ".grid tbody th")[:3] == ["ger-7", "library-02", "Library van"]
        chrome.keep(watched, "books")
        assert watched.read("document.querySelector('.answer .primary').disabled")
        watched.page.fill(".answer textarea", "a slip of the scanner")
        watched.page.click(".answer .button:not(.primary)")
        watched.wait("document.querySelector('.alert-body') === null")
        watched.page.click(".grid .disclose >> text=library-02")
        watched.wait("document.querySelectorAll('.grid tbody tr').length === 2")
        assert texts(watched, ".grid tbody th") == ["B3", "B4"]
        assert watched.page.url.endswith("?place=library-02")
        link = watched.read("document.querySelector('[download]').href")
        assert watched.page.request.get(link).text().splitlines()[1].startswith("B3,t2,ᠮᠣᠩᠭᠣᠯ,")


@pytest.mark.parametrize("language", ["zh", "mn"])
def test_on_a_phone(chrome: Browsers, url: str, language: str) -> None:
    with chrome.open(f"{url}books", language, **PHONE) as watched:
        watched.wait("document.querySelectorAll('.grid').length === 2")
        chrome.keep(watched, f"books-phone-{language}")
        assert watched.read("document.documentElement.scrollWidth") == PHONE["width"]
