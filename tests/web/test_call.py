"""A call for help in a real browser: on the map and in the title at once, first in the inbox, answered."""

from typing import Any

from ingest.alerts.episode import Episode
from ingest.ledger import alerts, help_calls
from tests.fixtures.waiting import wait_until
from tests.ingest.api.parts import NOW_MS
from tests.web.browser import Browsers
from tests.web.fleet import LIVE, PagedParts
from tests.web.test_page import choose, features

PLACE = {"lat_e7": 439_300_000, "lon_e7": 1_160_800_000, "fix_age_s": 3}


def call(parts: PagedParts) -> None:
    """Somebody has pressed the button of the vehicle that drives."""

    def work(ledger: Any) -> None:
        door = alerts.subject(ledger, "door_open", LIVE, "door")
        alerts.add(ledger, door, Episode(NOW_MS - 900_000, NOW_MS - 600_000, None, {}), NOW_MS, NOW_MS)
        subject = alerts.subject(ledger, "help_called", LIVE, "node-help", part="7")
        since_ms = NOW_MS - 4_000
        alerts.add(ledger, subject, Episode(since_ms, since_ms, None, PLACE), since_ms, NOW_MS)
        for answer in help_calls.due(ledger):
            help_calls.note_told(ledger, answer, NOW_MS)

    parts.change(work)
    parts.context.alert_news.changed()


def test_a_call_is_seen_wherever_somebody_looks_and_leads_to_its_answer(
    chrome: Browsers, parts: PagedParts, url: str
) -> None:
    with chrome.open(url, "en") as watched:
        watched.wait_for_map()
        watched.wait("document.title === 'Ortoo · fleet map'")
        call(parts)
        watched.wait("document.querySelectorAll('.row-calling').length === 1", 30)
        watched.wait("document.title === '❗ Ortoo · fleet map'", 30)
        watched.wait_for_map()
        wait_until(
            lambda: features(watched, "vehicle-call", "unit") == [LIVE], 30, what="the call on the map"
        )
        chrome.keep(watched, "call-on-map")
        choose(watched, LIVE)
        chrome.keep(watched, "call-on-card")
        watched.page.click(".card .notice a")
        watched.wait("document.querySelector('.todo') !== null", 30)
        watched.wait_for_texts(".alert-words b", "HELP is called: 流动图书馆", "Door left open: 流动图书馆")
        watched.wait_for_text(".alert-words span", "Position then: 43.93000, 116.08000 (0 min old)")
        watched.wait_for_text(".history", "the button's light says heard by the service")
        chrome.keep(watched, "call")
        watched.page.fill(".answer textarea", "the patrol from 乌珠穆沁 drives")
        watched.page.click(".answer .primary")
        watched.wait("document.title === 'Ortoo · Alerts'", 30)
        watched.wait("document.querySelector('.rule-help_called').classList.contains('is-acknowledged')")
