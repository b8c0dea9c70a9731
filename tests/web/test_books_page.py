"""The page of books in a real browser: a conflict is decided, shelves and lists are read, on a phone too."""

import json
import re
from collections.abc import Iterator

import pytest

from firmware import wire
from ingest.books.library import CLASSES
from ingest.books.sheets import FORMS
from tests.ingest.api.parts import CARD_KEY, NOW_MS, served
from tests.ingest.books.library import open_library
from tests.web.browser import Browsers
from tests.web.fleet import WEB, PagedParts
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


def test_a_sheet_is_brought_in_and_its_columns_are_those_that_are_read(chrome: Browsers, url: str) -> None:
    source = (WEB / "books_page.js").read_text(encoding="utf-8")
    table = re.search(r"BOOK_SHEETS = \{(.*?)\};", source, re.S)
    assert table is not None
    told = {
        name: re.findall(r'"(\w+)"', columns) for name, columns in re.findall(r"(\w+): \[(.*?)\]", table[1])
    }
    assert told == {"marc": []} | {name: list(form.columns) for name, form in FORMS.items()}
    with chrome.open(f"{url}books", "en") as watched:
        watched.wait("document.querySelector('.import') !== null")
        watched.page.select_option(".import select", "readers")
        for text, outcome in (("card,why\n9,lost\n", ".failure"), ("card\n1001\n", ".notice:not(.failure)")):
            sheet = {"name": "readers.csv", "mimeType": "text/csv", "buffer": text.encode()}
            watched.page.set_input_files(".import input[type=file]", files=[sheet])
            watched.page.click(".import .primary")
            watched.wait(f"document.querySelector('[role=status] {outcome}') !== null")


def test_every_class_of_conflict_and_every_fact_of_a_library_has_its_words() -> None:
    facts = {"item_status", "title", "due", "since", "reader", "message", "file"}
    wanted = {f"conflict_{one}" for one in CLASSES} | {f"library_fact_{one}" for one in facts}
    wanted |= {f"finding_{one}" for one in wire.KINDS["settle"].by_name["finding"].words}
    for language in ("zh", "en", "mn"):
        known = json.loads((WEB / "messages" / f"{language}.json").read_text(encoding="utf-8"))
        assert wanted - set(known) == set()
