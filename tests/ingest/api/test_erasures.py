"""Erasing wants the unit's name once more, and is written down."""

from ingest.api.shapes import Erased, Erasures
from tests.ingest.api.parts import NOW_MS, Parts
from tests.ingest.api.test_track import drive

HISTORY = "/api/v1/units/van/history"


async def test_a_history_goes_and_the_book_says_who_asked(parts: Parts) -> None:
    parts.write("van", "fix", **drive(20))
    parts.write("bus", "fix", **drive(20))
    parts.hear_of("van")
    async with parts.client() as client:
        answer = await client.delete(HISTORY, params={"confirm": "van"})
        Erased.model_validate_json(answer.content)
        assert answer.json()["who"] == "this machine"
        assert (await client.get("/api/v1/units/van/records?kind=fix")).json()["records"] == []
        assert len((await client.get("/api/v1/units/bus/records?kind=fix")).json()["records"]) == 20
        assert (await client.get("/api/v1/units/van")).status_code == 200
        book = await client.get("/api/v1/units/van/erasures")
        Erasures.model_validate_json(book.content)
        (entry,) = book.json()["erasures"]
        assert entry == answer.json()
        assert entry["erased_at"] == "2026-11-21T09:00:00.000Z"
    assert parts.now_ms == NOW_MS


async def test_nothing_goes_by_mistake(parts: Parts) -> None:
    parts.write("van", "fix", **drive(20))
    async with parts.client() as client:
        for query in ({"confirm": "bus"}, {"confirm": ""}, {}):
            assert (await client.delete(HISTORY, params=query)).status_code == 422
        assert len((await client.get("/api/v1/units/van/records?kind=fix")).json()["records"]) == 20
        gone = await client.delete("/api/v1/units/boat/history", params={"confirm": "boat"})
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_unit")
        foreign = {"Origin": "http://elsewhere.example"}
        asked = await client.delete(HISTORY, params={"confirm": "van"}, headers=foreign)
        assert asked.status_code == 403
