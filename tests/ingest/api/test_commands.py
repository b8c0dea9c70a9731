"""Commands go to the broker as the contract wants them, or not at all."""

import json
from typing import Any

import pytest

from firmware import wire
from ingest.ledger import keys
from tests.ingest.api.parts import NOW_MS, Parts

PATH = "/api/v1/units/van/commands"
SETTINGS = {"what": "settings"}
RESEND = {"what": "resend", "lane": "track", "first_seq": 1, "last_seq": 9}


async def send(parts: Parts, body: Any) -> tuple[int, dict[str, Any]]:
    parts.hear_of("van")
    async with parts.client() as client:
        answer = await client.post(PATH, json=body)
    return answer.status_code, answer.json()


async def test_a_raw_track_is_asked_for_in_the_contracts_words(parts: Parts) -> None:
    status, said = await send(
        parts, {"what": "raw_track", "from": "2026-11-21T08:00:00Z", "to": "2026-11-21T17:00:00+08:00"}
    )
    ((unit, command),) = parts.sent
    assert (status, said) == (202, {"id": command["id"], "unit": "van", "what": "raw_track"})
    assert unit == "van"
    assert (command["from_ms"], command["to_ms"]) == (NOW_MS - 3_600_000, NOW_MS)
    assert wire.decode_json("command", wire.encode_json("command", command)) == command


async def test_rows_are_asked_for_again_each_time_under_another_id(parts: Parts) -> None:
    first = await send(parts, RESEND)
    second = await send(parts, RESEND)
    assert (first[0], second[0]) == (202, 202)
    assert first[1]["id"] != second[1]["id"]
    assert {key: parts.sent[0][1][key] for key in RESEND} == RESEND


@pytest.mark.parametrize(
    ("body", "code", "where"),
    [
        ({"what": "explode"}, "invalid", "body"),
        ({}, "invalid", "body"),
        ({"what": "resend", "lane": "track"}, "invalid", "body.resend.first_seq"),
        (RESEND | {"lane": "fast"}, "invalid", "body.resend.lane"),
        (RESEND | {"first_seq": "1"}, "invalid", "body.resend.first_seq"),
        (RESEND | {"first_seq": 10}, "range", "body.last_seq"),
        (RESEND | {"extra": 1}, "invalid", "body.resend.extra"),
        ({"what": "settings"}, "invalid", "body.settings.settings"),
        (SETTINGS | {"settings": {"drivers": []}}, "invalid", "body.settings"),
        (SETTINGS | {"settings": {"version": 2, "drivers": [{"name": "x"}]}}, "invalid", "body.settings"),
        ({"what": "raw_track", "from": "soon", "to": "later"}, "invalid", "body.from"),
        (
            {"what": "raw_track", "from": "2026-11-22T00:00:00Z", "to": "2026-11-21"},
            "dates_swapped",
            "body.from",
        ),
    ],
)
async def test_what_a_unit_would_refuse_is_refused_here(
    parts: Parts, body: dict[str, Any], code: str, where: str
) -> None:
    status, said = await send(parts, body)
    assert (status, said["error"]["code"], said["error"]["where"]) == (422, code, where)
    assert parts.sent == []


async def test_without_a_broker_it_says_that_waiting_helps(parts: Parts) -> None:
    parts.is_broker_there = False
    status, said = await send(parts, RESEND)
    assert (status, said["error"]["code"], said["error"]["retry"]) == (503, "no_broker", True)


async def test_an_unknown_unit_gets_nothing(parts: Parts) -> None:
    async with parts.client() as client:
        assert (await client.post("/api/v1/units/nobody/commands", json=RESEND)).status_code == 404
    assert parts.sent == []


async def test_new_settings_are_an_administrator_s_and_nothing_of_them_is_shown(parts: Parts) -> None:
    wifi = {"ssid": "somum", "password": "a-secret-one"}
    asked = {"version": 4, "drivers": [{"type": "door", "name": "door"}], "wifi": wifi}
    status, said = await send(parts, SETTINGS | {"settings": asked})
    ((_, command),) = parts.sent
    assert (status, command["settings"]) == (202, asked)
    assert "a-secret-one" not in json.dumps(said)
    status, said = await send(parts, SETTINGS | {"settings": asked | {"wifi": wifi | {"pasword": 1}}})
    assert (status, said["error"]["detail"]) == (422, "wifi.pasword: no such setting")
    assert "a-secret-one" not in json.dumps(said)
    looker = keys.add(parts.access, "clinic", NOW_MS, [keys.DISPATCHER])
    parts.hear_of("van")
    async with parts.client() as client:
        headers = {"Authorization": f"Bearer {looker}"}
        answer = await client.post(PATH, json=SETTINGS | {"settings": asked}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "role_missing")
