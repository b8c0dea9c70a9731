"""Who may ask for what: every operation of the API, tried with a key of each role."""

import json
import re
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from ingest.api.app import ROUTERS
from ingest.api.page import PAGES
from ingest.api.roles import NO_KEY, ROLES_OF
from ingest.ledger import keys
from ingest.ledger.keys import ADMIN, DISPATCHER, HEALTH, LIBRARIAN, ROLES, VIEWER
from tests.ingest.api.parts import NOW_MS, Parts
from tests.ingest.api.test_openapi import DOCUMENT

# What each role may beyond looking: all that is said of it anywhere.
ALERTS = {"acknowledge_alert", "comment_alert", "close_alert"}
MAY = {
    VIEWER: set(),
    DISPATCHER: ALERTS
    | {"put_maintenance", "end_maintenance", "send_command", "put_stock_site", "import_stock"},
    HEALTH: ALERTS
    | {"add_stock_entry", "reject_stock_difference", "decide_stock_lot", "put_stock_lot", "put_stock_item"}
    | {"decide_unnumbered_lot", "put_stock_level", "import_stock"},
    LIBRARIAN: {"read_book_shelf", "list_book_loans", "list_missing_books", "read_book_journey"}
    | {"list_book_conflicts", "decide_book_conflict", "place_book", "import_books", "follow_rotas"}
    | {"retry_undelivered_books"},
    ADMIN: {"read_refused_payload", "register_unit", "erase_history", "add_release", "withdraw_release"}
    | {"roll_out"},
}
SHEET = {"content-type": "text/csv"}


OPERATIONS = {
    operation["operationId"]: (method.upper(), path)
    for path, methods in json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"].items()
    for method, operation in methods.items()
}


def headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_every_route_says_who_may_ask_for_it() -> None:
    assert set(OPERATIONS) == set(ROLES_OF) | NO_KEY
    looking = set(ROLES_OF) - set().union(*MAY.values())
    assert {name for name, roles in ROLES_OF.items() if roles == set(ROLES)} == looking
    for name in set(ROLES_OF) - looking:
        assert ROLES_OF[name] == {ADMIN} | {role for role in ROLES if name in MAY[role]}, name
    for name in looking:
        assert OPERATIONS[name][0] == "GET", name


def test_what_is_not_in_the_document_changes_nothing_but_the_session() -> None:
    routes = [one for router in ROUTERS for one in router.routes if isinstance(one, APIRoute)]
    assert {one.operation_id for one in routes if one.include_in_schema} == set(OPERATIONS)
    assert {(one.path, *sorted(one.methods or ())) for one in routes if not one.include_in_schema} == {
        *((path, "GET") for path in {*PAGES, "/login", "/static/{name:path}"}),
        *((path, "POST") for path in ("/login", "/logout")),
    }


@pytest.mark.parametrize("role", ROLES)
async def test_a_key_gets_what_its_role_may_and_403_for_the_rest(parts: Parts, role: str) -> None:
    key = keys.add(parts.access, "somebody", NOW_MS, [role])
    async with parts.client(headers=headers(key)) as client:
        for name, (method, path) in OPERATIONS.items():
            is_allowed = name in NO_KEY or role in ROLES_OF[name]
            if name == "read_stream" and is_allowed:
                continue  # has no end
            filled = re.sub(r"\{\w+\}", "1", path)
            answer = await client.request(method, filled, json=None if method == "GET" else {})
            assert (answer.status_code != 403) is is_allowed, (name, answer.text)
            if not is_allowed:
                error = answer.json()["error"]
                assert (error["code"], error["retry"]) == ("role_missing", False)
                assert f"this key is {role}, this takes " in error["detail"]


async def test_roles_add_up_and_hold_from_the_next_request_on(parts: Parts) -> None:
    key = keys.add(parts.access, "somum", NOW_MS, [HEALTH, LIBRARIAN])
    form = {"origin": "http://localhost", "content-type": "application/x-www-form-urlencoded"}
    async with parts.client(headers={"sec-fetch-site": "same-origin"}) as client:
        await client.post("/login", content=f"key={key}", headers=form)
        assert (await client.get("/api/v1/me")).json() == {"name": "somum", "roles": [HEALTH, LIBRARIAN]}

        async def statuses() -> list[int]:
            asked = ("/api/v1/stock/entries", "/api/v1/books/rotation/follow", "/api/v1/units/x/commands")
            return [(await client.post(path, json={})).status_code for path in asked]

        assert await statuses() == [422, 200, 403]
        keys.give(parts.access, "somum", [DISPATCHER])
        assert await statuses() == [403, 403, 422]


async def imported(client: httpx.AsyncClient, what: str, sheet: str) -> Any:
    answer = await client.post(f"/api/v1/stock/import?what={what}", content=sheet, headers=SHEET)
    return answer.status_code


async def test_a_sheet_is_taken_from_whoever_may_write_one_of_its_lines(parts: Parts) -> None:
    health = keys.add(parts.access, "clinic", NOW_MS, [HEALTH])
    dispatcher = keys.add(parts.access, "desk", NOW_MS, [DISPATCHER])
    async with parts.client(headers=headers(health)) as client:
        assert await imported(client, "sites", "site,level\nsomum,township\n") == 403
        assert await imported(client, "items", "item,name_en\nors,ORS\n") == 200
    async with parts.client(headers=headers(dispatcher)) as client:
        assert await imported(client, "items", "item,name_en\nors,ORS\n") == 403
        assert await imported(client, "sites", "site,level\nsomum,township\n") == 200


async def test_without_a_key_this_machine_may_everything(parts: Parts) -> None:
    async with parts.client() as client:
        assert (await client.get("/api/v1/me")).json() == {"name": "this machine", "roles": [ADMIN]}
        answer = await client.patch("/api/v1/units/nobody", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_unit")
