"""Ways through the pages: the browser's back, keys, the wheel, a tablet, paper, a service that goes away."""

import pytest

from tests.ingest.api.parts import served
from tests.web.browser import Browsers
from tests.web.cabinet import stock_up
from tests.web.fleet import LIVE, PagedParts, live_message
from tests.web.test_page import drive, texts

TABLET = (820, 1180)
CARD = "document.querySelector('.card h2')"


def test_the_browsers_back_closes_a_card_and_forward_opens_it(chrome: Browsers, url: str) -> None:
    with chrome.open(f"{url}#%", "en") as watched:  # a link that somebody broke still opens the map
        watched.page.fill(".search", LIVE)
        watched.wait("document.querySelectorAll('.row').length === 1")
        watched.page.press(".search", "Enter")
        watched.wait(f"{CARD}?.textContent === '流动图书馆'")
        watched.wait(f"location.hash === '#{LIVE}'")
        watched.page.go_back()
        watched.wait(f"{CARD} === null")
        watched.page.go_forward()
        watched.wait(f"{CARD}?.textContent === '流动图书馆'")


def test_a_slash_goes_to_the_search(chrome: Browsers, url: str) -> None:
    with chrome.open(f"{url}#{LIVE}", "en") as watched:
        watched.wait(f"{CARD} !== null")
        watched.page.keyboard.press("/")
        watched.wait("document.activeElement.matches('.search')")
        watched.page.keyboard.type("culture-/")
        watched.wait("document.querySelector('.search').value === 'culture-/'")


def test_the_back_button_undoes_a_filter(chrome: Browsers, parts: PagedParts, url: str) -> None:
    stock_up(parts)
    with chrome.open(f"{url}stock", "en") as watched:
        watched.wait("document.querySelectorAll('.stock-grid .status').length > 1")
        watched.page.click(".mark-LOW_STOCK")
        watched.wait_for_texts(".stock-grid .status", "Low")
        watched.page.go_back()
        watched.wait("document.querySelectorAll('.stock-grid .status').length > 1")
        watched.wait("document.querySelector('.chip.mark-LOW_STOCK').ariaPressed === 'false'")


def test_what_is_chosen_already_is_no_step_on_the_way_back(chrome: Browsers, url: str) -> None:
    with chrome.open(f"{url}admin", "en") as watched:
        tab = ".sheet-head .segmented button:nth-child({})"
        pressed = "document.querySelector('" + tab + "')?.ariaPressed === 'true'"
        watched.wait(pressed.format(1))
        for _ in range(2):
            watched.page.click(tab.format(2))
            watched.wait(pressed.format(2))
        watched.page.go_back()
        watched.wait(pressed.format(1))


def test_on_a_tablet_the_card_leaves_the_map_free(chrome: Browsers, parts: PagedParts, url: str) -> None:
    drive(parts)
    with chrome.open(f"{url}#{LIVE}", "en", *TABLET) as watched:
        watched.wait("ortoo.state.track?.status === 'ready' && !ortoo.map.isMoving()")
        middle = "ortoo.map.project(ortoo.map.getCenter()).x"
        card = "document.querySelector('.panel-card').getBoundingClientRect().right"
        watched.wait(f"Math.abs({middle} - ({card} + innerWidth) / 2) < 2")
        chrome.keep(watched, "tablet")


@pytest.mark.parametrize("path", ["", "stock"])
def test_the_wheel_turns_a_page_that_runs_along(
    chrome: Browsers, parts: PagedParts, url: str, path: str
) -> None:
    stock_up(parts)
    for number in range(40):
        unit = f"bus-{number:04d}"
        parts.live.apply_live(unit, live_message(40 + number / 100, 110, 0, 0, parts.now_ms), parts.now_ms)
    box = "document.querySelector('.rows, .desk-main')"
    with chrome.open(url + path, "mn", width=900) as watched:
        watched.wait(f"{box}.scrollWidth > {box}.clientWidth + 50")
        watched.page.mouse.move(600, 700)
        watched.page.mouse.wheel(0, 50)
        watched.wait(f"{box}.scrollLeft >= 50")


def test_on_paper_the_whole_board_is_printed(chrome: Browsers, parts: PagedParts, url: str) -> None:
    stock_up(parts)
    with chrome.open(f"{url}stock", "en", width=720, height=300, color_scheme="dark") as watched:
        watched.wait("document.querySelectorAll('.stock-grid .status').length > 1")
        watched.page.emulate_media(media="print")
        watched.wait("document.documentElement.scrollHeight > innerHeight")  # not the window's part alone
        left_out = "[...document.querySelectorAll('.bar, .button, .sheet-filters')]"
        assert watched.read(f"{left_out}.filter((one) => one.offsetParent).length") == 0
        assert (
            watched.read("getComputedStyle(document.querySelector('.stock-grid tr')).display") == "table-row"
        )
        assert watched.read("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_a_page_says_that_it_is_of_before_and_comes_back_alone(
    chrome: Browsers, parts: PagedParts, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock_up(parts)
    monkeypatch.setattr("tests.ingest.api.parts.free_port", lambda: free_port)
    with served(parts.app) as (address, _):
        opened = chrome.open(f"{address}/cabinets", "en")
        watched = opened.__enter__()
        watched.wait("document.querySelectorAll('.tree-row').length === 5")
    watched.read("window.dispatchEvent(new Event('alerts-changed'))")  # asks now, not in half a minute
    watched.wait(
        "document.querySelector('.link-waiting')?.textContent.startsWith('Reconnecting, data as of ')"
    )
    assert len(texts(watched, ".tree-row")) == 5
    chrome.keep(watched, "lost")
    with served(parts.app):
        watched.wait("document.querySelector('.link-waiting') === null", 30)
        # Whatever was asked while nobody was there failed in its own way.
        failed = "error: Failed to load resource: net::ERR_"
        watched.complaints[:] = [one for one in watched.complaints if not one.startswith(failed)]
        opened.__exit__(None, None, None)


def test_a_large_fleet_keeps_its_names_to_the_near_in_another_theme(
    chrome: Browsers, parts: PagedParts, url: str
) -> None:
    for number in range(160):
        parts.live.apply_live(f"bus-{number}", live_message(42, 110, 0, 0, parts.now_ms), parts.now_ms)
    with chrome.open(url, "en", color_scheme="light") as watched:
        watched.wait("ortoo.map.getLayer('vehicle-label')?.minzoom === 8")
        tone = "ortoo.map.getPaintProperty('region', 'fill-color')"
        light = watched.read(tone)
        watched.page.emulate_media(color_scheme="dark")
        watched.wait(f"ortoo.map.getLayer('region') !== undefined && {tone} !== '{light}'")
        watched.wait("ortoo.map.getLayer('vehicle-label').minzoom === 8")
