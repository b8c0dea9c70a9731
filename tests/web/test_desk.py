"""The desk in a real browser over the real API: stock, cabinets, alerts, administration, by keyboard."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingest import suspects
from ingest.ledger import alerts, book, maintenance, par_levels, rejections
from ingest.ledger.lots import states
from tests.ingest.api.parts import served
from tests.web.browser import Browsers, Watched
from tests.web.cabinet import CABINET, FAR, OTHER, entry, open_a_door, raise_alerts, stock_up
from tests.web.fleet import PagedParts
from tests.web.test_page import PHONE, texts

PAGES = (
    "stock",
    f"stock?under={OTHER}&item=ors&book=1",
    f"cabinets?site={CABINET}",
    "alerts?state=all",
    "admin?tab=items&item=ors",
)
BAD_SHEET = "item,pack_size,profile\nzinc,0,warm\nzinc,x,\n"


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PagedParts, str]]:
    """The service over a small county, and where its pages are."""
    parts = PagedParts(tmp_path_factory.mktemp("desk") / "store.sqlite3")
    parts.populate()
    stock_up(parts)
    raise_alerts(parts)
    with served(parts.app) as (address, _):
        yield parts, f"{address}/"
    parts.close()


@pytest.fixture
def parts(county: tuple[PagedParts, str]) -> PagedParts:
    return county[0]


@pytest.fixture
def url(county: tuple[PagedParts, str]) -> str:
    return county[1]


# How many elements lie between the focus and another, in the order of the Tab key.
DISTANCE = """(selector) => {
  const all = [...document.querySelectorAll('a[href], button, input, select, textarea')]
    .filter((one) => !one.disabled && one.offsetParent !== null);
  return all.indexOf(document.querySelector(selector)) - all.indexOf(document.activeElement);
}"""


def tab_to(watched: Watched, selector: str) -> None:
    """Go on by the Tab key until an element has the focus, as somebody without a pointer does."""
    there = f"[...document.querySelectorAll({selector!r})]"
    watched.wait(f"{there}.some((one) => !one.disabled && one.offsetParent !== null)")
    for _ in range(watched.page.evaluate(DISTANCE, selector) - 2):  # looks where it is only near the end
        watched.page.keyboard.press("Tab")
    for _ in range(120):
        watched.page.keyboard.press("Tab")
        if watched.read(f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"the Tab key never came to {selector}")


def press(watched: Watched, selector: str, key: str = "Enter") -> None:
    tab_to(watched, selector)
    watched.page.keyboard.press(key)


def count(watched: Watched, selector: str) -> int:
    return int(watched.read(f"document.querySelectorAll({selector!r}).length"))


def wait_for(watched: Watched, selector: str) -> None:
    watched.wait(f"document.querySelector({selector!r}) !== null")


def test_every_page_is_reached_by_keyboard(chrome: Browsers, url: str) -> None:
    with chrome.open(f"{url}stock", "en") as watched:
        for path, title in (("cabinets", "Cabinets"), ("alerts", "Alerts"), ("admin", "Admin")):
            press(watched, f".pages a[href='/{path}']")
            watched.page.wait_for_url(f"{url}{path}")
            watched.wait(f"document.querySelector('main h2')?.textContent === '{title}'")
            watched.wait(f"document.title === 'Ortoo · {title}'")
            watched.wait(
                f"document.querySelectorAll('.pages a[href=\"/{path}\"][aria-current=page]').length === 1"
            )


def test_the_board_is_worst_first_and_every_number_explains_itself(chrome: Browsers, url: str) -> None:
    with chrome.open(f"{url}stock", "en") as watched:
        wait_for(watched, ".stock-grid .status")
        states = texts(watched, ".stock-grid .status")
        assert states[0] == "Nothing usable"
        assert states[-1] == "Enough"
        chrome.keep(watched, "stock")
        press(watched, ".chip.mark-LOW_STOCK", "Space")
        watched.wait("document.querySelectorAll('.stock-grid .status').length === 1")
        watched.wait("location.search === '?status=LOW_STOCK'")
        press(watched, ".stock-grid .disclose")
        wait_for(watched, ".explained")
        formulas = texts(watched, ".formula")
        assert formulas[0] == "usable <= min"
        assert "max(0, max - usable - on_the_way)" in formulas
        assert "min least10" in texts(watched, ".explained:first-child .inputs div")
        chrome.keep(watched, "stock-explained")
        link = watched.read("document.querySelector('[download]').href")
        answer = watched.page.request.get(link)
        assert answer.text().splitlines()[1].startswith(f"{OTHER},ors,LOW_STOCK,4,4,")


def test_a_count_that_differs_is_booked_by_a_person(chrome: Browsers, parts: PagedParts, url: str) -> None:
    with chrome.open(f"{url}stock", "en") as watched:
        watched.wait("document.querySelector('.proposals > .disclose')?.disabled === false")
        press(watched, ".proposals > .disclose")
        wait_for(watched, ".proposal .primary")
        assert "46 were counted, the book says 47" in texts(watched, ".proposals li")[0]
        press(watched, ".proposals .primary")
        watched.wait("document.querySelector('.proposals').textContent.startsWith('Every count agrees')")
        newest = book.history(parts.writer, CABINET, "ors", 1)[0][1]
        assert (newest.kind, newest.quantity) == ("adjust", -1)
        assert newest.time_ms == parts.now_ms - 86_400_000, "as of the count"


def test_a_count_that_was_wrong_is_rejected_with_its_reason(
    chrome: Browsers, parts: PagedParts, url: str
) -> None:
    counted = replace(entry("c9", OTHER, "ors", "", "count", 0, 0), method="person", pieces=2)
    parts.change(lambda ledger: book.add(ledger, [counted]))
    with chrome.open(f"{url}cabinets?site={OTHER}", "en") as watched:
        press(watched, ".proposal .button:not(.primary)")
        watched.page.keyboard.press("Tab")
        watched.page.keyboard.type("two lay in the drawer")
        watched.page.keyboard.press("Enter")
        wait_for(watched, ".rejected li")
        watched.wait_for_text(".rejected li", "rejected by this machine")
        chrome.keep(watched, "rejected")
        watched.wait("document.querySelector('.proposal') === null")
    assert book.on_hand(parts.writer, OTHER, "ors") == 4
    (said,) = rejections.of_site(parts.writer, OTHER, None, 9)
    assert (said.quantity, said.reason) == (-2, "two lay in the drawer")


def test_a_cabinet_shows_what_is_known_and_what_is_not(chrome: Browsers, parts: PagedParts, url: str) -> None:
    with chrome.open(f"{url}cabinets?site={CABINET}", "zh") as watched:
        wait_for(watched, ".chart .mean")
        for part, number in (("mean", 2), ("hole", 1), ("outside", 1), ("door", 3), ("limit", 2)):
            watched.wait(f"document.querySelectorAll('.chart .{part}').length === {number}")
        watched.wait_for_text(".excursions li", "过热 12.0 °C · 1 小时 已结束")
        chrome.keep(watched, "cabinet")
        press(watched, ".chart-slider", "Home")
        watched.wait("document.querySelector('.chart-slider').ariaValueText.startsWith('11-20 17:0')")
        press(watched, ".segmented button:nth-child(2)", "Space")
        watched.wait(
            "document.querySelectorAll('.segmented [aria-pressed=true]')[0].textContent.trim() === '7 天'"
        )


def test_a_lot_is_held_back_with_its_reason(chrome: Browsers, parts: PagedParts, url: str) -> None:
    with chrome.open(f"{url}cabinets?site={CABINET}", "en") as watched:
        wait_for(watched, ".lots-grid .warn")
        opv = ".lots-grid tbody:last-of-type"
        wait_for(watched, f"{opv} .warn")
        press(watched, f"{opv} .disclose")
        wait_for(watched, f"{opv} .proposal")
        assert "too warm at one time" in texts(watched, f"{opv} .proposal li")[0]
        chrome.keep(watched, "lot")
        press(watched, f"{opv} .primary")
        watched.wait("document.querySelector('.is-open .detail')?.textContent.includes('Held back by')")
        (state,) = states(parts.writer)
        assert (state.lot, state.is_held) == ("V7", True)
        assert state.reason.startswith("too warm at one time: ")


def test_suspect_lots_of_the_county_are_decided_in_one_list(
    chrome: Browsers, parts: PagedParts, url: str
) -> None:
    def undecide(ledger: sqlite3.Connection) -> None:
        ledger.execute("DELETE FROM lot_state")
        suspects.judge_pair(ledger, CABINET, "opv", parts.now_ms)

    parts.change(undecide)
    with chrome.open(f"{url}stock?under=van", "en") as watched:
        press_line = ".suspects > .disclose"
        watched.wait(f"document.querySelector({press_line!r})?.disabled === false")
        press(watched, press_line)
        wait_for(watched, ".suspects .proposal")
        assert "too warm at one time: 72 min, allowed 60 min" in texts(watched, ".suspects .reasons li")[0]
        chrome.keep(watched, "suspects")
        tab_to(watched, ".suspects input")
        watched.page.keyboard.press("Control+A")
        watched.page.keyboard.type("vial monitors are good")
        press(watched, ".suspects .buttons button:last-child")
        watched.wait(f"document.querySelector({press_line!r}).textContent.startsWith('No lot')")
    (state,) = (one for one in states(parts.writer) if one.lot == "V7")
    assert (state.is_held, state.reason) == (False, "vial monitors are good")


def test_alerts_explain_themselves_come_live_and_are_answered(
    chrome: Browsers, parts: PagedParts, url: str
) -> None:
    with chrome.open(f"{url}alerts", "en") as watched:
        wait_for(watched, ".alert")
        watched.wait_for_texts(
            ".alert-words b",
            "Door left open: 巴音苏木药柜",
            "Running low: Oral rehydration salts, 乌兰苏木药柜",
        )
        watched.wait("document.querySelector('.badge').textContent === '2'")
        open_a_door(parts, OTHER)
        watched.wait("document.querySelectorAll('.alert').length === 3")
        tab_to(watched, ".selects label:nth-of-type(1) select")
        watched.page.select_option(".selects label:nth-of-type(1) select", "low_stock")
        watched.wait("document.querySelectorAll('.alert').length === 1")
        watched.wait("location.search.endsWith('rule=low_stock')")
        watched.page.select_option(".selects label:nth-of-type(1) select", "")
        watched.wait("document.querySelectorAll('.alert').length === 3")
        press(watched, ".alert:last-child .alert-head")
        wait_for(watched, ".todo")
        watched.wait_for_text(".todo", "What to do: Order it")
        tab_to(watched, ".answer textarea")
        watched.page.keyboard.type("the van brings some")
        chrome.keep(watched, "alert")
        press(watched, ".answer .primary")
        watched.wait(
            "document.querySelector('.alert:last-child .alert-state').textContent.startsWith('taken')", 30
        )
        watched.wait("document.querySelector('.history').textContent.includes('the van brings some')")
        tab_to(watched, ".answer textarea")
        watched.page.keyboard.type("not needed here")
        press(watched, ".answer .button:last-child")
        watched.wait("document.querySelectorAll('.alert').length === 2")
        subject = alerts.subject(parts.writer, "low_stock", None, "", OTHER, "ors")
        assert alerts.closures(parts.writer, subject) == [parts.now_ms]


def test_levels_are_changed_and_a_bad_sheet_names_its_lines(
    chrome: Browsers, parts: PagedParts, url: str, tmp_path: Path
) -> None:
    with chrome.open(f"{url}admin?tab=levels&site={OTHER}&item=opv", "en") as watched:
        wait_for(watched, ".edit input")
        tab_to(watched, ".edit input")
        watched.page.keyboard.type("6")
        press(watched, ".edit .primary")
        watched.wait("document.querySelector('.records .notice')?.textContent.startsWith('Saved')")
        (level,) = (one for one in par_levels.levels(parts.writer, OTHER) if one.item == "opv")
        assert (level.min, level.reorder, level.max) == (6, 8, 40)
        press(watched, ".segmented button:nth-child(4)", "Space")
        wait_for(watched, "input[type=file]")
        bad = tmp_path / "bad.csv"
        bad.write_text(BAD_SHEET)
        watched.page.set_input_files("input[type=file]", bad)
        press(watched, ".import .primary")
        wait_for(watched, ".sheet .grid td")
        lines = [row.split()[0] for row in texts(watched, ".sheet .grid tbody tr")]
        assert [line[0] for line in lines] == ["2", "2", "3"]
        chrome.keep(watched, "import")
        bad.write_text("item,pack_size\nzinc,10\n")
        watched.page.set_input_files("input[type=file]", bad)
        press(watched, ".import .primary")
        watched.wait(
            "document.querySelector('[role=status] .notice')?.textContent.includes('All 1 lines')", 30
        )


def test_nobody_is_told_of_what_is_under_repair(chrome: Browsers, parts: PagedParts, url: str) -> None:
    with chrome.open(f"{url}admin?tab=telling", "en") as watched:
        wait_for(watched, f".edit option[value='site/{FAR}']")
        tab_to(watched, ".edit select")
        watched.page.select_option(".edit select >> nth=0", f"site/{FAR}")
        tab_to(watched, ".edit input[required]")
        watched.page.keyboard.type("fridge under repair")
        watched.page.keyboard.press("Enter")
        wait_for(watched, ".rest")
        (rest,) = maintenance.all_rests(parts.writer, parts.now_ms)
        assert (rest.what, rest.name, rest.state, rest.reason) == (
            "site",
            FAR,
            "maintenance",
            "fridge under repair",
        )
        watched.wait_for_text(".rules-grid tr", "Door left open", 7)
        press(watched, ".rest .button")
        watched.wait("document.querySelector('.rest') === null")
        assert maintenance.all_rests(parts.writer, parts.now_ms) == []


SMALL = """[...document.querySelectorAll('#app :is(button, input, select, textarea, a)')]
  .filter((one) => one.offsetParent !== null && one.type !== 'checkbox')
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([, box]) => box.width < 40 || box.height < 40)
  .map(([one, box]) => `${one.outerHTML.slice(0, 60)} ${box.width}x${box.height}`)"""
MAIN = "document.querySelector('.desk-main')"
NAMELESS = """[...document.querySelectorAll('#app :is(button, input, select, textarea, a)')]
  .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))
  .map((one) => one.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("language", ["zh", "en", "mn"])
def test_nothing_jumps_or_sticks_out_on_a_phone(chrome: Browsers, url: str, language: str) -> None:
    with chrome.open(f"{url}{PAGES[0]}", language, **PHONE) as watched:
        for path in PAGES:
            watched.page.goto(f"{url}{path}")
            wait_for(watched, "main :is(.stock-grid td, .alert, .edit)")
            if path.startswith("cabinets"):
                wait_for(watched, ".chart .mean")
                chrome.keep(watched, f"phone-cabinet-{language}")
            watched.page.evaluate("document.fonts.ready")
            name = path.split("?")[0]
            assert watched.shift() == 0, f"{name}: {watched.read('watched.moved')}"
            assert watched.read("document.documentElement.scrollWidth") == PHONE["width"], name
            wide = watched.read(f"{MAIN}.scrollWidth - {MAIN}.clientWidth")
            assert language == "mn" or wide <= 0, name  # whose columns go on to the right
            assert watched.read(SMALL) == [], name
            assert watched.read(NAMELESS) == [], name
            mode = watched.read("getComputedStyle(document.querySelector('main h2')).writingMode")
            assert mode == ("vertical-lr" if language == "mn" else "horizontal-tb"), name


def test_a_service_that_cannot_be_reached_is_said(chrome: Browsers, url: str) -> None:
    with chrome.open(f"{url}stock", "en") as watched:
        wait_for(watched, ".stock-grid td")
        watched.page.context.set_offline(True)
        watched.page.click(".chip.mark-STOCK_OUT")
        watched.wait("document.querySelector('.failure')?.textContent.includes('cannot be reached')")
        watched.page.context.set_offline(False)
        press(watched, ".waiting .button")
        watched.wait("document.querySelector('.waiting')?.textContent.startsWith('Nothing here')")
        watched.complaints[:] = [one for one in watched.complaints if "net::ERR_" not in one]
