"""The event stream through its real server: what a browser sees, and that nobody can hold it up."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from firmware import wire
from ingest.api import hub as hub_module
from ingest.api import listener as listener_module
from ingest.api import stream as stream_module
from ingest.api.shapes import Fleet, Units
from ingest.ledger import keys
from tests.fixtures.waiting import wait_until
from tests.ingest.api.parts import GNSS, NOW_MS, Parts, served

Event = tuple[str, str, dict[str, Any]]  # name, id, data


class Browser:
    """What EventSource does: reads events one by one."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self, timeout_s: float = 60) -> Event:
        async with asyncio.timeout(timeout_s):
            fields: dict[str, str] = {}
            while True:
                line = await anext(self._lines)
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "data" in fields:
                    return fields["event"], fields["id"], json.loads(fields["data"])
                else:
                    fields = {}

    async def is_ended(self) -> bool:
        async with asyncio.timeout(60):
            async for _ in self._lines:
                pass
        return True


@pytest.fixture
def url(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(hub_module, "IDLE_S", 600)  # on a busy machine a tick would come between
    with served(parts.app) as (url, _):
        yield url


@asynccontextmanager
async def browser(url: str, last_id: str | None = None, key: str | None = None) -> AsyncIterator[Browser]:
    headers = {"last-event-id": last_id.encode()} if last_id is not None else {}
    headers |= {"authorization": f"Bearer {key}".encode()} if key is not None else {}
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", f"{url}/api/v1/stream", headers=headers) as answer,
    ):
        yield Browser(answer)


def move(parts: Parts, unit: str, lat_e7: int, time_ms: int = NOW_MS) -> None:
    values = dict.fromkeys(wire.KINDS["fix"].by_name) | {"lat_e7": lat_e7, "lon_e7": 0, "fix_mode": 2}
    parts.live.apply_fix(unit, time_ms, GNSS, values, time_ms)


async def test_a_snapshot_then_changes_then_only_what_was_missed(parts: Parts, url: str) -> None:
    for number in range(5):
        move(parts, f"van-{number}", number)
    async with browser(url) as one:
        assert one.answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in one.answer.headers
        event, last_id, data = await one.next()
        Fleet.model_validate(data)
        assert event == "snapshot"
        assert (data["stale_after_s"], data["gone_after_s"]) == (90, 604800)
        assert [unit["unit"] for unit in data["units"]] == [f"van-{number}" for number in range(5)]
        move(parts, "van-3", 33)
        event, last_id, data = await one.next()
        Units.model_validate(data)
        assert (event, [unit["lat_deg"] for unit in data["units"]]) == ("update", [33e-7])
    move(parts, "van-1", 11)
    move(parts, "van-2", 22)
    async with browser(url, last_id) as again:
        event, newer_id, data = await again.next()
        assert (event, {unit["unit"] for unit in data["units"]}) == ("update", {"van-1", "van-2"})
        assert newer_id.startswith("c0ffee-")
        assert newer_id != last_id


@pytest.mark.parametrize("last_id", ["", "other-3", "c0ffee-x", "c0ffee--1", "c0ffee", "-", "٣", "c0ffee-²"])
async def test_an_id_of_somebody_else_gets_everything(parts: Parts, url: str, last_id: str) -> None:
    move(parts, "van", 1)
    async with browser(url, last_id) as one:
        assert (await one.next())[0] == "snapshot"


async def test_changes_between_two_ticks_are_one_event(parts: Parts, url: str) -> None:
    async with browser(url) as one:
        await one.next()

        def drive() -> None:
            for number in range(200):
                move(parts, "van", number, NOW_MS + number)

        task = wait_until(lambda: parts.app.state.hub._task)
        task.get_loop().call_soon_threadsafe(drive)  # as a whole between two ticks
        _, _, data = await one.next()
        assert [unit["lat_deg"] for unit in data["units"]] == [199 / 1e7]


