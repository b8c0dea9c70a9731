"""The page in a real browser over the real API."""

import pytest

from tests.fixtures.waiting import wait_until
from tests.ingest.api.parts import NOW_MS, served
from tests.web.browser import Browsers, Watched
from tests.web.fleet import FLEET, GONE, HELD, LIVE, NOWHERE, STALE, PagedParts, live_message

HOUR_MS = 3_600_000
GOOD_SHIFT = 0.1  # as Core Web Vitals have it
PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def drive(parts: PagedParts) -> None:
    """Two drives of the library today, with an hour between them of which nothing is known."""
    for start_ms, lat in ((NOW_MS - 5 * HOUR_MS, 43.5), (NOW_MS - 2 * HOUR_MS, 43.8)):
        times = [start_ms + minute * 60_000 for minute in range(60)]
        columns = {
            "lat_e7": [round((lat + minute * 0.004) * 1e7) for minute in range(60)],
            "lon_e7": [round((115.5 + minute * 0.006) * 1e7) for minute in range(60)],
        }
        parts.write(LIVE, "fix", times, fix_mode=2, speed_cm_s=1500, course_ddeg=450, **columns)
    fault = {"part": "gnss", "code": "no_reply", "state": 0, "detail": "antenna"}
    parts.write(LIVE, "fault", [NOW_MS - HOUR_MS], **fault)


def features(watched: Watched, layers: str, name: str) -> list[str]:
    """One property of what the map has drawn in some layers."""
    layer_list = "', '".join(layers.split())
    query = f"ortoo.map.queryRenderedFeatures({{ layers: ['{layer_list}'] }})"
    return list(watched.read(f"{query}.map((one) => one.properties.{name})"))


def texts(watched: Watched, selector: str) -> list[str]:
    """What elements say now."""
    return watched.texts(selector)


def choose(watched: Watched, unit: str) -> None:
    """Find a unit by its id and open its card."""
    watched.page.fill(".search", unit)
    watched.wait("document.querySelectorAll('.row').length === 1")
    watched.page.click(".row")
    watched.wait("ortoo.state.track !== null && ortoo.state.track.status !== 'loading'")


def test_every_unit_appears_as_fresh_as_it_is(chrome: Browsers, url: str) -> None:
    with chrome.open(url) as watched:
        watched.wait_for_map()
        drawn = wait_until(
            lambda: (found := watched.drawn()) and len(found) == len(FLEET) and found, what="all vehicles"
        )
        looks = {unit: drawn[unit]["look"] for unit in (LIVE, HELD, STALE, GONE)}
        assert looks == {LIVE: "live", HELD: "held", STALE: "stale", GONE: "gone"}
        assert drawn[LIVE]["glyph"] == "library"
        assert drawn[LIVE]["course"] == 180
        assert "course" not in drawn["health-01"], "a parked vehicle has no course"
        assert "course" not in drawn[STALE], "a course is only shown while it is known"
        assert drawn[LIVE]["detail"] == "50\u00a0km/h"
        assert drawn[STALE]["detail"] == "20 分钟"
        watched.wait(f"document.querySelectorAll('.row').length === {len(FLEET) + 1}")
        chrome.keep(watched, "fleet")


def test_a_unit_without_position_is_listed_and_not_drawn(chrome: Browsers, url: str) -> None:
    with chrome.open(url, "en") as watched:
        watched.wait_for_map()
        assert NOWHERE not in watched.drawn()
        watched.page.fill(".search", NOWHERE)
        watched.wait("document.querySelectorAll('.row').length === 1")
        watched.wait_for_text(".row", "no position")


def test_a_vehicle_moves_with_the_news_and_nothing_is_asked_for(
    chrome: Browsers, parts: PagedParts, url: str
) -> None:
    """How soon is measured by `./dev bench page`."""
    with chrome.open(url) as watched:
        watched.wait_for_map()
        asked: list[str] = []
        watched.page.on("request", lambda request: asked.append(request.url))
        for north in (44.5, 45.0, 45.5, 46.0):
            parts.say(LIVE, north, 116.0)
            watched.wait_for_place(LIVE, north)
        assert [one for one in asked if "/api/v1/units" in one] == []


