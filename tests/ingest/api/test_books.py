"""The routes of books over the real ledger: shelves, journeys, loans, conflicts, imports, a unit's lists."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pymarc
import pytest
import pytest_asyncio

from edge.books import card as unit_card
from edge.books import lists as unit_lists
from ingest.api.book_shapes import BookConflicts, BookCopies, BookJourney, BookMoves, BooksShape, BooksToCarry
from ingest.books import card
from tests.ingest.api.parts import CARD_KEY, NOW_MS, Parts
from tests.ingest.books.library import open_library

P = card.hashed(CARD_KEY, "1001")


@pytest_asyncio.fixture
async def client(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    open_library(parts.writer, CARD_KEY, NOW_MS)
    async with parts.client() as client:
        yield client


async def sheet(client: httpx.AsyncClient, what: str, body: str | bytes) -> dict[str, Any]:
    answer = await client.post("/api/v1/books/import", params={"what": what}, content=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def get(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(f"/api/v1/books{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_whole_fleet(client: httpx.AsyncClient) -> None:
    found = await get(client, "")
    assert set(found) == set(BooksShape.model_fields)
    assert (found["loans"], found["overdue"], found["missing"]) == (1, 1, 1)
    assert found["conflicts"] == {"on_loan_elsewhere": 1}
    assert found["library"]["kind"] == "sip2"
    assert found["library"]["waiting"] == 1
    by_place = {one["place"]: one for one in found["places"]}
    assert by_place["ger-7"]["languages"] == {"chi": 1}
    assert by_place["van"]["states"] == {"on_loan": 1}
    assert by_place["library-02"] == {
        "place": "library-02",
        "name": None,
        "copies": 2,
        "states": {"missing": 1, "on_shelf": 1},
        "languages": {"mon": 1},
    }


async def test_a_shelf_page_by_page_and_as_a_sheet(client: httpx.AsyncClient) -> None:
    first = await get(client, "/shelf", place="library-02", limit=1)
    assert set(first) == set(BookCopies.model_fields)
    assert ([one["copy"] for one in first["copies"]], first["after"]) == (["B3"], "B3")
    second = await get(client, "/shelf", place="library-02", limit=1, after="B3")
    assert [(one["copy"], one["state"]) for one in second["copies"]] == [("B4", "missing")]
    assert (await get(client, "/shelf", place="library-02", language="mon"))["copies"] == first["copies"]
    assert (await get(client, "/shelf", place="ger-7"))["copies"][0]["place"] == "ger-7"
    answer = await client.get("/api/v1/books/shelf?place=library-02&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["copy"], row["name"]) for row in rows] == [("B3", "ᠮᠣᠩᠭᠣᠯ"), ("B4", "'=1+1")]


async def test_loans_overdue_and_missing(client: httpx.AsyncClient) -> None:
    (loan,) = (await get(client, "/loans"))["copies"]
    assert (loan["copy"], loan["card"], loan["reader"], loan["due_on"]) == ("B1", "1001", P, "2026-11-13")
    assert loan["is_overdue"]
    assert (await get(client, "/loans", is_overdue=True))["copies"] == [loan]
    page = await get(client, "/loans", limit=1)
    assert page["after"] == "20770:B1"
    assert (await get(client, "/loans", after=page["after"]))["copies"] == []
    assert (await client.get("/api/v1/books/loans?after=x")).status_code == 422
    assert [one["copy"] for one in (await get(client, "/missing"))["copies"]] == ["B4"]


async def test_a_journey(client: httpx.AsyncClient) -> None:
    found = await get(client, "/copies/B1")
    assert set(found) == set(BookJourney.model_fields)
    assert [(one["event"], one["verdict"]) for one in found["facts"]] == [
        ("lent", "conflict"),
        ("lent", "accepted"),
        ("seen", None),
    ]
    assert found["now_is"]["state"] == "on_loan"
    answer = await client.get("/api/v1/books/copies/B9")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_copy")


async def test_a_conflict_is_decided_once(client: httpx.AsyncClient) -> None:
    found = await get(client, "/conflicts")
    assert set(found) == set(BookConflicts.model_fields)
    (one,) = found["conflicts"]
    assert (one["cause"], one["name"]) == ("on_loan_elsewhere", "草原")
    assert (one["ours"]["card"], one["other"]["card"]) == ("1003", "1001")
    url = f"/api/v1/books/conflicts/{one['number']}/decision"
    assert (await client.post(url, json={"ruling": "void", "comment": ""})).status_code == 422
    decided = await client.post(url, json={"ruling": "void", "comment": "a slip of the scanner"})
    assert decided.json() == {"changed": 1}
    again = await client.post(url, json={"ruling": "stands", "comment": "no"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "nothing_to_decide")
    assert (await get(client, "/conflicts"))["conflicts"] == []
    (kept,) = (await get(client, "/conflicts", is_open=False))["conflicts"]
    assert kept["decision"]["comment"] == "a slip of the scanner"


async def test_a_copy_put_into_a_book_house_by_hand(client: httpx.AsyncClient) -> None:
    said = {"id": "p1", "site": "depot", "shelf": "d4"}
    for changed in (1, 0):
        answer = await client.post("/api/v1/books/copies/B4/place", json=said)
        assert answer.json() == {"changed": changed}
    (found,) = (await get(client, "/shelf", place="depot"))["copies"]
    assert (found["copy"], found["shelf"], found["state"]) == ("B4", "d4", "on_shelf")
    nowhere = await client.post("/api/v1/books/copies/B4/place", json=said | {"site": "no"})
    assert nowhere.status_code == 404


async def test_what_to_carry(client: httpx.AsyncClient) -> None:
    found = (await client.get("/api/v1/units/library-01/books/carry")).json()
    assert set(found) == set(BooksToCarry.model_fields)
    assert [(one["hold"], one["copy"], one["place"]) for one in found["holds"]] == [
        ("h1", "B3", "library-02"),
        ("h2", None, None),
    ]
    assert (await client.get("/api/v1/units/nobody/books/carry")).status_code == 404


async def test_a_rota_sends_a_copy_on_its_way(client: httpx.AsyncClient) -> None:
    stages = "rota,stage,site,days,is_cyclic\nr,1,van,30,yes\nr,2,depot,30,\n"
    assert (await sheet(client, "rotas", stages))["is_taken"]
    wrong = await sheet(client, "rounds", "copy,rota\nB3,q\n")
    assert wrong["problems"] == [
        {"line": 2, "column": "rota", "code": "unknown_rota", "detail": "no rota 'q'"}
    ]
    assert (await sheet(client, "rounds", "copy,rota\nB3,r\n"))["is_taken"]
    found = await get(client, "/rotation")
    assert set(found) == set(BookMoves.model_fields)
    assert found["moves"] == [
        {
            "copy": "B3",
            "name": "ᠮᠣᠩᠭᠣᠯ",
            "rota": "r",
            "place": "library-02",
            "action": "initiate",
            "site": "van",
        }
    ]
    assert (await client.post("/api/v1/books/rotation/follow")).json() == {"changed": 1}
    (move,) = (await get(client, "/rotation", site="van"))["moves"]
    assert move["action"] == "under_way"
    assert (await sheet(client, "rounds", "copy,rota\nB2,r\nB4,r\n"))["is_taken"]
    first = await get(client, "/rotation", is_moving=True, limit=2)
    rest = await get(client, "/rotation", is_moving=True, limit=2, after=first["after"])
    assert (first["count"], len(rest["moves"]), rest["after"]) == (3, 1, None)


async def test_a_units_lists_are_what_the_unit_takes(client: httpx.AsyncClient) -> None:
    """The unit's own reader takes the file, and both know a card by the same hash and key."""
    answer = await client.get("/api/v1/units/library-01/books/lists")
    assert answer.headers["content-type"] == "application/x-ndjson"
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert (await client.get("/api/v1/units/library-01/books/lists", headers=tag)).status_code == 304
    found = unit_lists.parsed(answer.content)
    assert (found.head.unit, found.head.reader_key) == ("library-01", unit_card.name_of(CARD_KEY))
    assert set(found.copies) == {"B1", "B2", "B4"}
    assert found.copies["B1"].lent_to == unit_card.hashed(CARD_KEY, "1001") == P
    assert (found.copies["B1"].loan, found.copies["B1"].due_on) == ("x", 20_770)
    assert found.copies["B1"].isbn == "9787040506945"
    assert found.copies["B4"].is_withdrawn
    (blocked,) = found.blocks.values()
    assert (blocked.block, blocked.why) == (unit_card.hashed(CARD_KEY, "1002"), "blocked")
    assert [(hold.item, hold.stop) for hold in found.holds.values()] == [("B3", "ger-7")]
    (conflict,) = found.conflicts.values()
    assert (conflict.class_, conflict.ours) == ("on_loan_elsewhere", "library-02: lent 2026-11-20 17:00")
    assert (await client.get("/api/v1/units/nobody/books/lists")).status_code == 404


