"""The stock routes over the real ledger: board, one site, entries by hand, administration and sheets."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any, get_args

import httpx
import pytest
import pytest_asyncio

from firmware import wire
from ingest.api import stock_shapes
from ingest.api.stock_shapes import Imported, SiteStock, StockBoardShape, StockDifferences, StockOverview
from ingest.ledger import bookkeeping
from ingest.stock.coldchain import VVM
from ingest.stock.profiles import PROFILES
from ingest.stock.sheet import LANGUAGES
from ingest.stock.status import WORST_FIRST
from tests.ingest.api.parts import NOW_MS, Parts
from tests.ingest.made import UNIT, group

ITEMS = (
    "item,pack_size,profile,name_zh,name_en,codes\nors,10,,口服补液盐,ORS,06901234567892\nopv,1,tight,,OPV,\n"
)
SITES = (
    "site,parent,level,unit,source,next_visit_on,lead_days\n"
    "cabinet-1,van,cabinet,library-01,cabinet,2026-12-01,2\n"
    "van,county,vehicle,library-01,,,\n"
    "county,,county,,,,\n"
)
LEVELS = "site,item,min,reorder,max\ncabinet-1,ors,10,20,100\ncabinet-1,opv,1,2,5\n"


@pytest_asyncio.fixture
async def client(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    async with parts.client() as client:
        for what, body in (("items", ITEMS), ("sites", SITES), ("levels", LEVELS)):
            assert (await sheet(client, what, body))["is_taken"]
        yield client


async def sheet(client: httpx.AsyncClient, what: str, body: str | bytes) -> dict[str, Any]:
    answer = await client.post("/api/v1/stock/import", params={"what": what}, content=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    Imported.model_validate(found)
    return found


async def book(client: httpx.AsyncClient, number: int, **said: Any) -> httpx.Response:
    plain = {"id": f"e{number}", "site": "cabinet-1", "item": "ors", "kind": "receive", "quantity": 5}
    return await client.post("/api/v1/stock/entries", json=plain | said)


async def board(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await client.get("/api/v1/stock", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    StockBoardShape.model_validate(found)
    return found


def test_the_words_are_those_of_the_rules() -> None:
    assert set(get_args(stock_shapes.ProfileWord)) == set(PROFILES)
    assert set(get_args(stock_shapes.VvmWord)) == set(VVM)
    assert get_args(stock_shapes.LanguageWord) == LANGUAGES
    assert get_args(stock_shapes.StatusWord) == (*WORST_FIRST, "UNKNOWN")


async def test_the_board_is_worst_first_and_explains_itself(client: httpx.AsyncClient) -> None:
    await book(client, 1, quantity=30, lot="L1", expires_on="2026-11-30")
    found = await board(client)
    assert [(row["item"], row["status"]["value"]) for row in found["rows"]] == [
        ("ors", "EXPIRED_ONLY"),
        ("opv", None),
    ]
    assert found["counts"] == {"EXPIRED_ONLY": 1, "UNKNOWN": 1}
    row, unknown = found["rows"]
    assert row["usable"]["inputs"]["day"] == "2026-12-01"
    assert row["usable"]["inputs"]["expired"] == 30
    assert unknown["on_hand"] == {
        "value": None,
        "formula": "sum of the book",
        "inputs": {"lines": 0},
        "why": "nothing_booked",
    }
    assert row["order"]["value"] == 100
    assert (await board(client, under="van", status="UNKNOWN"))["rows"][0]["item"] == "opv"
    assert (await board(client, site="nowhere"))["rows"] == []


async def test_a_change_shows_at_once(client: httpx.AsyncClient) -> None:
    await book(client, 1, quantity=30)
    assert (await board(client, item="ors"))["rows"][0]["status"]["value"] == "IN_STOCK"
    await book(client, 2, kind="dispense", quantity=15)
    assert (await board(client, item="ors"))["rows"][0]["status"]["value"] == "REORDER"
    await client.put("/api/v1/stock/levels/cabinet-1/ors", json={"min": 15, "max": 100})
    assert (await board(client, item="ors"))["rows"][0]["status"]["value"] == "LOW_STOCK"


async def test_an_entry_counts_once(client: httpx.AsyncClient) -> None:
    assert (await book(client, 1)).json() == {"is_new": True, "on_hand": 5}
    assert (await book(client, 1)).json() == {"is_new": False, "on_hand": 5}
    other = await book(client, 1, quantity=6)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "same_id")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"quantity": -1}, "negative"),
        ({"quantity": 0}, "nothing"),
        ({"kind": "adjust", "quantity": 0, "reason": "none"}, "nothing"),
        ({"kind": "adjust", "quantity": -1}, "no_reason"),
        ({"kind": "transfer"}, "transfer_sites"),
        ({"kind": "transfer", "other_site": "cabinet-1"}, "transfer_sites"),
        ({"at": "2027-01-01"}, "ahead"),
        ({"at": "1970-01-01"}, "behind"),
        ({"kind": "count", "quantity": -3}, "negative"),
        ({"at": "yesterday"}, "invalid"),
        ({"expires_on": "31.12.2026"}, "invalid"),
        ({"item": "nothing"}, "unknown_item"),
        ({"site": "nowhere"}, "unknown_site"),
    ],
)
async def test_a_bad_entry_is_refused(client: httpx.AsyncClient, said: dict[str, Any], code: str) -> None:
    answer = await book(client, 1, **said)
    assert answer.json()["error"]["code"] == code


async def test_a_transfer_moves_stock_between_two_sites(client: httpx.AsyncClient) -> None:
    await book(client, 1, site="van", quantity=30)
    await book(client, 2, site="van", kind="transfer", quantity=10, other_site="cabinet-1")
    rows = {row["site"]: row["on_hand"]["value"] for row in (await board(client, item="ors"))["rows"]}
    assert rows == {"van": 20, "cabinet-1": 10}


async def test_a_site_shows_lots_book_and_counts_that_differ(client: httpx.AsyncClient) -> None:
    await book(client, 1, quantity=30, lot="B", expires_on="2027-01-31")
    await book(client, 2, quantity=10, lot="A", expires_on="2026-11-20")
    await book(client, 3, kind="count", quantity=38)
    held = {"is_held": True, "vvm_stage": 3, "reason": "froze"}
    await client.put("/api/v1/stock/sites/cabinet-1/lots/ors/B", json=held)
    found = (await client.get("/api/v1/stock/sites/cabinet-1", params={"limit": 2})).json()
    SiteStock.model_validate(found)
    assert [(lot["lot"], lot["unusable_because"]) for lot in found["lots"]] == [
        ("A", "expired"),
        ("B", "held"),
    ]
    assert found["way_up"] == ["cabinet-1", "van", "county"]
    assert [(one["quantity"], one["observed"], one["booked"]) for one in found["proposals"]] == [(-2, 38, 40)]
    assert found["profiles"][0]["profile"] == "tight"
    more = await client.get("/api/v1/stock/sites/cabinet-1", params={"limit": 2, "before": found["before"]})
    assert [line["identity"] for line in found["book"] + more.json()["book"]] == [
        "by-hand/e3",
        "by-hand/e2",
        "by-hand/e1",
    ]
    at = found["proposals"][0]["happened_at"]
    await book(client, 4, kind="adjust", quantity=-2, reason="counted", at=at)
    again = (await client.get("/api/v1/stock/sites/cabinet-1")).json()
    assert again["proposals"] == []
    assert (await client.get("/api/v1/stock/sites/x")).json()["error"]["code"] == "unknown_site"


async def test_a_rejected_count_leaves_the_book_and_says_who_and_why(client: httpx.AsyncClient) -> None:
    await book(client, 1, quantity=40)
    await book(client, 2, kind="count", quantity=38)
    (one,) = (await client.get("/api/v1/stock/differences")).json()["differences"]
    path = f"/api/v1/stock/differences/{one['id']}/reject"
    said = {"site": "cabinet-1", "item": "ors", "reason": "two lay in the drawer"}
    blank = await client.post(path, json=said | {"reason": " "})
    assert blank.json()["error"]["code"] == "invalid"
    elsewhere = await client.post(path, json=said | {"site": "van"})
    assert (elsewhere.status_code, elsewhere.json()["error"]["code"]) == (409, "changed")
    assert (await client.post(path, json=said)).json() == {"is_new": True}
    assert (await client.post(path, json=said)).json() == {"is_new": False}
    assert (await client.get("/api/v1/stock/differences")).json()["count"] == 0
    found = (await client.get("/api/v1/stock/sites/cabinet-1")).json()
    SiteStock.model_validate(found)
    assert found["proposals"] == []
    (told,) = found["rejected"]
    assert (told["quantity"], told["reason"], told["actor"]) == (-2, said["reason"], "this machine")
    assert [line["kind"] for line in found["book"]] == ["count", "receive"], "nothing was booked"
    await book(client, 3, kind="count", quantity=39)
    (again,) = (await client.get("/api/v1/stock/differences")).json()["differences"]
    assert (again["quantity"], again["id"] == one["id"]) == (-1, False)


async def test_what_waits_is_shown_and_booked_when_its_item_is_named(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    from ingest.history.chunk import Chunk

    made = group("move", [1], "cabinet", move=0, item="zinc", pieces=4)
    body = bytes(wire.encode_group(made, 0))
    chunk = Chunk(UNIT, "00112233445566aa", "event", "aabbccddeeff0011", 0, made, body, NOW_MS)
    parts.change(lambda ledger: bookkeeping.take(ledger, [chunk]))
    (waiting,) = (await client.get("/api/v1/stock/unbooked")).json()["records"]
    assert (waiting["code"], waiting["values"]["pieces"]) == ("unknown_item", 4)
    answer = await client.put("/api/v1/stock/items/zinc", json={"names": {"en": "Zinc"}})
    assert answer.json() == {"booked": 1}
    assert (await board(client, item="zinc"))["rows"][0]["on_hand"]["value"] == 4


async def test_the_board_as_csv(client: httpx.AsyncClient) -> None:
    await book(client, 1)
    text = (await client.get("/api/v1/stock", params={"format": "csv"})).text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["item"], row["status"], row["on_hand"]) for row in rows] == [
        ("opv", "UNKNOWN", ""),
        ("ors", "LOW_STOCK", "5"),
    ]


@pytest.mark.parametrize(
    ("what", "body", "problems"),
    [
        ("items", "item,price\nors,1\n", [(1, "price", "column")]),
        ("items", "pack_size\n1\n", [(1, "item", "column")]),
        ("items", "item,item\na,a\n", [(1, "item", "column")]),
        ("items", "item,pack_size\na,0\nb,x\nc,-1\n", [(n, "pack_size", "value") for n in (2, 3, 4)]),
        ("items", "item,profile,vvm\na,warm,vvm3\n", [(2, "profile", "value"), (2, "vvm", "value")]),
        ("items", "item\na\na\n", [(3, "item", "repeated")]),
        ("items", "item,codes\nnew,06901234567892\n", [(2, "codes", "code")]),
        ("levels", "site,item,min\nvan,ors,-1\n", [(2, "min", "value")]),
        ("levels", "site;item;min\nvan;ors;1\n", [(1, "site;item;min", "column"), (1, "site", "column")]),
        ("lots", "item,lot\nnothing,L\n", [(2, "item", "unknown_item")]),
        ("levels", "site,item,min,max\nvan,ors,9,8\n", [(2, "max", "order")]),
        ("levels", "site,item\nx,ors\nvan,y\n", [(2, "site", "unknown_site"), (3, "item", "unknown_item")]),
        ("levels", "site,item\nvan\n", [(2, "", "cells")]),
        ("sites", "site,level,parent\na,cabinet,b\nb,cabinet,a\n", [(2, "site", "site")]),
        ("sites", "site,level\na,palace\n", [(2, "level", "value")]),
        (
            "lots",
            "item,lot,expires_on\nors,L,2027-01-01\nors,L,2027-01-02\n",
            [(3, "expires_on", "lot_expiry")],
        ),
        ("lots", "item,lot,expires_on\nors,L,2027-02-30\n", [(2, "expires_on", "value")]),
        ("items", b"item\n\xff\xfe\n", [(1, "", "encoding")]),
        ("items", 'item\n"a\n', [(2, "", "csv")]),
    ],
)
async def test_a_bad_sheet_is_refused_whole_and_each_line_named(
    client: httpx.AsyncClient, what: str, body: str | bytes, problems: list[tuple[int, str, str]]
) -> None:
    before = [(await client.get(f"/api/v1/stock/{part}")).json() for part in ("items", "sites", "levels")]
    found = await sheet(client, what, body)
    assert not found["is_taken"]
    named = [(one["line"], one["column"], one["code"]) for one in found["problems"]]
    assert named[: len(problems)] == problems
    after = [(await client.get(f"/api/v1/stock/{part}")).json() for part in ("items", "sites", "levels")]
    assert after == before


async def test_a_known_lot_keeps_its_expiry_until_a_person_says(client: httpx.AsyncClient) -> None:
    assert (await sheet(client, "lots", "item,lot,expires_on\nors,L,2027-01-01\n"))["is_taken"]
    refused = await sheet(client, "lots", "item,lot,expires_on\nors,L,2027-01-02\n")
    assert refused["problems"][0]["detail"] == "lot 'L' is known with expiry 2027-01-01"
    assert (await client.put("/api/v1/stock/lots/ors/L", json={"expires_on": "2027-01-02"})).is_success


async def test_a_sheet_may_be_longer_than_other_bodies(client: httpx.AsyncClient) -> None:
    body = "item\n" + "".join(f"item-{number}\n" for number in range(5000))
    assert (await sheet(client, "items", body))["lines"] == 5000


async def test_every_site_at_a_glance(client: httpx.AsyncClient) -> None:
    await book(client, 1, quantity=15)
    found = (await client.get("/api/v1/stock/overview")).json()
    StockOverview.model_validate(found)
    looks = {site["site"]: (site["counts"], site["newest_at"]) for site in found["sites"]}
    assert looks == {
        "cabinet-1": ({"REORDER": 1, "UNKNOWN": 1}, "2026-11-21T09:00:00.000Z"),
        "county": ({}, None),
        "van": ({}, None),
    }


async def test_what_counts_propose_is_listed_for_all_sites(client: httpx.AsyncClient) -> None:
    await book(client, 1, quantity=15)
    await book(client, 2, kind="count", quantity=12)
    found = (await client.get("/api/v1/stock/differences")).json()
    StockDifferences.model_validate(found)
    (one,) = found["differences"]
    assert (one["site"], one["item"], one["quantity"], one["on_hand"]) == ("cabinet-1", "ors", -3, 15)
    adjust = {"kind": "adjust", "quantity": one["quantity"], "reason": "counted", "at": one["happened_at"]}
    await book(client, 3, **adjust)
    assert (await client.get("/api/v1/stock/differences")).json() == {"count": 0, "differences": []}
