"""The service's real parts around the API, without a broker: store, ledger, live state, and a real server."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from firmware import wire
from ingest.api.app import create_app
from ingest.api.context import Context, FirmwareTerms, LibraryTerms, Readiness
from ingest.api.server import ApiServer
from ingest.erasing import erase
from ingest.history.chunk import Chunk
from ingest.history.factory import SqliteHistories
from ingest.history.sqlite import SqliteHistory
from ingest.history.sqlite_schema import prepare
from ingest.ledger import units
from ingest.ledger.erasures import Erasure
from ingest.ledger.files import open_access, open_store
from ingest.live import Live
from ingest.reader import Reader
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import wait_until

NOW_MS = 1_795_251_600_000  # 2026-11-21T09:00:00Z
DAY_START_MS = NOW_MS - NOW_MS % 86_400_000
EPOCH = "00112233445566aa"
BOOT = "aabbccddeeff0011"
CARD_KEY = b"0123456789abcdef"
LOCAL = ("127.0.0.1", 50000)
GNSS = wire.CLOCKS.index("gnss")


@dataclass
class Parts:
    """What the service would give the API; `sent` is what units get."""

    path: Path
    now_ms: int = NOW_MS
    readiness: Readiness = field(default_factory=lambda: Readiness(True, True))
    is_broker_there: bool = True
    tick_ms: int = 20
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    firmware: FirmwareTerms = field(default_factory=FirmwareTerms)

    def __post_init__(self) -> None:
        self.writer = open_store(self.path)
        prepare(self.writer)
        self.history = SqliteHistory(self.writer)
        self.access = open_access(self.path)
        self.live = Live()
        self.registry = CollectorRegistry()
        self.seqs: dict[tuple[str, str], int] = {}
        self.context = Context(
            reader=Reader(self.path, SqliteHistories()),
            live=self.live,
            access=self.access,
            register_unit=self.register_unit,
            erase_unit=self.erase_unit,
            change=self.change,
            send_command=self.send_command,
            readiness=lambda: self.readiness,
            registry=self.registry,
            now_ms=lambda: self.now_ms,
            instance="c0ffee",
            tick_ms=self.tick_ms,
            library=LibraryTerms("sip2", CARD_KEY),
            firmware=self.firmware,
        )
        self.app = create_app(self.context)

    def close(self) -> None:
        self.context.reader.close()
        self.access.close()
        self.writer.close()

    def register_unit(self, unit: str, name: str | None, capabilities: list[str]) -> bool:
        is_known = units.register(self.writer, unit, name, capabilities)
        if is_known:
            self.live.register(unit, name, capabilities)
        return is_known

    def erase_unit(self, unit: str, who: str) -> Erasure | None:
        if units.find(self.writer, unit) is None:
            return None
        self.live.erase(unit, self.now_ms)
        return erase(self.writer, self.history, unit, who, "c0ffee", self.now_ms)

    def change(self, work: Callable[[sqlite3.Connection], Any], wait_s: float = 5) -> Any:
        del wait_s
        self.writer.execute("BEGIN IMMEDIATE")
        try:
            result = work(self.writer)
        except BaseException:
            self.writer.execute("ROLLBACK")
            raise
        self.writer.execute("COMMIT")
        return result

    def send_command(self, unit: str, command: dict[str, Any]) -> bool:
        if self.is_broker_there:
            self.sent.append((unit, command))
        return self.is_broker_there

    def hear_of(self, unit: str) -> None:
        """The unit is known from now on, to the ledger and on the map."""
        units.see(self.writer, [unit], self.now_ms)
        self.live.note_news([unit], self.now_ms)

    def write(self, unit: str, kind: str, times_ms: Sequence[int], source: str = "", **columns: Any) -> None:
        """Store records of a kind as the pipeline does; a column may be one value for all rows."""
        units.see(self.writer, [unit], self.now_ms)
        lane = wire.KINDS[kind].lane
        prev = self.seqs.get((unit, lane), 0)
        self.seqs[unit, lane] = prev + len(times_ms)
        for at in range(0, len(times_ms), 1000):
            rows = slice(at, at + 1000)
            group = group_of(
                kind,
                source,
                times_ms[rows],
                prev + at,
                {
                    name: column[rows] if isinstance(column, list) else column
                    for name, column in columns.items()
                },
            )
            body = bytes(wire.encode_group(group, prev + at))
            chunk = Chunk(unit, EPOCH, lane, BOOT, prev + at, group, body, self.now_ms)
            self.writer.execute("BEGIN IMMEDIATE")
            self.history.write([chunk])
            self.writer.execute("COMMIT")

    def client(
        self, address: tuple[str, int] = LOCAL, host: str = "localhost", **settings: Any
    ) -> httpx.AsyncClient:
        """A browser's or a program's requests, straight into the app."""
        transport = httpx.ASGITransport(self.app, client=address)
        return httpx.AsyncClient(transport=transport, base_url=f"http://{host}", **settings)


def group_of(
    kind: str, source: str, times_ms: Sequence[int], prev: int, columns: dict[str, Any]
) -> wire.Group:
    """A group whose columns are given whole, as one value for all rows, or not at all (absent)."""
    rows = len(times_ms)
    whole = {
        "seq": list(range(prev + 1, prev + 1 + rows)),
        "time_ms": list(times_ms),
        "boot_at_ms": [DAY_START_MS] * rows,
        "clock": [GNSS] * rows,
    }
    for name in wire.KINDS[kind].by_name:
        whole[name] = [None] * rows
    for name, column in columns.items():
        whole[name] = column if isinstance(column, list) else [column] * rows
    return wire.Group(kind, source or wire.KINDS[kind].source, whole)


@contextmanager
def served(app: FastAPI) -> Iterator[tuple[str, ApiServer]]:
    """The app behind its real server on a free port, ended as the service ends it."""
    port = free_port()
    server = ApiServer(app, "127.0.0.1", port)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), name="api")
    thread.start()
    try:
        wait_until(lambda: server.started, what="the server")
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the server did not end"