async def test_a_quiet_stream_ticks(parts: Parts, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "IDLE_S", 0.1)
    async with browser(url) as one:
        _, last_id, _ = await one.next()
        event, tick_id, data = await one.next()
        assert (event, tick_id, list(data)) == ("tick", last_id, ["now"])


async def test_a_sleeper_gets_the_newest_of_each_unit(parts: Parts, url: str) -> None:
    """Whoever does not read falls out of the ring, and costs the others nothing."""
    text = "x" * 200
    for number in range(300):  # large snapshots fill the sockets' buffers
        parts.live.register(f"van-{number}", text, [])
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as sleeper:
        sleeper.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with browser(url) as reader:
            await reader.next()
            for step in range(3 * hub_module.RING):
                for number in range(300):
                    move(parts, f"van-{number}", step * 100_000, NOW_MS + step)
                while (await reader.next())[2]["units"][0]["lat_deg"] != step / 100:
                    pass
        body = b""
        sleeper.settimeout(60)
        while f'"lat_deg":{(3 * hub_module.RING - 1) / 100}'.encode() not in body:
            body = body[-100_000:] + sleeper.recv(1 << 20)


async def test_who_takes_nothing_is_let_go(parts: Parts, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener_module, "SLOW_S", 0.3)
    for number in range(1000):
        parts.live.register(f"van-{number}", "x" * 64, [])
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as sleeper:
        sleeper.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        hub = parts.app.state.hub
        wait_until(lambda: hub.listeners == 1)
        deadline = time.monotonic() + 60
        while hub.listeners and time.monotonic() < deadline:
            for number in range(1000):
                move(parts, f"van-{number}", 1)
            await asyncio.sleep(0.03)
        assert hub.listeners == 0
    async with httpx.AsyncClient(timeout=60) as client:
        assert "ortoo_stream_let_go_total 1.0" in (await client.get(f"{url}/metrics")).text


async def test_who_leaves_is_forgotten(parts: Parts, url: str) -> None:
    hub = parts.app.state.hub
    async with browser(url) as one, browser(url) as other:
        await one.next()
        await other.next()
        wait_until(lambda: hub.listeners == 2)
    wait_until(lambda: hub.listeners == 0)
    wait_until(lambda: hub._task is None)


async def test_too_many_are_told_to_wait(parts: Parts, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "MAX_LISTENERS", 1)
    async with browser(url) as one, browser(url) as other:
        await one.next()
        assert (other.answer.status_code, other.answer.headers["retry-after"]) == (503, "30")


async def test_a_key_taken_away_ends_the_stream(
    parts: Parts, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "RECHECK_S", 0.1)
    monkeypatch.setattr(hub_module, "IDLE_S", 0.1)
    key = keys.add(parts.access, "desk", NOW_MS)
    keys.add(parts.access, "other", NOW_MS)
    async with browser(url, key=key) as one:
        await one.next()
        await one.next()
        keys.remove(parts.access, "desk")
        assert await one.is_ended()
    assert stream_module.RECHECK_S < 60


async def test_the_server_ends_by_itself_with_streams_open(parts: Parts) -> None:
    with served(parts.app) as (url, server):
        server.config.timeout_graceful_shutdown = None  # nothing is cancelled: it would wait for ever
        async with browser(url) as one, browser(url) as other:
            await one.next()
            await other.next()
            server.should_exit = True
            assert await one.is_ended()
            assert await other.is_ended()
        wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "api"])


def test_who_speaks_http_1_0_gets_no_chunks(url: str) -> None:
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=60) as old:
        old.sendall(b"GET /api/v1/stream HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = b""
        while b"retry:" not in answer:
            answer += old.recv(1 << 16)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert body.startswith(b"event: snapshot\n")


async def test_no_stream_has_a_length_so_head_is_refused(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        assert (await client.head("/api/v1/stream")).status_code == 405
        answer = await client.head("/api/v1/units")
        assert (answer.status_code, answer.content) == (200, b"")
