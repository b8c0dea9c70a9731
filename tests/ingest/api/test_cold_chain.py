"""What lots went through, over the real book and history: carried along, corrected, judged, held."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from ingest.api.cold_chain_shapes import ColdChain
from ingest.instants import iso
from tests.ingest.api.parts import NOW_MS, Parts

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
ITEMS = "item,profile,is_freeze_sensitive,vvm\nopv,tight,no,vvm2\nhepb,tight,yes,vvm14\nplaster,,no,\n"
SITES = (
    "site,parent,level,unit,source,probes\n"
    "county,,county,,,\n"
    "van,county,vehicle,van-01,,fridge rear\n"
    "ger,van,cabinet,home-01,,fridge\n"
)


@pytest_asyncio.fixture
async def client(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    async with parts.client() as client:
        for what, body in (("items", ITEMS), ("sites", SITES)):
            answer = await client.post("/api/v1/stock/import", params={"what": what}, content=body)
            assert answer.json()["is_taken"], answer.text
        yield client


async def book(client: httpx.AsyncClient, hours_ago: float, kind: str, **said: Any) -> None:
    at_ms = NOW_MS - round(hours_ago * HOUR_MS)
    plain = {
        "id": f"{kind}-{at_ms}",
        "kind": kind,
        "item": "opv",
        "lot": "L1",
        "quantity": 10,
        "at": iso(at_ms),
    }
    answer = await client.post("/api/v1/stock/entries", json=plain | said)
    assert answer.status_code == 200, answer.text


async def chain(client: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    answer = await client.get("/api/v1/stock/cold-chain", params=asked)
    assert answer.status_code == 200, answer.text
    ColdChain.model_validate(answer.json())
    found: list[dict[str, Any]] = answer.json()["lots"]
    return found


def log(parts: Parts, unit: str, from_h: float, to_h: float, celsius: float, probe: str = "fridge") -> None:
    """A sample a minute from so many hours ago."""
    times = list(range(NOW_MS - round(from_h * HOUR_MS), NOW_MS - round(to_h * HOUR_MS), MINUTE_MS))
    parts.write(unit, "climate", times, probe, temperature_cc=round(100 * celsius))


async def on_the_way(client: httpx.AsyncClient) -> None:
    """Ten from the county by the van into a home."""
    await book(client, 30, "receive", site="county")
    await book(client, 10, "transfer", site="county", other_site="van")
    await book(client, 4, "transfer", site="van", other_site="ger")


async def test_a_lot_carries_what_it_went_through(client: httpx.AsyncClient, parts: Parts) -> None:
    await on_the_way(client)
    log(parts, "van-01", 10, 8, 5)
    log(parts, "van-01", 8, 8 - 70 / 60, 12)
    log(parts, "van-01", 8 - 70 / 60, 0, 5)
    log(parts, "van-01", 10, 0, 5, "rear")
    log(parts, "home-01", 6, 0, 4)
    (found,) = await chain(client, site="ger")
    assert [(leg["site"], leg["probe"], leg["minutes_high"]) for leg in found["way"]] == [
        ("county", None, 0),
        ("van", "fridge", 70),
        ("ger", "fridge", 0),
    ]
    assert (found["minutes_known"], found["minutes_unknown"]) == (600, 20 * 60)
    assert (found["minutes_high"], found["minutes_low"]) == (70, 0)
    assert (found["lowest_c"], found["highest_c"]) == (4, 12)
    assert [limit["minutes_spent"] for limit in found["limits"]] == [0, 69]
    assert 5 < found["mean_kinetic_c"]["value"] < 6.5
    assert found["vvm_used_pct"]["value"] > 0
    assert found["proposal"]["reasons"] == [
        {"code": "too_warm_single", "measured": 69, "allowed": 60, "unit": "min"}
    ]
    assert await chain(client, item="opv", lot="L1") == [found]
    assert (await client.get("/api/v1/stock/cold-chain")).json()["error"]["code"] == "too_wide"


async def test_the_way_is_corrected_by_what_comes_late(client: httpx.AsyncClient, parts: Parts) -> None:
    await on_the_way(client)
    (before,) = await chain(client, site="ger")
    assert (before["minutes_known"], before["mean_kinetic_c"]["why"], before["proposal"]) == (
        0,
        "no_readings",
        None,
    )
    log(parts, "van-01", 8, 6, 12)
    (after,) = await chain(client, site="ger")
    assert (after["minutes_high"], after["proposal"]["reasons"][0]["measured"]) == (120, 119)


async def usable(client: httpx.AsyncClient) -> int:
    (row,) = (await client.get("/api/v1/stock", params={"site": "ger"})).json()["rows"]
    value: int = row["usable"]["value"]
    return value


async def test_a_person_accepts_or_rejects_quarantine(client: httpx.AsyncClient, parts: Parts) -> None:
    await on_the_way(client)
    log(parts, "home-01", 4, 2, 12)
    log(parts, "home-01", 2, 0, 5)
    decide = "/api/v1/stock/sites/ger/lots/opv/L1"
    assert await usable(client) == 10
    await client.put(decide, json={"is_held": True, "reason": "too warm for 2 h"})
    (held,) = await chain(client, site="ger")
    assert (held["proposal"], held["decided"]["reason"]) == (None, "too warm for 2 h")
    assert await usable(client) == 0
    await client.put(decide, json={"is_held": False, "reason": "the probe lay outside"})
    (released,) = await chain(client, site="ger")
    assert (released["proposal"], released["minutes_high"]) == (None, 120)
    assert released["judged_from"] == iso(NOW_MS)
    assert await usable(client) == 10
    parts.now_ms += 2 * HOUR_MS
    log(parts, "home-01", 0, -1.5, 12)
    (again,) = await chain(client, site="ger")
    assert again["proposal"]["reasons"][0]["measured"] == 89
    assert again["minutes_high"] == 210


async def test_what_has_no_number_is_decided_too(client: httpx.AsyncClient, parts: Parts) -> None:
    await book(client, 4, "receive", site="ger", lot="")
    log(parts, "home-01", 4, 0, 12)
    (proposed,) = await chain(client, site="ger")
    assert proposed["lot"] == ""
    assert proposed["proposal"] is not None
    decide = "/api/v1/stock/sites/ger/lots/opv"
    for is_held, left in ((True, 0), (False, 10)):
        said = {"is_held": is_held, "reason": "too warm for 4 h"}
        assert (await client.put(decide, json=said)).status_code == 200
        (decided,) = await chain(client, site="ger")
        assert (decided["proposal"], decided["decided"]["is_held"]) == (None, is_held)
        assert await usable(client) == left
    missing = await client.put("/api/v1/stock/sites/ger/lots/nothing", json=said)
    assert missing.status_code == 404


async def test_freezing_on_board_is_seen_at_home(client: httpx.AsyncClient, parts: Parts) -> None:
    for site, other in (("county", "van"), ("van", "ger")):
        await book(client, 5, "receive", site="county", item="hepb") if site == "county" else None
        await book(client, 3, "transfer", site=site, other_site=other, item="hepb", id=f"{site} {other}")
    log(parts, "van-01", 5, 3, 4)
    log(parts, "home-01", 3, 2.9, -0.5)
    log(parts, "home-01", 2.9, 0, 4)
    (found,) = await chain(client, site="ger", item="hepb")
    assert [one["code"] for one in found["proposal"]["reasons"]] == ["frozen"]


async def test_of_an_item_without_a_profile_only_temperatures_are_told(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    await book(client, 2, "receive", site="ger", item="plaster", lot="")
    log(parts, "home-01", 2, 0, 35)
    (found,) = await chain(client, site="ger")
    assert (found["profile"], found["minutes_high"], found["limits"], found["proposal"]) == (
        None,
        None,
        [],
        None,
    )
    assert found["mean_kinetic_c"]["value"] == pytest.approx(35)


async def test_lots_come_page_by_page(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await book(client, 2, "receive", site="ger", lot=f"L{number}", id=f"r{number}")
    first = (await client.get("/api/v1/stock/cold-chain", params={"site": "ger", "limit": 2})).json()
    rest = (
        await client.get("/api/v1/stock/cold-chain", params={"site": "ger", "after": first["after"]})
    ).json()
    assert [lot["lot"] for lot in first["lots"] + rest["lots"]] == ["L0", "L1", "L2"]
    assert rest["after"] is None
