"""The page of books in a real browser: a conflict is decided, shelves and lists are read, on a phone too."""

import json
import re
from collections.abc import Iterator

import pytest

from firmware import wire
from ingest.books.event import PLACED
from ingest.books.fold import ACCEPTED, ALREADY, CONFLICT, REFUSED
from ingest.books.library import CLASSES
from ingest.books.rotation import LEAVE, MOVES, UNDER_WAY, Stage
from ingest.books.sheets import FORMS
from ingest.ledger import rotas
from tests.ingest.api.parts import CARD_KEY, NOW_MS, served
from tests.ingest.books.library import open_library
from tests.web.browser import Browsers
from tests.web.fleet import WEB, PagedParts
from tests.web.test_page import PHONE


@pytest.fixture
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PagedParts, str]]:
    parts = PagedParts(tmp_path_factory.mktemp("books") / "store.sqlite3")
    open_library(parts.writer, CARD_KEY, NOW_MS)
    rotas.replace(parts.writer, {"r": (True, [Stage("van", 30), Stage("depot", 30)])})
    rotas.join(parts.writer, [("B3", "r")])
    with served(parts.app) as (address, _):
        yield parts, f"{address}/"
    parts.close()


@pytest.fixture
def url(library: tuple[PagedParts, str]) -> str:
    return library[1]


def test_a_conflict_is_decided_and_shelves_are_read(chrome: Browsers, url: str) -> None:
    with chrome.open(f"{url}books", "en") as watched:
        watched.wait("document.querySelector('.alert-body .facts') !== null")
        watched.wait_for_text(".alert-body dd", "library-02 · 1003")
        watched.wait_for_text(".alert-body dd", "library-01 · 1001", 1)
        watched.wait("document.querySelectorAll('.grid').length === 2")
        for at, name in enumerate(("ger-7", "library-02", "Library van")):
            watched.wait_for_text(".grid tbody th", name, at)
        chrome.keep(watched, "books")
        watched.wait("document.querySelector('.answer .primary').disabled")
        watched.page.fill(".answer textarea", "a slip of the scanner")
        watched.page.click(".answer .button:not(.primary)")
        watched.wait("document.querySelector('.alert-body') === null")
        watched.page.click(".grid .disclose >> text=library-02")
        watched.wait("document.querySelectorAll('.grid tbody tr').length === 2")
        watched.wait_for_texts(".grid tbody th", "B3", "B4")
        watched.wait("location.search === '?place=library-02'")
        link = watched.read("document.querySelector('[download]').href")
        assert watched.page.request.get(link).text().splitlines()[1].startswith("B3,t2,ᠮᠣᠩᠭᠣᠯ,")


def test_what_goes_where_is_read_and_sent_on_its_way(
    chrome: Browsers, library: tuple[PagedParts, str]
) -> None:
    parts, url = library
    with chrome.open(f"{url}books?list=moves", "en") as watched:
        watched.wait("document.querySelectorAll('.rotation .lines li').length === 1")
        watched.wait_for_texts(".rotation h4", "To Library van: 1")
        chrome.keep(watched, "rotation")
        watched.page.click(".rotation .section-head .button")
        watched.wait("document.querySelector('.rotation li').textContent.includes('under way')")
        assert rotas.due(parts.writer, 20_000)[0].step.action == "under_way"
        watched.page.click(".rotation .disclose")
        watched.wait("document.querySelector('.journey') !== null")
        watched.wait_for_text(".journey li", "seen library-02")
        watched.wait("location.search.includes('copy=B3')")


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


def test_every_event_and_verdict_of_a_journey_has_its_words() -> None:
    events = {*wire.KINDS["book"].by_name["event"].words, PLACED}
    wanted = {f"book_{one}" for one in events}
    wanted |= {f"verdict_{one}" for one in (ACCEPTED, ALREADY, CONFLICT, REFUSED)}
    wanted |= {f"move_{one}" for one in (*MOVES, UNDER_WAY, LEAVE)}
    known = json.loads((WEB / "messages" / "en.json").read_text(encoding="utf-8"))
    assert wanted - set(known) == set()


def test_every_class_of_conflict_and_every_fact_of_a_library_has_its_words() -> None:
    facts = {"item_status", "title", "due", "since", "reader", "message", "file"}
    wanted = {f"conflict_{one}" for one in CLASSES} | {f"library_fact_{one}" for one in facts}
    wanted |= {f"finding_{one}" for one in wire.KINDS["settle"].by_name["finding"].words}
    for language in ("zh", "en", "mn"):
        known = json.loads((WEB / "messages" / f"{language}.json").read_text(encoding="utf-8"))
        assert wanted - set(known) == set()
