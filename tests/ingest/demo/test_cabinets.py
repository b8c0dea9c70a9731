"""The demo's sheets are true of its fleet."""

import csv
import io

from edge.simulate.fleet import fleet
from edge.simulate.shelf import GOODS
from ingest.demo.cabinets import sheet
from ingest.stock import sheet as sheets


def rows(what: str, units: int = 24) -> list[dict[str, str]]:
    body = sheet(what, units)
    read = sheets.read(what, body)
    assert read.problems == ()
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def test_every_cabinet_has_its_site_and_its_levels() -> None:
    for units in (1, 2, 3, 14, 24, 100):
        running = [unit for unit in fleet(units) if unit.cabinet]
        sites = {row["unit"]: row for row in rows("sites", units) if row["unit"]}
        assert sites.keys() == {unit.id for unit in running}
        assert {site["parent"] for site in sites.values()} == {unit.league.lower() for unit in running}
        levels = {(row["site"], row["item"]): int(row["max"]) for row in rows("levels", units)}
        assert levels == {
            (unit.id, good.item): good.most_packs * good.pack_pieces
            for unit in running
            for good in GOODS[unit.cabinet]
        }
        assert all(site["name"] == unit.name for unit in running for site in [sites[unit.id]])


def test_the_items_are_those_on_the_shelves() -> None:
    items = {(row["item"], row["codes"], int(row["pack_size"])) for row in rows("items")}
    assert items == {(good.item, good.gtin, good.pack_pieces) for goods in GOODS.values() for good in goods}
