"""Payloads set aside: listed with their reason, given out as they came."""

from ingest.api.shapes import Refused
from ingest.ledger import quarantine
from tests.ingest.api.parts import NOW_MS, Parts

EVIL = b"<script>alert(1)</script>\x00\xff"


def refuse(parts: Parts, payload: bytes) -> None:
    quarantine.put(
        parts.writer, "van", "ortoo/v1/van/batch", "range", "fix[3].lat_e7", "too far", payload, NOW_MS
    )


async def test_the_list_is_paged_and_says_why(parts: Parts) -> None:
    for number in range(5):
        refuse(parts, b"%d" % number)
    refuse(parts, b"4")
    async with parts.client() as client:
        first = Refused.model_validate_json(
            (await client.get("/api/v1/refused", params={"limit": 3})).content
        )
        rest = await client.get("/api/v1/refused", params={"limit": 3, "before": first.before})
    second = Refused.model_validate_json(rest.content)
    assert [one.id for one in first.refused + second.refused] == [5, 4, 3, 2, 1]
    assert (first.before, second.before) == (3, None)
    newest = first.refused[0]
    assert (newest.cause, newest.where, newest.detail, newest.times) == (
        "range",
        "fix[3].lat_e7",
        "too far",
        2,
    )
    assert (newest.unit, newest.size_bytes, newest.received_at) == ("van", 1, "2026-11-21T09:00:00.000Z")


async def test_a_payload_is_a_file_and_never_a_page(parts: Parts) -> None:
    refuse(parts, EVIL)
    async with parts.client() as client:
        answer = await client.get("/api/v1/refused/1/payload")
        assert answer.content == EVIL
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"] == 'attachment; filename="refused-1.bin"'
        assert (await client.get("/api/v1/refused/2/payload")).status_code == 404
        for bad in ("0", "-1", "x", "9" * 30):
            assert (await client.get(f"/api/v1/refused/{bad}/payload")).status_code == 422
