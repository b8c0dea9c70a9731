"""Firmware, as its operator uses it: a release added, tried on one unit, given to the rest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.api.context import FirmwareTerms
from ingest.ledger import rollouts, units
from ingest.releases import making
from tests.fixtures.operator import Operator
from tests.fixtures.waiting import wait_until
from tests.ingest.api.parts import served
from tests.web.browser import Browsers
from tests.web.fleet import PagedParts
from tests.web.test_desk import press, wait_for
from tests.web.test_page import PHONE, texts

NODES = ("household-01", "household-02", "household-03")
PAGE = "admin?tab=firmware"
BROKER_ERROR = "broker refuses a message of ours: reason 0x87"


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    return Operator(tmp_path_factory.mktemp("operator"))


@pytest.fixture
def release(tmp_path: Path, operator: Operator) -> Path:
    (tmp_path / "a" / "firmware").mkdir(parents=True)
    (tmp_path / "a" / "firmware" / "app.mpy").write_bytes(b"M\x06" + bytes(20_000))
    return making.make(tmp_path / "a", operator.key_file, tmp_path / "dist", 7)


@pytest.fixture
def fleet(tmp_path: Path, operator: Operator) -> Iterator[tuple[PagedParts, str]]:
    """The service's parts with three nodes and a Pi, and where its pages are."""
    terms = FirmwareTerms((operator.public,), lambda: True, lambda: BROKER_ERROR)
    parts = PagedParts(tmp_path / "store.sqlite3", firmware=terms)
    for unit, software in (*((node, "ortoo-node 0.1.0") for node in NODES), ("van", "ortoo-edge 0.1.0")):
        parts.hear_of(unit)
        birth = {"conn": 1, "epoch": "e" * 16, "boot": "b" * 16, "software": software}
        units.note_birth(parts.writer, unit, birth)
    with served(parts.app) as (address, _):
        yield parts, f"{address}/"
    parts.close()


def settle(parts: PagedParts, state: str, detail: str = "") -> None:
    (asked,) = [one for one in rollouts.of_release(parts.writer, 7) if one.state in rollouts.OPEN]
    rollouts.settle(parts.writer, asked, state, detail, parts.now_ms)


def test_one_unit_first_and_the_rest_once_it_runs(
    chrome: Browsers, fleet: tuple[PagedParts, str], release: Path
) -> None:
    parts, url = fleet
    with chrome.open(url + PAGE, "en") as watched:
        wait_for(watched, "input[type=file]")
        watched.page.set_input_files("input[type=file]", release)
        press(watched, "form .primary")
        wait_for(watched, ".release")
        assert texts(watched, ".release h3")[0].endswith(", number 7")
        watched.wait("document.querySelector('.release form button[type=button]').disabled")
        watched.page.select_option(".release select", NODES[0])
        press(watched, ".release form .primary")
        wait_for(watched, ".rollout-asked")
        settle(parts, rollouts.STAGED, "0.2.0, number 7, at the next start")
        wait_for(watched, ".rollout-staged")
        settle(parts, rollouts.RUNNING)
        watched.wait("!document.querySelector('.release form button[type=button]').disabled")
        watched.wait_for_texts(".release form button[type=button]", "Let the other 2 take it")
        press(watched, ".release form button[type=button]", "Space")
        watched.wait("document.querySelectorAll('.rollout-grid tbody tr').length === 3")
        watched.wait_for_texts(".rollout-progress span", "1 of 3 run it")
        chrome.keep(watched, "firmware")
        watched.page.select_option(".release select", "van")
        wait_for(watched, ".release form input")
        watched.page.fill(".release form input", "power")
        press(watched, ".release form .primary")
        watched.wait("document.querySelectorAll('.rollout-grid tbody tr').length === 4")
        press(watched, ".section-head .button")
        press(watched, ".section-head .primary")
        wait_for(watched, ".release .warn")
        watched.wait("document.querySelector('.release form') === null")
    assert {one.state for one in rollouts.of_release(parts.writer, 7)} == {"running", "replaced"}


def test_what_went_wrong_is_said(chrome: Browsers, fleet: tuple[PagedParts, str], release: Path) -> None:
    parts, url = fleet
    spoilt = release.with_name("spoilt.release")
    spoilt.write_bytes(release.read_bytes()[:-1] + b"x")
    for language, width in (("en", 1440), ("zh", PHONE["width"]), ("mn", 1440)):
        with chrome.open(url + PAGE, language, width, 900, color_scheme="dark") as watched:
            wait_for(watched, "input[type=file]")
            watched.page.set_input_files("input[type=file]", spoilt)
            press(watched, "form .primary")
            wait_for(watched, ".failure")
            said = texts(watched, ".failure")[0]
            if language == "en":
                assert said.startswith("Its bytes are not those that were signed")
                watched.page.set_input_files("input[type=file]", release)
                press(watched, "form .primary")
                wait_for(watched, ".release")
                watched.page.select_option(".release select", NODES[0])
                press(watched, ".release form .primary")
                wait_for(watched, ".rollout-asked")
                settle(parts, rollouts.REFUSED, "no room")
            wait_for(watched, ".rollout-refused")
            wait_until(lambda: "no room" in " ".join(texts(watched, ".rollout-grid td")), what="why")
            width_px = watched.read("document.documentElement.scrollWidth - window.innerWidth")
            assert width_px <= 0, language
            watched.wait_for_text(".warn", BROKER_ERROR)
            chrome.keep(watched, f"firmware-{language}")
            watched.complaints[:] = [one for one in watched.complaints if "422" not in one]
