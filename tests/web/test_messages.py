"""The words of the page: three languages with the same keys and placeholders, and a word for all we show."""

import csv
import inspect
import json
import re
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest

from edge.simulate.fleet import KINDS
from firmware import wire
from ingest.alerts.rules import RULES
from ingest.api.alert_shapes import AlertStep, MaintenanceWord, MessageWord, SeverityWord, StateWord
from ingest.api.stock_shapes import EntryIn, StatusWord
from ingest.stock import sheet
from ingest.stock.board import Facts, Full, Line, full
from ingest.stock.coldchain import VVM
from ingest.stock.days import DAY_MS
from ingest.stock.figure import Figure
from ingest.stock.profiles import PROFILES
from ingest.stock.sheet import COLUMNS, LEVELS
from tests.web.fleet import WEB

LANGUAGES = ("zh", "en", "mn")
MONGOLIAN = re.compile("[\u1820-\u18aa]")
# What has no letters of its own language: figures and names that are the same everywhere.
LETTERLESS = {"driven"}
SUMS = ("single", "cumulative")


def messages(language: str) -> dict[str, str]:
    read: dict[str, str] = json.loads((WEB / "messages" / f"{language}.json").read_text(encoding="utf-8"))
    return read


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_keys_and_placeholders_are_those_of_the_english(language: str) -> None:
    english, other = messages("en"), messages(language)
    assert list(other) == list(english)
    assert {key: placeholders(text) for key, text in other.items()} == {
        key: placeholders(text) for key, text in english.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_empty_or_padded(language: str) -> None:
    assert [key for key, text in messages(language).items() if text != text.strip() or not text] == []


def test_each_language_is_in_its_own_letters() -> None:
    for key, text in messages("mn").items():
        assert MONGOLIAN.search(text) or key in LETTERLESS, key
    for key, text in messages("zh").items():
        assert re.search("[\u4e00-\u9fff]", text), key
    for key, text in messages("en").items():
        assert not re.search("[\u4e00-\u9fff\u1820-\u18aa]", text), key


def test_every_key_that_the_page_says_exists() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in WEB.glob("*.js"))
    said = set(re.findall(r'say\("(\w+)"', source))
    assert said - set(messages("en")) == set()


def test_every_word_of_the_contract_that_is_shown_has_a_message() -> None:
    events = [name for name, kind in wire.KINDS.items() if kind.lane == "event"]
    shown = chain(
        (f"clock_{word}" for word in wire.CLOCKS),
        (f"connection_{word}" for word in ("online", "offline", "unknown")),
        (f"event_{kind}" for kind in events),
        (f"is_{word}" for word in wire.KINDS["power"].by_name["is_ignition_on"].words),
    )
    assert set(shown) - set(messages("en")) == set()


def test_every_message_of_a_vital_value_names_a_field_of_the_contract() -> None:
    fields = {name for kind in wire.LIVE_KINDS for name in wire.KINDS[kind].by_name}
    said = {key.removeprefix("vital_") for key in messages("en") if key.startswith("vital_")}
    assert said <= fields
    card = (WEB / "card.js").read_text(encoding="utf-8")
    assert set(re.findall(r'\{ key: "(\w+)"', card)) == said


def test_every_place_has_its_three_names() -> None:
    with (WEB / "places.csv").open(encoding="utf-8", newline="") as file:
        places = list(csv.DictReader(file))
    assert len(places) >= 20
    for place in places:
        assert re.fullmatch("[\u4e00-\u9fff]+", place["zh"]), place
        assert re.fullmatch("[A-Za-z ]+", place["en"]), place
        assert MONGOLIAN.search(place["mn"]), place
        assert place["kind"] in {"region", "country", "city"}
        assert place["rank"] in {"1", "2", "3"}


def test_every_capability_of_the_simulated_fleet_has_a_name_and_a_glyph() -> None:
    said = set(messages("en"))
    glyphs = (WEB / "glyphs.js").read_text(encoding="utf-8")
    for capability in {one for kind in KINDS for one in kind.capabilities}:
        assert f"capability_{capability}" in said
        assert re.search(rf"^  {capability}: ", glyphs, re.M), f"{capability} has neither glyph nor alias"