def test_silence_makes_a_vehicle_stale(chrome: Browsers, parts: PagedParts, url: str) -> None:
    with chrome.open(url, "en") as watched:
        watched.wait_for_map()
        watched.wait_for_vehicle(LIVE, look="live")
        parts.now_ms += 5 * 60_000
        parts.say("fire-01", 41.0, 111.75)  # news of another unit; of the library there are none
        watched.wait_for_vehicle(LIVE, look="stale", detail="5 min")
        watched.wait_for_vehicle("fire-01", look="live")
        watched.page.fill(".search", LIVE)
        watched.wait("document.querySelectorAll('.row').length === 1")
        watched.wait_for_text(".row", "stale5 min ago")
        chrome.keep(watched, "stale")


def test_the_day_is_drawn_and_replayed(chrome: Browsers, parts: PagedParts, url: str) -> None:
    drive(parts)
    with chrome.open(url, "en") as watched:
        choose(watched, LIVE)
        watched.wait_for_map()
        drawn = {"driven", "gap"}
        wait_until(lambda: set(features(watched, "track track-gap", "part")) == drawn, what="the track")
        chrome.keep(watched, "track")
        watched.wait_for_text(".events li", "gnss · no_reply · raised · antenna")

        slider = watched.page.locator(".slider input[type=range]")
        slider.focus()
        slider.press("Home")
        wait_until(lambda: "live-library" in features(watched, "replay", "icon"), what="the replayed vehicle")
        watched.wait("document.querySelector('.slider input').ariaValueText === '12:00:00'")  # 04:00 UTC
        slider.press("ArrowRight")
        watched.wait("document.querySelector('.slider input').ariaValueText === '12:00:10'")
        slider.evaluate("(one, at_ms) => { one.value = at_ms; }", NOW_MS - 3 * HOUR_MS - HOUR_MS // 2)
        slider.dispatch_event("input")
        wait_until(
            lambda: "held-library" in features(watched, "replay", "icon"),
            what="the last known place in the gap",
        )
        watched.wait_for_texts(".moment small", "not known then")
        chrome.keep(watched, "replay")


def test_the_replay_plays_to_its_end(chrome: Browsers, parts: PagedParts, url: str) -> None:
    drive(parts)
    with chrome.open(url, "en", reduced_motion="reduce") as watched:
        choose(watched, LIVE)
        watched.page.select_option(".slider select", "1200")
        assert watched.read("ortoo.state.track.at_ms") is None
        watched.page.click(".slider .icon-button")
        watched.wait("ortoo.state.track.at_ms !== null && ortoo.state.track.factor === 0", 60)
        watched.wait_for_texts(".moment b", "15:59:00")


def test_another_day_can_be_chosen_and_taken_away(chrome: Browsers, parts: PagedParts, url: str) -> None:
    drive(parts)
    with chrome.open(f"{url}#{LIVE}", "en") as watched:
        watched.wait("document.querySelectorAll('.downloads a').length === 3")
        links = watched.read("[...document.querySelectorAll('.downloads a')].map((one) => one.href)")
        for link, word in zip(links, ("<gpx", "sampled_at", "FeatureCollection"), strict=True):
            answer = watched.page.request.get(link)
            assert answer.ok
            assert word in answer.text()
        watched.page.click("[aria-label='Day before']")
        watched.wait("document.querySelector('.replay-empty')?.textContent === 'No track on this day'")
        watched.wait(f"location.hash === '#{LIVE}/2026-11-20'")


def test_search_and_filters_narrow_the_list(chrome: Browsers, url: str) -> None:
    with chrome.open(url, "en") as watched:
        watched.page.click(".chip-stale")
        watched.wait("document.querySelectorAll('.row').length === 1")
        watched.wait_for_text(".row", STALE)
        watched.page.click(".chip-stale")
        watched.page.click("[aria-label='Police']")
        watched.wait("document.querySelectorAll('.row').length === 1")
        watched.wait_for_text(".row", "police-01")
        watched.page.click("[aria-label='Police']")
        watched.page.fill(".search", "医疗")
        watched.wait("document.querySelectorAll('.row').length === 1")
        watched.wait_for_texts(".list-foot", "1 of 8 units")


def test_a_click_on_the_map_opens_the_card_and_escape_closes_it(chrome: Browsers, url: str) -> None:
    with chrome.open(url, "en") as watched:
        watched.wait_for_map()
        at = watched.read("ortoo.map.project([116.08, 43.93])")
        watched.page.mouse.click(at["x"], at["y"])
        watched.wait("document.querySelector('.card h2') !== null")
        watched.wait_for_texts(".card h2", "流动图书馆")
        watched.wait_for_text(".position code", "43.930000, 116.080000")
        wait_until(
            lambda: any("Waiting to be sent12" in one for one in texts(watched, ".vitals div")), what="vitals"
        )
        watched.page.keyboard.press("Escape")
        watched.wait("document.querySelector('.card') === null")


def test_the_language_is_switched_and_remembered(chrome: Browsers, url: str) -> None:
    with chrome.open(url, "") as watched:
        for label, lang, search in (
            ("English", "en", "Search by name or id"),
            ("中文", "zh-Hans", "按名称或编号查找"),
        ):
            watched.page.click(f".languages button:text-is('{label}')")
            watched.wait(f"document.documentElement.lang === '{lang}'")
            watched.wait(f"document.querySelector('.search').placeholder === '{search}'")
            chrome.keep(watched, f"language-{lang}")
        watched.page.click(".languages button[lang=mn-Mong]")
        watched.wait("document.documentElement.lang === 'mn-Mong'")
        watched.page.reload()
        watched.wait("window.ortoo !== undefined && ortoo.state.isKnown", 30)
        watched.wait("document.documentElement.lang === 'mn-Mong'")


def test_mongolian_is_written_downwards_in_its_own_letters(chrome: Browsers, url: str) -> None:
    with chrome.open(url, "mn") as watched:
        watched.wait_for_map()
        watched.wait("document.querySelectorAll('.place-mong').length >= 20")
        mode_of = "(one) => getComputedStyle(document.querySelector(one)).writingMode"
        modes = watched.read(f"['.panel-list', '.row', '.place-mong'].map({mode_of})")
        assert modes == ["vertical-lr"] * 3
        watched.wait("document.fonts.check('16px \"Noto Sans Mongolian\"', '\\u1820')")
        box = watched.page.locator(".row").first.bounding_box()
        assert box is not None
        assert box["height"] > 4 * box["width"], "a row is a column"
        canvas = features(watched, "vehicle", "label") + features(watched, "vehicle", "detail")
        letters = "".join(canvas)
        assert not any("\u1800" <= letter <= "\u18af" for letter in letters), "the canvas cannot join them"
        chrome.keep(watched, "mongolian")


@pytest.mark.parametrize("language", ["zh", "en", "mn"])
def test_nothing_jumps_on_a_phone(chrome: Browsers, parts: PagedParts, url: str, language: str) -> None:
    drive(parts)
    with chrome.open(url, language, **PHONE) as watched:
        watched.wait_for_map()
        chrome.keep(watched, f"phone-{language}")
        for step in range(5):
            parts.say(LIVE, 44.0 + step / 10, 116.0)
            watched.wait_for_place(LIVE, 44.0 + step / 10)
        assert watched.shift() == 0
        watched.page.tap(".row >> nth=0")
        watched.wait("ortoo.state.track !== null && ortoo.state.track.status === 'ready'")
        watched.wait_for_map()
        chrome.keep(watched, f"phone-card-{language}")
        watched.page.wait_for_timeout(700)
        assert watched.shift() < GOOD_SHIFT, "a busy machine draws the card late after the tap"
        width = watched.read("document.documentElement.scrollWidth")
        assert width == PHONE["width"], "nothing sticks out"


def test_what_is_touched_is_large_enough_and_has_a_name(
    chrome: Browsers, parts: PagedParts, url: str
) -> None:
    drive(parts)
    small = """[...document.querySelectorAll('#app button, #app input, #app select, #app a')]
      .filter((one) => one.closest('.maplibregl-control-container') === null && one.offsetParent !== null)
      .map((one) => [one, one.getBoundingClientRect()])
      .filter(([, box]) => box.width < 40 || box.height < 40)
      .map(([one, box]) => `${one.outerHTML.slice(0, 60)} ${box.width}x${box.height}`)"""
    nameless = """[...document.querySelectorAll('#app button, #app input, #app select, #app a')]
      .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))
      .map((one) => one.outerHTML.slice(0, 80))"""
    with chrome.open(f"{url}#{LIVE}", "en", **PHONE) as watched:
        watched.wait("document.querySelector('.downloads a') !== null")
        assert watched.read(small) == []
        assert watched.read(nameless) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes(chrome: Browsers, parts: PagedParts, url: str, scheme: str) -> None:
    drive(parts)
    with chrome.open(f"{url}#{LIVE}", "zh", color_scheme=scheme) as watched:
        watched.wait_for_map()
        watched.wait("ortoo.map.queryRenderedFeatures({ layers: ['track'] }).length > 0")
        chrome.keep(watched, f"theme-{scheme}")
        other = "dark" if scheme == "light" else "light"
        before = watched.read("ortoo.map.getPaintProperty('region', 'fill-color')")
        watched.page.emulate_media(color_scheme=other)
        watched.wait(
            f"ortoo.map.isStyleLoaded() && ortoo.map.getPaintProperty('region', 'fill-color') !== '{before}'"
        )
        watched.wait_for_map()
        watched.wait_for_vehicle(LIVE)


def test_a_broken_link_is_told_and_mended(
    chrome: Browsers, parts: PagedParts, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.ingest.api.parts.free_port", lambda: free_port)
    with served(parts.app) as (address, _):
        opened = chrome.open(f"{address}/", "en")
        watched = opened.__enter__()
    watched.wait("document.querySelector('.link').textContent.startsWith('Reconnecting, data as of 17:00:0')")
    chrome.keep(watched, "reconnecting")
    parts.app.state.hub = type(parts.app.state.hub)(parts.context)
    with served(parts.app):
        watched.wait("document.querySelector('.link').textContent === 'Live'", 30)
        parts.say(LIVE, 45.2, 116.0)
        watched.wait_for_place(LIVE, 45.2)
        # Whatever was asked while nobody was there failed in its own way.
        failed = "error: Failed to load resource: net::ERR_"
        watched.complaints[:] = [one for one in watched.complaints if not one.startswith(failed)]
        opened.__exit__(None, None, None)


def test_a_name_is_text_and_never_markup(chrome: Browsers, parts: PagedParts, url: str) -> None:
    parts.register_unit(LIVE, "<img src=x onerror=alert(1)>", ["library"])
    with chrome.open(f"{url}#{LIVE}", "en") as watched:
        watched.wait("document.querySelector('.card h2') !== null")
        watched.wait_for_texts(".card h2", "<img src=x onerror=alert(1)>")


def test_without_webgl_the_list_works_alone(chrome: Browsers, url: str) -> None:
    without = "HTMLCanvasElement.prototype.getContext = () => null"
    with chrome.open(url, "en", init_script=without) as watched:
        watched.wait("document.querySelector('.no-map') !== null")
        watched.page.click(".row >> nth=0")
        watched.wait("document.querySelector('.card h2') !== null")
        chrome.keep(watched, "no-webgl")


def test_a_thousand_units_are_listed_by_a_few_rows(chrome: Browsers, parts: PagedParts, url: str) -> None:
    for number in range(1000):
        unit = f"bus-{number:04d}"
        parts.live.apply_live(unit, live_message(40 + number / 100, 110, 0, 0, NOW_MS), NOW_MS)
    with chrome.open(url, "en") as watched:
        watched.wait("document.querySelector('.list-foot').textContent === '1008 of 1008 units'")
        assert watched.read("document.querySelectorAll('.row').length") < 40
        watched.read("document.querySelector('.rows').scrollTo(0, 1e6)")
        watched.wait(
            "[...document.querySelectorAll('.row b')].some((one) => one.textContent === 'police-01')"
        )
