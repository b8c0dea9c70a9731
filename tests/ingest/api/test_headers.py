"""Every answer, good or bad, carries the policies."""

import pytest

from ingest.api.headers import ALWAYS
from tests.ingest.api.parts import Parts


@pytest.mark.parametrize(
    "path", ["/", "/login", "/healthz", "/api/v1/units", "/api/v1/units/x", "/static/app.js", "/no"]
)
async def test_every_answer_is_safe(parts: Parts, path: str) -> None:
    async with parts.client() as client:
        answer = await client.get(path)
    for name, value in ALWAYS.items():
        if name not in {"Cache-Control", "Content-Security-Policy"}:
            assert answer.headers[name] == value
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "default-src" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] in {"no-store", "no-cache"}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/units/x", "GET, HEAD, PATCH"),
        ("/api/v1/stock/sites/x", "GET, HEAD, PUT"),
        ("/api/v1/maintenance/unit/x", "DELETE, PUT"),
        ("/stock", "GET, HEAD"),
    ],
)
async def test_what_may_be_done_at_a_path_is_told_whole(parts: Parts, path: str, allowed: str) -> None:
    async with parts.client() as client:
        answer = await client.options(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
