"""Booking by hand in a real browser over the real API: by keyboard, once, and with clear refusals."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Route

from ingest.ledger import book
from tests.ingest.api.parts import served
from tests.web.browser import Browsers, Watched
from tests.web.cabinet import CABINET, OTHER, stock_up
from tests.web.fleet import PagedParts
from tests.web.test_desk import press, tab_to, wait_for

ITEM = "input[list=booking-items]"
QUANTITY = ".booking input[type=number]"
DONE = ".booking .outcome"


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PagedParts, str]]:
    """The service over a small county, and where its pages are."""
    parts = PagedParts(tmp_path_factory.mktemp("booking") / "store.sqlite3")
    stock_up(parts)
    with served(parts.app) as (address, _):
        yield parts, f"{address}/"
    parts.close()


def write(watched: Watched, selector: str, text: str) -> None:
    tab_to(watched, selector)
    watched.page.keyboard.press("Control+A")
    watched.page.keyboard.type(text)


def wait_for_outcome(watched: Watched, text: str) -> None:
    watched.wait(f"document.querySelector({DONE!r}).textContent.includes({text!r})", 30)


def lines_of(parts: PagedParts, site: str, item: str) -> list[tuple[str, str, int]]:
    return [(one.kind, one.lot, one.quantity) for _, one in book.history(parts.writer, site, item, 100)]


def test_what_came_and_went_is_booked_by_keyboard(chrome: Browsers, county: tuple[PagedParts, str]) -> None:
    parts, url = county
    before = len(lines_of(parts, OTHER, "gauze"))
    with chrome.open(f"{url}stock", "en") as watched:
        press(watched, ".sheet-head button")
        wait_for(watched, ITEM)
        tab_to(watched, ".booking select")
        watched.page.select_option(".booking select >> nth=1", OTHER)
        write(watched, ITEM, "Gauze")
        write(watched, "input[list=booking-lots]", "G1")
        write(watched, QUANTITY, "12")
        write(watched, ".booking input[type=date]", "04302028")
        watched.page.keyboard.press("Enter")
        watched.page.keyboard.press("Enter")  # twice, as by somebody in doubt
        wait_for_outcome(watched, "12 Gauze")
        watched.wait(f"document.activeElement.matches({ITEM!r})")  # where the next line begins
        watched.wait(f"document.querySelector({ITEM!r}).value === ''")
        chrome.keep(watched, "booking")
        watched.page.select_option(".booking select >> nth=0", "dispense")
        write(watched, ITEM, "gauze")
        watched.wait("document.querySelectorAll('.booking select')[2]?.value === 'G1'")
        write(watched, QUANTITY, "13")
        watched.wait("document.querySelector('.booking').textContent.includes('would fall below zero')")
        write(watched, QUANTITY, "5")
        watched.page.keyboard.press("Enter")
        wait_for_outcome(watched, "7 are there now")
        watched.page.select_option(".booking select >> nth=0", "transfer")
        wait_for(watched, ".booking label:nth-of-type(3) select")
        watched.page.select_option(".booking select >> nth=2", CABINET)
        write(watched, ITEM, "gauze")
        write(watched, QUANTITY, "2")
        watched.page.keyboard.press("Enter")
        wait_for_outcome(watched, "5 are there now")
    lines = lines_of(parts, OTHER, "gauze")
    assert lines[: len(lines) - before] == [
        ("transfer", "G1", -2),
        ("dispense", "G1", -5),
        ("receive", "G1", 12),
    ]
    assert lines_of(parts, CABINET, "gauze")[0] == ("transfer", "G1", 2)


def test_a_scanned_pack_fills_in_what_it_names(chrome: Browsers, county: tuple[PagedParts, str]) -> None:
    parts, url = county
    before = len(lines_of(parts, OTHER, "gauze"))
    with chrome.open(f"{url}stock?under={OTHER}&book=1", "en") as watched:
        watched.wait("document.querySelectorAll('.booking option').length > 8")
        write(watched, ITEM, "0109520000000011172804301077|303")
        watched.page.keyboard.press("Enter")
        watched.wait("document.activeElement.name === 'quantity'")
        watched.wait(f"document.querySelector({QUANTITY!r}).value === '12'")
        assert len(lines_of(parts, OTHER, "gauze")) == before, "somebody looks before it is booked"
        watched.page.keyboard.press("Enter")
        wait_for_outcome(watched, "12 Gauze")
    assert lines_of(parts, OTHER, "gauze")[0] == ("receive", "77", 12)


def test_a_lost_answer_books_once(chrome: Browsers, county: tuple[PagedParts, str]) -> None:
    parts, url = county
    before = len(lines_of(parts, OTHER, "insulin"))

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    with chrome.open(f"{url}stock?under={OTHER}&item=insulin&book=1", "en") as watched:
        wait_for(watched, QUANTITY)
        watched.wait("document.querySelectorAll('.booking option').length > 8")
        watched.page.route("**/api/v1/stock/entries", lose)
        write(watched, QUANTITY, "3")
        watched.page.keyboard.press("Enter")
        wait_for_outcome(watched, "cannot be reached")
        assert len(lines_of(parts, OTHER, "insulin")) == before + 1, "but it is booked"
        watched.page.unroute("**/api/v1/stock/entries")
        write(watched, QUANTITY, "4")
        watched.page.keyboard.press("Enter")
        wait_for_outcome(watched, "booked before, with other content")
        assert len(lines_of(parts, OTHER, "insulin")) == before + 1
        write(watched, QUANTITY, "4")
        watched.page.keyboard.press("Enter")
        wait_for_outcome(watched, "Booked: received, 4 Insulin")
        watched.complaints[:] = [
            one for one in watched.complaints if "net::ERR_FAILED" not in one and "409" not in one
        ]
    assert lines_of(parts, OTHER, "insulin")[:2] == [("receive", "", 4), ("receive", "", 3)]


def test_what_cannot_be_is_refused_in_the_readers_language(
    chrome: Browsers, county: tuple[PagedParts, str]
) -> None:
    _, url = county
    with chrome.open(f"{url}stock?under={OTHER}&item=ors&book=1", "zh") as watched:
        wait_for(watched, QUANTITY)
        watched.wait("document.querySelectorAll('.booking option').length > 8")
        write(watched, QUANTITY, "3")
        tab_to(watched, ".booking input[type=datetime-local]")
        watched.page.fill(".booking input[type=datetime-local]", "2031-01-01T08:00")
        press(watched, ".booking .primary")
        wait_for_outcome(watched, "时间在将来")
        watched.wait_for_texts(".booking .failure", "时间在将来，请检查。")
        write(watched, ITEM, "nothing")
        watched.wait("document.querySelector('.booking').textContent.includes('没有此名称')")
        watched.wait("document.querySelector('.booking .primary').disabled")
        watched.complaints[:] = [one for one in watched.complaints if "422" not in one]