def js_words(name: str, constant: str) -> list[str]:
    """The words of a list in a module of the page."""
    source = (WEB / name).read_text(encoding="utf-8")
    return re.findall(r'"(\w+)"', re.search(rf"{constant} = \[(.*?)\];", source, re.S)[1])  # type: ignore[index]


def test_every_word_of_stock_and_alerts_that_is_shown_has_a_message() -> None:
    reasons = ("frozen", "vial_monitor", *(f"too_{how}_{sum_}" for how in ("cold", "warm") for sum_ in SUMS))
    shown = chain(
        (f"status_{word}" for word in get_args(StatusWord)),
        (f"kind_{word}" for word in get_args(EntryIn.model_fields["kind"].annotation)),
        (f"level_{word}" for word in LEVELS),
        (f"profile_{word}" for word in PROFILES),
        (f"quarantine_{word}" for word in reasons),
        (f"severity_{word}" for word in get_args(SeverityWord)),
        (f"alert_{word}" for word in get_args(StateWord)),
        (f"rule_of_{rule}" for rule in RULES),
        (f"step_{word}" for word in get_args(AlertStep.model_fields["what"].annotation)),
        (f"message_{word}" for word in get_args(MessageWord)),
        (f"suppressed_{word}" for word in get_args(MaintenanceWord)),
        (f"excursion_{word}" for word in ("low", "high", "open", "ended", "lost")),
    )
    assert set(shown) - set(messages("en")) == set()
    assert set(js_words("stock_words.js", "STATUSES")) == set(get_args(StatusWord))
    assert js_words("stock_words.js", "LEVELS") == list(LEVELS)
    assert js_words("admin_forms.js", "PROFILES") == list(PROFILES)
    assert js_words("admin_forms.js", "VVMS") == list(VVM)


def test_every_input_and_reason_of_a_figure_has_a_message() -> None:
    lines = [Line(1000 + day * DAY_MS, "", "receive", 30) for day in range(0, 60, 12)]
    lines += [Line(2000 + day * DAY_MS, "", "dispense", -2) for day in range(60)]
    visits = list(range(0, 60, 12))
    rows = [
        full(made, Facts(lead_days=lead, max=top, pack_size=pack), 70, days, 0)
        for made, lead, top, pack, days in (
            (sorted(lines), 2, 90, 1, visits),
            (sorted(lines), 2, 90, 90, visits),
            (sorted(lines), 2, 90, 1, []),
            (lines[:1], None, None, 1, []),
            ([], None, None, 1, []),
        )
    ]
    figures = [
        value for row in rows for name in Full.__slots__ if isinstance(value := getattr(row, name), Figure)
    ]
    said = {f"input_{name}" for figure in figures for name in figure.inputs}
    said |= {f"why_{figure.why}" for figure in figures if figure.why is not None}
    assert said - set(messages("en")) == set()
    assert len(said) > 30


def test_the_sheets_that_are_explained_are_those_that_are_read() -> None:
    source = (WEB / "admin_forms.js").read_text(encoding="utf-8")
    table = re.search(r"SHEETS = \{(.*?)\};", source, re.S)[1]  # type: ignore[index]
    sheets = {
        name: re.findall(r'"(\w+)"', columns) for name, columns in re.findall(r"(\w+): \[(.*?)\]", table)
    }
    assert sheets == {name: list(columns) for name, columns in COLUMNS.items()}
    codes = {"site", "code", "unknown_site", "unknown_item", "lot_expiry"}
    read = Path(inspect.getfile(sheet)).read_text(encoding="utf-8")
    codes |= set(re.findall(r'Problem\([\w.]+, [^"]*(?:"\w*", )?"(\w+)",', read))
    assert {f"problem_{code}" for code in codes} - set(messages("en")) == set()


def test_every_measure_of_the_demo_has_its_word() -> None:
    text = (WEB.parent / "demo" / "sheets" / "items.csv").read_text(encoding="utf-8")
    measures = {row["base_unit"] for row in csv.DictReader(text.splitlines())} - {"piece"}
    assert {f"measure_{one}" for one in measures} <= set(messages("en"))
