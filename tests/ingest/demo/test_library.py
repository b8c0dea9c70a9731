"""The demo's books and readers are those of its fleet, and the service takes them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from edge.books import card as unit_card
from edge.simulate import library as crew
from edge.simulate.fleet import fleet
from ingest.books import card as service_card
from ingest.books import sheets
from ingest.demo.cabinets import sheet
from ingest.demo.library import make_card_key

if TYPE_CHECKING:
    from pathlib import Path


def rows(what: str, units: int) -> list[dict[str, str]]:
    body = sheet(what, units)
    assert sheets.read_sheet(what, body).problems == ()
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def test_the_catalogue_is_what_the_crews_lend() -> None:
    for units in (1, 5, 24):
        running = [unit.id for unit in fleet(units) if unit.is_library]
        told = {
            (row["copy"], row["name"], row["language"], row["home"], row["shelf"])
            for row in rows("books", units)
        }
        assert told == {
            (copy.item, copy.title, copy.language, unit, copy.shelf)
            for unit in running
            for copy in crew.copies(unit).values()
        }
        cards = [(row["card"], row["why"]) for row in rows("readers", units)]
        assert [one for one, _ in cards] == [one for unit in running for one in crew.cards(unit)]
        assert {one for one, why in cards if why} == {crew.cards(unit)[-1] for unit in running}


def test_units_and_service_share_the_key_whoever_makes_it(tmp_path: Path) -> None:
    path = make_card_key(tmp_path / "units" / "card.key")
    assert path.stat().st_mode & 0o777 == 0o600
    key = crew.card_key(path)
    assert make_card_key(path).read_text() == key.decode()
    shared = service_card.load_key(str(path))
    assert shared is not None
    assert unit_card.hashed(key, "R-1") == service_card.hashed(shared, "R-1")
    assert crew.card_key(tmp_path / "other.key") != key
