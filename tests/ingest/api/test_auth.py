"""Who gets in: keys, sessions, this machine, and nobody's page."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.api.auth import Attempts
from ingest.api.page import PAGES
from ingest.api.server import BindError, check_bind
from ingest.ledger import keys
from tests.ingest.api.parts import Parts

FORM = {"content-type": "application/x-www-form-urlencoded"}
SAME = {"origin": "http://localhost"}
SECRETS = ("/api/v1/units", "/api/v1/live", "/api/v1/stream", "/api/v1/refused", "/metrics", "/static/app.js")


@pytest.fixture
def key(parts: Parts) -> str:
    return keys.add(parts.access, "desk", parts.now_ms)


async def test_without_a_key_only_this_machine_gets_in(parts: Parts) -> None:
    async with parts.client() as client:
        assert (await client.get("/api/v1/units")).status_code == 200
    strangers: list[dict[str, Any]] = [
        {"address": ("192.0.2.7", 1)},
        {"host": "rebound.example"},  # a name of somebody else's that points to 127.0.0.1
        {"host": "192.0.2.1"},
        {"headers": {"x-forwarded-for": "192.0.2.7"}},
    ]
    for stranger in strangers:
        async with parts.client(**stranger) as client:
            assert (await client.get("/api/v1/units")).status_code == 401, stranger


@pytest.mark.parametrize(
    "path", [*SECRETS, "/api/v1/openapi.json", "/api/v1/units/x/track", "/no-such-route"]
)
async def test_with_a_key_every_route_asks_for_it(parts: Parts, key: str, path: str) -> None:
    async with parts.client() as client:
        for headers in (
            {},
            {"authorization": "Bearer wrong"},
            {"cookie": "ortoo_session=wrong"},
            {"authorization": key},
        ):
            answer = await client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "key_needed")
            assert answer.json()["error"]["retry"] is False
        if path != "/api/v1/stream":
            answer = await client.get(path, headers={"authorization": f"Bearer {key}"})
            assert answer.status_code != 401


async def test_health_asks_nobody(parts: Parts, key: str) -> None:
    async with parts.client(("192.0.2.7", 1), "county.example") as client:
        assert (await client.get("/healthz")).json() == {"status": "alive"}
        assert (await client.get("/readyz")).status_code == 200


async def test_the_page_leads_to_the_form_and_the_form_to_the_page(parts: Parts, key: str) -> None:
    async with parts.client() as client:
        for path in PAGES:
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        form = await client.get("/login")
        assert "请输入密钥" in form.text
        assert "Enter your key" in form.text
        assert "mn-Mong" in form.text
        assert "<script" not in form.text
        nonce = re.search(r"style-src 'nonce-([\w-]+)'", form.headers["content-security-policy"])
        assert nonce is not None
        assert f'<style nonce="{nonce[1]}">' in form.text
        wrong = await client.post("/login", content="key=wrong", headers=FORM | SAME)
        assert (wrong.status_code, "This is not a key" in wrong.text) == (401, True)
        right = await client.post("/login", content=f"key={key}", headers=FORM | SAME)
        assert (right.status_code, right.headers["location"]) == (303, "/")
        cookie = right.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=2592000"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/api/v1/units")).status_code == 200


async def test_over_https_the_cookie_is_secure(parts: Parts, key: str) -> None:
    async with parts.client() as client:
        answer = await client.post(
            "/login", content=f"key={key}", headers=FORM | {"origin": "https://localhost"}
        )
        assert "Secure" in answer.headers["set-cookie"]


async def test_nothing_secret_is_kept_as_it_is(parts: Parts, key: str) -> None:
    async with parts.client() as client:
        answer = await client.post("/login", content=f"key={key}", headers=FORM | SAME)
        token = answer.cookies["ortoo_session"]
    kept = "\n".join(parts.access.iterdump()) + repr(parts.access.execute("SELECT * FROM session").fetchall())
    assert key not in kept
    assert token not in kept


async def test_a_session_ends_by_time_by_logging_out_and_with_its_key(parts: Parts, key: str) -> None:
    async with parts.client() as client:

        async def log_in() -> None:
            client.cookies.clear()
            await client.post("/login", content=f"key={key}", headers=FORM | SAME)
            assert (await client.get("/api/v1/units")).status_code == 200

        await log_in()
        old = {"cookie": f"ortoo_session={client.cookies['ortoo_session']}"}
        answer = await client.post("/logout", headers=SAME)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert (await client.get("/api/v1/units", headers=old)).status_code == 401
        await log_in()
        parts.now_ms += parts.context.session_s * 1000
        assert (await client.get("/api/v1/units")).status_code == 401
        await log_in()
        keys.add(parts.access, "another", parts.now_ms)
        keys.remove(parts.access, "desk")
        assert (await client.get("/api/v1/units")).status_code == 401


@pytest.mark.filterwarnings("ignore:Setting per-request cookies:DeprecationWarning")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),  # a program: no page sent it
        ({"origin": "http://localhost"}, 404),
        ({"sec-fetch-site": "same-origin"}, 404),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://localhost:8080"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"cookie": "ortoo_session=x"}, 403),  # a browser that does not say where it comes from
    ],
)
async def test_an_unsafe_request_comes_from_our_page_or_from_none(
    parts: Parts, headers: dict[str, str], status: int
) -> None:
    async with parts.client() as client:
        answer = await client.patch("/api/v1/units/nobody", json={}, headers=headers)
        assert answer.status_code == status
        assert answer.json()["error"]["code"] == ("unknown_unit" if status == 404 else "foreign_origin")


async def test_wrong_keys_make_wait(parts: Parts, key: str) -> None:
    async with parts.client() as client:
        for _ in range(10):
            answer = await client.post("/login", content="key=x", headers=FORM | SAME)
            assert answer.status_code == 401
        answer = await client.post("/login", content=f"key={key}", headers=FORM | SAME)
        assert (answer.status_code, "wait 300 s" in answer.text) == (429, True)
        guess = await client.get("/api/v1/units", headers={"authorization": "Bearer x"})
        assert (guess.status_code, guess.headers["retry-after"]) == (429, "300")
        good = await client.get("/api/v1/units", headers={"authorization": f"Bearer {key}"})
        assert good.status_code == 200  # who has a key is not shut out by who has none
        parts.now_ms += 300_000
        answer = await client.post("/login", content=f"key={key}", headers=FORM | SAME)
        assert answer.status_code == 303
    async with parts.client(("192.0.2.9", 1)) as other:
        assert (await other.post("/login", content=f"key={key}", headers=FORM | SAME)).status_code == 303


@pytest.mark.parametrize("body", [b"", b"key", b"%ff%fe", b"key=" + b"a" * 5000, b"&" * 5000])
async def test_any_form_is_answered(parts: Parts, key: str, body: bytes) -> None:
    async with parts.client() as client:
        answer = await client.post("/login", content=body, headers=FORM | SAME)
        assert answer.status_code in {401, 422}


async def test_a_body_too_long_is_refused_whether_it_says_so_or_not(parts: Parts) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b"x" * 1000

    async with parts.client() as client:
        for content in (b"x" * 20_000, pieces()):
            answer = await client.patch(
                "/api/v1/units/x", content=content, headers={"content-type": "application/json"}
            )
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 20_000)), max_size=60))
def test_an_address_waits_only_for_its_own_failures_and_never_for_ever(steps: list[tuple[str, int]]) -> None:
    attempts = Attempts(limit=3, window_ms=10_000, max_addresses=2)
    now_ms = 0
    failed: dict[str, int] = {}
    for address, pause_ms in steps:
        now_ms += pause_ms
        wait_ms = attempts.wait_ms(address, now_ms)
        assert 0 <= wait_ms <= 10_000
        if wait_ms:
            assert failed[address] >= 3
        assert attempts.wait_ms(address, now_ms + 10_000) == 0
        attempts.failed(address, now_ms)
        failed[address] = failed.get(address, 0) + 1


def test_only_loopback_is_served_without_a_key() -> None:
    for host in ("127.0.0.1", "::1", "localhost", "127.1.2.3"):
        check_bind(host, has_key=False)
    for host in ("0.0.0.0", "::", "192.0.2.1", "county.example", ""):
        check_bind(host, has_key=True)
        with pytest.raises(BindError, match="key add"):
            check_bind(host, has_key=False)
