"""Fan-out to browsers: 1,000 units moving once a second, 200 open streams.

The server is a process of its own, so its share of a core can be read; the streams are raw sockets, and a few
of them are read for the time between `Live.apply_fix` and the arrival of the bytes. The reference is the
plain way on the same server: the same units, an event for every update and every browser.
"""

import asyncio
import logging
import multiprocessing
import re
import resource
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from firmware import wire
from ingest.api.server import ApiServer
from ingest.instants import parse_instant
from tests.bench.report import Report
from tests.ingest.api.parts import Parts

UNITS = 1000
UPDATES_PER_S = 1000
BROWSERS = 200
READ_BROWSERS = 4
SECONDS = 4.0
RUNS = 3
TICK_MS = 50
GNSS = wire.CLOCKS.index("gnss")
SAMPLED = re.compile(rb'"sampled_at": ?"([^"]+)"')


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def run(report: Report) -> None:
    plain = measured(plain_app)
    idle = measured(shared_app, browsers=1)
    runs = [measured(shared_app) for _ in range(1 if report.is_short else RUNS)]
    name = f"{BROWSERS} browsers, {UPDATES_PER_S:,} updates/s"
    reference = "an event each for each"
    shares = [one.core_percent for one in runs]
    report.row(f"{name}: server", shares, "% of a core", reference, plain.core_percent, "<= 10")
    fan_out = [share - idle.core_percent for share in shares]
    report.row(f"{name}: of that, fan-out", fan_out, "% of a core")
    for percent, goal in ((50, ""), (99, "<= 100")):
        delays_ms = [one.percentile(percent) for one in runs]
        row = f"{name}: apply to bytes, p{percent}"
        report.row(row, delays_ms, "ms", reference, plain.percentile(percent), goal)
    seen = [one.seen_percent for one in runs]
    report.row(f"{name}: updates seen", seen, "%", reference, plain.seen_percent)
    kilobytes_per_s = [one.bytes_per_s / 1000 for one in runs]
    report.row("bytes to each browser", kilobytes_per_s, "kB/s", reference, plain.bytes_per_s / 1000)


@dataclass
class Measured:
    """What a run of one server gave."""

    core_percent: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    seen_percent: float = 0.0
    bytes_per_s: float = 0.0

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.latencies_ms, n=100)[percent - 1]


def measured(
    app: Any, browsers: int = BROWSERS, units: int = UNITS, updates_per_s: float = UPDATES_PER_S
) -> Measured:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=serve, args=(app, theirs, units, updates_per_s)
    )
    server.start()
    try:
        return asyncio.run(listened(ours, browsers, updates_per_s))
    finally:
        ours.send("end")
        server.join(10)
        server.kill()


async def listened(server: Connection, browsers: int, updates_per_s: float) -> Measured:
    port = await asyncio.to_thread(server.recv)
    out = Measured()
    total = 0
    is_on = False

    async def browse(is_read: bool) -> None:
        nonlocal total
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
        writer.write(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while True:
            data = await reader.read(1 << 20)
            if is_on:
                total += len(data)
                if is_read:
                    at_ms = time.time_ns() / 1e6
                    out.latencies_ms += [
                        at_ms - parse_instant(text.decode()) for text in SAMPLED.findall(data)
                    ]

    reading = [asyncio.create_task(browse(number < READ_BROWSERS)) for number in range(browsers)]
    await asyncio.sleep(2.0)  # the snapshots are through
    server.send("begin")
    is_on = True
    began_s = time.monotonic()
    await asyncio.sleep(SECONDS)
    server.send("read")
    cpu_s = await asyncio.to_thread(server.recv)
    took_s = time.monotonic() - began_s
    is_on = False
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    expected = updates_per_s * took_s * min(browsers, READ_BROWSERS)
    out.core_percent = 100 * cpu_s / took_s
    out.seen_percent = 100 * len(out.latencies_ms) / expected
    out.bytes_per_s = total / took_s / browsers
    return out


# --- the server's process ---


def serve(make: Any, control: Connection, units: int, updates_per_s: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(Path(folder) / "store.sqlite3", tick_ms=TICK_MS)
        parts.now_ms = now_ms()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(512)
            server = ApiServer(make(parts), "127.0.0.1", 0)
            control.send(listener.getsockname()[1])
            threading.Thread(target=move_all, args=(parts, units, updates_per_s), daemon=True).start()
            threading.Thread(target=obey, args=(control, server), daemon=True).start()
            asyncio.run(server.serve(sockets=[listener]))
        parts.close()


def obey(control: Connection, server: ApiServer) -> None:
    began_s = 0.0
    while (word := control.recv()) != "end":
        if word == "begin":
            began_s = cpu_s()
        else:
            control.send(cpu_s() - began_s)
    server.should_exit = True


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def move_all(parts: Parts, units: int, updates_per_s: float) -> None:
    """The units move in turn, evenly spread, for ever."""
    values: dict[str, Any] = dict.fromkeys(wire.KINDS["fix"].by_name) | {
        "lon_e7": 1_117_000_000,
        "speed_cm_s": 1200,
        "course_ddeg": 900,
        "satellites": 12,
        "hdop_c": 90,
        "fix_mode": 2,
        "quality": 0,
    }
    due_s = time.monotonic()
    number, due = 0, 0.0
    while True:
        time_ms = now_ms()
        due += updates_per_s / 100
        while number < due:
            number += 1
            moved = values | {"lat_e7": 408_000_000 + number}
            parts.live.apply_fix(f"van-{number % units}", time_ms, GNSS, moved, time_ms)
        due_s += 0.01
        time.sleep(max(0.0, due_s - time.monotonic()))


def shared_app(parts: Parts) -> FastAPI:
    return parts.app


def plain_app(parts: Parts) -> FastAPI:
    """The reference: every browser asks for itself, and gets an event for every update."""
    app = parts.app
    app.router.routes.clear()
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it goes on writing to who has left

    async def events() -> AsyncIterator[bytes]:
        revision = parts.live.snapshot()[0]
        while True:
            await asyncio.sleep(TICK_MS / 1000)
            revision, units = parts.live.changed_since(revision)
            for unit in units:
                yield b"event: update\ndata: %b\n\n" % unit

    @app.get("/api/v1/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(events(), media_type="text/event-stream")

    return app
