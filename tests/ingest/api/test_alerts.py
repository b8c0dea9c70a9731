"""The routes of alerts over the real ledger: the inbox, one alert, what people do, maintenance."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, get_args

import httpx
import pytest
import pytest_asyncio

from ingest.alerting import Terms
from ingest.alerts.episode import Episode
from ingest.alerts.reconcile import Alert
from ingest.alerts.rules import RULES, SEVERITIES, OwnNumbers
from ingest.alerts.text import LANGUAGES
from ingest.api import alert_shapes
from ingest.api.alert_shapes import (
    AlertContacts,
    AlertRules,
    Alerts,
    AlertTexts,
    AlertWhole,
    Maintenance,
    MaintenanceShape,
)
from ingest.api.alerts import LanguageWord
from ingest.ledger import alerts, notifications, sites
from ingest.ledger.notifications import Draft
from ingest.ledger.sites import Site
from tests.ingest.api.parts import NOW_MS, Parts

HOUR_MS = 3_600_000
WARM = {"limit_cc": 800, "limit_s": 3600, "outside_s": 4200, "highest_cc": 1120, "lowest_cc": 790}


@pytest_asyncio.fixture
async def client(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    parts.change(lambda ledger: sites.put(ledger, Site("county", level="county")))
    parts.change(lambda ledger: sites.put(ledger, Site("van", parent="county", name="=Van 1")))
    parts.hear_of("van-1")
    async with parts.client() as client:
        yield client


def add(parts: Parts, rule: str, since_ms: int, over_ms: int | None = None, **names: Any) -> int:
    """An alert of the van's."""

    def work(ledger: Any) -> int:
        unit = None if "item" in names else "van-1"
        subject = alerts.subject(ledger, rule, unit, names.pop("source", ""), "van", **names)
        return alerts.add(ledger, subject, Episode(since_ms, since_ms, over_ms, WARM), since_ms, NOW_MS)

    number: int = parts.change(work)
    return number


