"""Fixes per second from a real Mosquitto to committed and receipted, and what they cost on the disk.

The flood's units wait for receipts as real ones do. A rate is that of the run's steady stretch (see flood),
so that neither the start nor the end of a few seconds counts. References in the same run, in turn with the
runs of the service: a paho subscriber that only counts, on the same broker, and a bare executemany into the
same table. Every run has a broker and a store of its own.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

from ingest.decode import decode_with_chunks
from ingest.history import sqlite_schema
from ingest.history.chunk import Chunk
from ingest.history.sqlite import SqliteHistory
from ingest.ledger.files import open_store
from tests.bench.bench_agent import cpu_s
from tests.bench.flood import payloads
from tests.bench.report import Report
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.ports import free_port
from tests.fixtures.programs import ROOT, Program, module_command
from tests.fixtures.waiting import wait_until

UNITS = 200
FLEET, FLEET_WINDOW = 1000, 2  # as many as a county may have, each with the usual window
BACKLOG_WINDOW = 40
BATCHES = 500  # of a unit: some seconds
RUNS, SHORT_RUNS = 5, 2
GOALS = {60: ">= 800,000"}
SAMPLE_S = 0.2
PAGE_BYTES = 4096


class Flooded(NamedTuple):
    """What a flood told; the service's memory in MB while it lasted, and its processor time."""

    seconds: float
    batches_per_s: float
    rss_mb: list[float]
    service_s: float

    @property
    def rss_growth(self) -> float:
        """The memory at the end over that at a third of the time, when queues and caches are filled."""
        return self.rss_mb[-1] / self.rss_mb[len(self.rss_mb) // 3]


class Line:
    """A broker and, if asked, a service with an empty store, in a folder that goes away.

    `settings` are further lines of the service's settings, such as another history.
    """

    def __init__(self, folder: Path, *, has_service: bool, settings: str = "") -> None:
        self._folder = folder
        self.broker = Mosquitto(folder / "broker", ["max_queued_messages 0", "max_inflight_messages 1000"])
        self.store = folder / "ortoo.sqlite3"
        self.http_port = free_port()
        self._has_service = has_service
        config = folder / "ingest.toml"
        config.write_text(
            f"[broker]\nport = {self.broker.port}\n[store]\npath = '{self.store}'\n"
            f"[http]\nport = {self.http_port}\n{settings}"
        )
        command = module_command("ingest", "run", "--config", str(config))
        self.service = Program(command, folder / "service.log")

    def __enter__(self) -> "Line":
        self.broker.start()
        if self._has_service:
            self.service.start()
            wait_until(self._is_ready, 30, what="the service")
        return self

    def __exit__(self, *_: object) -> None:
        self.service.stop()
        self.broker.kill()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=1):
                return True
        except OSError:
            return False

    def flood(self, units: int, batches: int, rows: int, window: int, period_s: int = 1) -> Flooded:
        numbers = (self.broker.port, units, batches, rows, window, period_s)
        command = module_command("tests.bench.flood", *map(str, numbers))
        rss_mb, before_s = [], self._service_s()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as flood:
            while flood.poll() is None:
                time.sleep(SAMPLE_S)
                if self.service.is_running:
                    pages = Path(f"/proc/{self.service.pid}/statm").read_text().split()[1]
                    rss_mb.append(int(pages) * PAGE_BYTES / 1e6)
            assert flood.stdout is not None
            said = flood.stdout.read()
        assert not flood.returncode, "the flood gave up"
        return Flooded(**json.loads(said), rss_mb=rss_mb, service_s=self._service_s() - before_s)

    def _service_s(self) -> float:
        return cpu_s(self.service.pid) if self.service.is_running else 0.0

    def store_bytes(self) -> int:
        """What the store takes once the service has left."""
        self.service.stop()
        connection = open_store(self.store)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return self.store.stat().st_size


def through(units: int, batches: int, rows: int, window: int, settings: str = "") -> tuple[Flooded, float]:
    """What the whole line did, and bytes per fix on the disk."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Line(Path(folder), has_service=True, settings=settings) as line,
    ):
        flooded = line.flood(units, batches, rows, window)
        return flooded, line.store_bytes() / (units * batches * rows)


def bare_subscriber(units: int, batches: int, rows: int) -> float:
    """Batches per second that only pass by."""
    with tempfile.TemporaryDirectory() as folder, Line(Path(folder), has_service=False) as line:
        messages = units * batches
        counter = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.bare_subscriber", str(line.broker.port), str(messages)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        with counter:
            assert counter.stdout is not None
            counter.stdout.readline()
            line.flood(units, batches, rows, 0)
            return float(counter.stdout.readline())


def bare_loop(units: int, batches: int, rows: int, period_s: int = 1) -> float:
    """Fixes per second of one executemany per 500 chunks, all else ready."""
    with tempfile.TemporaryDirectory() as folder:
        connection = open_store(Path(folder) / "bare.sqlite3")
        sqlite_schema.prepare(connection)
        chunks = [
            Chunk(
                f"u-{unit}",
                batch.epoch,
                batch.lane,
                batch.boot,
                batch.prev,
                batch.groups[0],
                bodies[0],
                1 << 41,
            )
            for batch, bodies in map(decode_with_chunks, payloads(batches, rows, period_s))
            for unit in range(units)
        ]
        store = SqliteHistory(connection)
        began_s = time.perf_counter()
        for at in range(0, len(chunks), 500):
            connection.execute("BEGIN")
            store.write(chunks[at : at + 500])
            connection.execute("COMMIT")
        seconds = time.perf_counter() - began_s
        connection.close()
        return len(chunks) * rows / seconds


def run(report: Report) -> None:
    runs = SHORT_RUNS if report.is_short else RUNS
    for rows in (1, 10, 60):
        backlog(report, rows, runs)
    fleet = [through(FLEET, BATCHES // 5, 60, FLEET_WINDOW)[0] for _ in range(runs)]
    rates = [60 * flooded.batches_per_s for flooded in fleet]
    report.row(f"{FLEET} units, window {FLEET_WINDOW}, batches of 60", rates, "fixes/s")


def backlog(report: Report, rows: int, runs: int) -> None:
    """All rows of the report about batches of one size."""
    bare, loops, lines, sizes = [], [], [], []
    for _ in range(runs):
        bare.append(bare_subscriber(UNITS, BATCHES, rows))
        flooded, size = through(UNITS, BATCHES, rows, BACKLOG_WINDOW)
        lines.append(flooded)
        sizes.append(size)
        loops.append(bare_loop(UNITS, BATCHES // 4, rows))
    name = f"batches of {rows} to SQLite"
    batches = [flooded.batches_per_s for flooded in lines]
    fixes = [rows * rate for rate in batches]
    report.row(name, fixes, "fixes/s", "bare executemany", loops, GOALS.get(rows, ""))
    report.row(name, batches, "batches/s", "bare paho subscriber", bare)
    spent_us = [1e6 * flooded.service_s / (UNITS * BATCHES * rows) for flooded in lines]
    report.row(f"{name}, the service's processor time", spent_us, "us/fix")
    report.row(f"{name}, on the disk", sizes, "B/fix", goal="<= 10" if rows == 60 else "")
    report.row(f"{name}, memory at most", [max(flooded.rss_mb) for flooded in lines], "MB")
