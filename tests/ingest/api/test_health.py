"""Alive, ready, counted."""

import sqlite3

import pytest
from prometheus_client import Counter

from ingest.api.context import Readiness
from ingest.history import StoreBusy
from ingest.ledger import quarantine
from tests.ingest.api.parts import Parts


@pytest.mark.parametrize(
    ("readiness", "status"),
    [
        (Readiness(True, True, 0.2), 200),
        (Readiness(False, True), 503),
        (Readiness(True, False), 503),
        (Readiness(True, True, 61), 503),
    ],
)
async def test_ready_means_that_work_gets_done(parts: Parts, readiness: Readiness, status: int) -> None:
    parts.readiness = readiness
    async with parts.client() as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["is_ready"]) == (status, status == 200)
        assert (await client.get("/healthz")).status_code == 200


async def test_what_is_counted_is_shown(parts: Parts) -> None:
    Counter("ortoo_batches", "Batches stored.", registry=parts.registry).inc(3)
    async with parts.client() as client:
        await client.get("/api/v1/units/nobody")
        await client.get("/no-such-route")
        await client.patch("/api/v1/units/nobody", headers={"origin": "http://evil.example"})
        answer = await client.get("/metrics")
    assert "ortoo_batches_total 3.0" in answer.text
    assert "ortoo_streams 0.0" in answer.text
    for code in ("unknown_unit", "no_such_route", "foreign_origin"):
        assert f'ortoo_api_refusals_total{{code="{code}"}} 1.0' in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")


async def test_a_store_that_waits_is_503_and_a_crash_is_500_in_the_same_shape(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with parts.client() as client:
        for error, status, code in [
            (StoreBusy("disk full"), 503, "busy"),
            (sqlite3.OperationalError("secret path"), 500, "internal"),
        ]:

            def fail(*_: object, error: Exception = error) -> None:
                raise error

            monkeypatch.setattr(quarantine, "newest", fail)
            answer = await client.get("/api/v1/refused")
            body = answer.json()["error"]
            assert (answer.status_code, body["code"], body["retry"]) == (status, code, status == 503)
            assert "secret path" not in answer.text
            assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret path" in caplog.text


async def test_what_is_not_there_says_so_in_the_same_shape(parts: Parts) -> None:
    async with parts.client() as client:
        answer = await client.get("/api/v2/units")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_such_route")
        answer = await client.delete("/api/v1/units/van")
        assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method")