async def inbox(client: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await client.get("/api/v1/alerts", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    Alerts.model_validate(found)
    return found


async def test_the_words_are_those_of_the_rules() -> None:
    assert get_args(alert_shapes.RuleWord) == tuple(RULES)
    assert get_args(alert_shapes.SeverityWord) == SEVERITIES
    assert get_args(LanguageWord) == LANGUAGES


async def test_the_worst_comes_first_and_what_somebody_took_last(
    parts: Parts, client: httpx.AsyncClient
) -> None:
    low = add(parts, "low_stock", NOW_MS - 9 * HOUR_MS, item="ors")
    warm = add(parts, "overheating", NOW_MS - HOUR_MS, source="fridge")
    cold = add(parts, "freezing", NOW_MS - 2 * HOUR_MS, source="fridge")
    over = add(parts, "overheating", NOW_MS - 9 * HOUR_MS, NOW_MS - 8 * HOUR_MS, source="fridge")
    found = await inbox(client, language="zh")
    assert [alert["id"] for alert in found["alerts"]] == [cold, warm, low]
    assert found["counts"] == {"act": 2, "look": 1, "acknowledged": 0, "undelivered": 0}
    assert found["alerts"][1]["said"]["title"] == "温度过高:=Van 1"
    assert (await client.post(f"/api/v1/alerts/{cold}/acknowledge", json={})).status_code == 200
    found = await inbox(client)
    assert [alert["id"] for alert in found["alerts"]] == [warm, low, cold]
    assert found["alerts"][2]["state"] == "acknowledged"
    assert [alert["id"] for alert in (await inbox(client, state="past"))["alerts"]] == [over]
    assert len((await inbox(client, state="all"))["alerts"]) == 4


@pytest.mark.parametrize(
    ("asked", "rules"),
    [
        ({"severity": "act"}, ["overheating"]),
        ({"rule": "low_stock"}, ["low_stock"]),
        ({"unit": "van-1"}, ["overheating"]),
        ({"site": "van"}, ["overheating", "low_stock"]),
        ({"site": "county"}, []),
        ({"under": "county"}, ["overheating", "low_stock"]),
        ({"state": "pending"}, []),
    ],
)
async def test_filters(
    parts: Parts, client: httpx.AsyncClient, asked: dict[str, str], rules: list[str]
) -> None:
    add(parts, "low_stock", NOW_MS, item="ors")
    add(parts, "overheating", NOW_MS)
    assert [alert["rule"] for alert in (await inbox(client, **asked))["alerts"]] == rules


async def test_pages_leave_nothing_out(parts: Parts, client: httpx.AsyncClient) -> None:
    made = {add(parts, "unit_fault", NOW_MS - at, part=f"p{at}") for at in range(7)}
    seen: list[int] = []
    after: int | None = 0
    while after is not None:
        page = await inbox(client, limit=3, after=after)
        seen += [alert["id"] for alert in page["alerts"]]
        after = page["after"]
    assert len(seen) == 7
    assert set(seen) == made


async def test_an_alert_tells_its_whole_story(parts: Parts, client: httpx.AsyncClient) -> None:
    number = add(parts, "overheating", NOW_MS - HOUR_MS, source="fridge")
    draft = Draft(f"{number}/nurse", number, "nurse", "Too warm", "why", NOW_MS)
    parts.change(lambda ledger: notifications.put(ledger, [draft], NOW_MS, "site van"))
    for verb, said in (
        ("comment", {"comment": "the door was open"}),
        ("acknowledge", {"comment": "on my way"}),
        ("close", {"reason": "new fridge"}),
    ):
        answer = await client.post(f"/api/v1/alerts/{number}/{verb}", json=said)
        assert answer.status_code == 200, answer.text
        AlertWhole.model_validate(answer.json())
    found = (await client.get(f"/api/v1/alerts/{number}", params={"language": "en"})).json()
    AlertWhole.model_validate(found)
    assert [(step["what"], step["text"]) for step in found["history"]] == [
        ("found", ""),
        ("commented", "the door was open"),
        ("unsent", ""),
        ("acknowledged", "on my way"),
        ("closed", "new fridge"),
    ]
    assert found["said"]["why"] == ("fridge was at 11.2 °C, 70 min beyond 8.0 °C. Rule: 60 min, profile – –.")
    assert found["messages"] == [], "nobody needs to hear of it any more"
    assert parts.context.alert_news.revision == 3


async def test_a_message_that_went_out_stays_in_the_story(parts: Parts, client: httpx.AsyncClient) -> None:
    number = add(parts, "overheating", NOW_MS - HOUR_MS)
    draft = Draft(f"{number}/nurse", number, "nurse", "Too warm", "why", NOW_MS)
    parts.change(lambda ledger: notifications.put(ledger, [draft], NOW_MS))
    parts.change(lambda ledger: notifications.claim(ledger, NOW_MS, 10))
    parts.change(lambda ledger: notifications.give_up(ledger, 1, NOW_MS, "no such host"))
    parts.change(
        lambda ledger: alerts.change(
            ledger,
            Alert(number, Episode(NOW_MS, NOW_MS, None, {})),
            Episode(NOW_MS, NOW_MS, NOW_MS, {}),
            NOW_MS,
        )
    )
    found = (await client.get(f"/api/v1/alerts/{number}")).json()
    assert [(one["contact"], one["state"], one["error"]) for one in found["messages"]] == [
        ("nurse", "dead", "no such host")
    ]
    assert found["told_to"] == ["nurse"]
    assert (await inbox(client))["counts"]["undelivered"] == 1


@pytest.mark.parametrize("verb", ["acknowledge", "close"])
async def test_what_is_over_cannot_be_taken(parts: Parts, client: httpx.AsyncClient, verb: str) -> None:
    number = add(parts, "overheating", NOW_MS - HOUR_MS, NOW_MS)
    answer = await client.post(
        f"/api/v1/alerts/{number}/{verb}", json={"reason": "x"} if verb == "close" else {}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_open")
    answer = await client.post(f"/api/v1/alerts/99/{verb}", json={"reason": "x"} if verb == "close" else {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_alert")


async def test_a_sheet_of_alerts_holds_no_formula(parts: Parts, client: httpx.AsyncClient) -> None:
    add(parts, "overheating", NOW_MS - HOUR_MS, source="fridge")
    answer = await client.get("/api/v1/alerts", params={"format": "csv", "language": "en"})
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["rule"], row["site"], row["title"]) == ("overheating", "van", "Too warm: =Van 1")
    assert row["since_at"] == "2026-11-21T08:00:00.000Z"


async def test_texts_and_contacts(client: httpx.AsyncClient) -> None:
    for language in LANGUAGES:
        answer = await client.get("/api/v1/alerts/texts", params={"language": language})
        AlertTexts.model_validate(answer.json())
    AlertContacts.model_validate((await client.get("/api/v1/alerts/contacts")).json())
    said = AlertRules.model_validate((await client.get("/api/v1/alerts/rules")).json())
    assert [one.rule for one in said.rules] == list(RULES)
    assert all(one.usual.for_s == one.for_s for one in said.rules)


async def test_numbers_of_sites_are_shown_and_are_those_an_alert_is_judged_by(
    parts: Parts, client: httpx.AsyncClient
) -> None:
    own = {"county": {"door_open": OwnNumbers(for_s=60, escalate_s=0), "low_stock": OwnNumbers(keep_s=0)}}
    parts.app.state.context = replace(parts.context, alert_terms=Terms(of_sites=own))
    said = AlertRules.model_validate((await client.get("/api/v1/alerts/rules")).json())
    assert [one.model_dump(exclude_none=True) for one in said.sites] == [
        {
            "site": "county",
            "rules": [
                {"rule": "door_open", "for_s": 60, "escalate_s": 0},
                {"rule": "low_stock", "keep_s": 0},
            ],
        }
    ]
    number = add(parts, "door_open", NOW_MS)
    by = (await client.get(f"/api/v1/alerts/{number}")).json()["by"]
    assert (by["for_s"], by["keep_s"], by["escalate_s"]) == (60, 60, None)


async def test_maintenance_begins_changes_and_ends(client: httpx.AsyncClient) -> None:
    said = {"state": "maintenance", "until": "2026-11-22T09:00:00Z", "reason": "new fridge"}
    for what, name in (("unit", "van-1"), ("site", "van")):
        answer = await client.put(f"/api/v1/maintenance/{what}/{name}", json=said)
        assert answer.status_code == 200, answer.text
        MaintenanceShape.model_validate(answer.json())
    await client.put("/api/v1/maintenance/site/van", json={"state": "decommissioned", "reason": "sold"})
    found = (await client.get("/api/v1/maintenance")).json()
    Maintenance.model_validate(found)
    assert [(rest["name"], rest["state"], rest["until_at"]) for rest in found["maintenance"]] == [
        ("van", "decommissioned", None),
        ("van-1", "maintenance", "2026-11-22T09:00:00.000Z"),
    ]
    assert (await client.delete("/api/v1/maintenance/unit/van-1")).status_code == 204
    assert (await client.delete("/api/v1/maintenance/unit/van-1")).status_code == 404


@pytest.mark.parametrize(
    ("what", "said", "status", "code"),
    [
        ("unit/nobody", {"state": "maintenance", "reason": "x"}, 404, "unknown_unit"),
        ("site/nowhere", {"state": "maintenance", "reason": "x"}, 404, "unknown_site"),
        ("site/van", {"state": "maintenance", "reason": ""}, 422, "invalid"),
        ("site/van", {"state": "maintenance", "reason": "x", "until": "soon"}, 422, "invalid"),
        ("site/van", {"state": "maintenance", "reason": "x", "until": "2020-01-01"}, 422, "past"),
    ],
)
async def test_maintenance_that_cannot_be(
    client: httpx.AsyncClient, what: str, said: dict[str, str], status: int, code: str
) -> None:
    answer = await client.put(f"/api/v1/maintenance/{what}", json=said)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
