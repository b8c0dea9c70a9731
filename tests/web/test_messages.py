"""The words of the page: three languages with the same keys and placeholders, and a word for all we show."""

import csv
import json
import re
from itertools import chain

import pytest

from edge.simulate.fleet import KINDS
from firmware import wire
from tests.web.fleet import WEB

LANGUAGES = ("zh", "en", "mn")
MONGOLIAN = re.compile("[\u1820-\u18aa]")
# What has no letters of its own language: figures and names that are the same everywhere.
LETTERLESS = {"driven"}


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