async def test_bad_lines_of_a_sheet_are_named_and_nothing_is_taken(client: httpx.AsyncClient) -> None:
    body = "copy,name,isbn,language\nB8,x,978-7-04-050694-0,chi\nB8,,,cn\n"
    found = await sheet(client, "books", body)
    assert (found["is_taken"], found["lines"]) == (False, 0)
    assert [(one["line"], one["column"]) for one in found["problems"]] == [
        (2, "isbn"),
        (3, "name"),
        (3, "language"),
    ]


async def test_a_marc_file_gives_its_good_records(client: httpx.AsyncClient) -> None:
    record = pymarc.Record(force_utf8=True)
    record.add_field(pymarc.Field("001", data="m1"))
    record.add_field(
        pymarc.Field("245", ["0", "0"], [pymarc.Subfield("a", "Steppe /"), pymarc.Subfield("b", "a life")])
    )
    record.add_field(
        pymarc.Field("952", [" ", " "], [pymarc.Subfield("p", "B20"), pymarc.Subfield("a", "van")])
    )
    body = record.as_marc() + b"00099rubbish\x1d"
    found = await sheet(client, "marc", body)
    assert (found["is_taken"], found["lines"]) == (True, 1)
    assert [(one["line"], one["code"]) for one in found["problems"]] == [(2, "marc")]


async def test_dead_letters(parts: Parts, client: httpx.AsyncClient) -> None:
    parts.writer.execute("UPDATE telling SET state = 'dead', error = 'away', attempts = 9")
    (one,) = (await get(client, "/undelivered"))["letters"]
    assert (one["copy"], one["attempts"], one["error"]) == ("B1", 9, "away")
    assert (await client.post("/api/v1/books/undelivered/retry")).json() == {"changed": 1}
    assert (await get(client, "/undelivered"))["letters"] == []


@pytest.mark.parametrize("text", ["", " ", "\n", "9" * 65, "\x00"])
def test_both_ends_refuse_the_same_cards(text: str) -> None:
    with pytest.raises(ValueError, match="no card"):
        card.hashed(CARD_KEY, text)
    with pytest.raises(unit_card.CardError):
        unit_card.hashed(CARD_KEY, text)
