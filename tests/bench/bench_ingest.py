"""Fixes per second from a real Mosquitto to committed and receipted, and what they cost on the disk.

The flood's units wait for receipts as real ones do. References in the same run: a paho subscriber that only
counts, on the same broker, and a bare executemany into the same table.
"""

import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from ingest.decode import decode_with_chunks
from ingest.history import sqlite as history
from ingest.history.chunk import Chunk
from ingest.history.sqlite import SqliteHistory
from ingest.ledger.files import open_store
from tests.bench.flood import payloads
from tests.bench.report import Report
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.ports import free_port
from tests.fixtures.programs import ROOT, Program, module_command
from tests.fixtures.waiting import wait_until

UNITS = 200
FLEET, FLEET_WINDOW = 1000, 2  # as many as a county may have, each with the usual window
BACKLOG_WINDOW = 40
RUNS = 3
GOAL = ">= 800,000"


class Line:
    """A broker and, if asked, a service with an empty store, in a folder that goes away."""

    def __init__(self, folder: Path, *, has_service: bool) -> None:
        self._folder = folder
        self.broker = Mosquitto(folder / "broker", ["max_queued_messages 0", "max_inflight_messages 1000"])
        self.store = folder / "ortoo.sqlite3"
        self.http_port = free_port()
        self._has_service = has_service
        config = folder / "ingest.toml"
        config.write_text(
            f"[broker]\nport = {self.broker.port}\n[store]\npath = '{self.store}'\n"
            f"[http]\nport = {self.http_port}\n"
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

    def flood(self, units: int, batches: int, rows: int, window: int) -> float:
        """The seconds it took."""
        said = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.bench.flood",
                *map(str, (self.broker.port, units, batches, rows, window)),
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        return float(said.stdout)

    def store_bytes(self) -> int:
        """What the store takes once the service has left."""
        self.service.stop()
        connection = open_store(self.store)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return self.store.stat().st_size


def through(units: int, batches: int, rows: int, window: int) -> tuple[float, float]:
    """(fixes per second, bytes per fix on the disk) of the whole line."""
    with tempfile.TemporaryDirectory() as folder, Line(Path(folder), has_service=True) as line:
        seconds = line.flood(units, batches, rows, window)
        fixes = units * batches * rows
        return fixes / seconds, line.store_bytes() / fixes


def bare_subscriber(units: int, batches: int, rows: int) -> float:
    """Fixes per second that only pass by."""
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
            return messages * rows / float(counter.stdout.readline())


def bare_loop(units: int, batches: int, rows: int) -> float:
    """Fixes per second of one executemany per 500 chunks, all else ready."""
    with tempfile.TemporaryDirectory() as folder:
        connection = open_store(Path(folder) / "bare.sqlite3")
        history.prepare(connection)
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
            for batch, bodies in map(decode_with_chunks, payloads(batches, rows))
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
    for rows, batches in ((1, 100), (10, 100), (60, 200)):
        bare = [bare_subscriber(UNITS, batches, rows) for _ in range(RUNS)]
        measured = [through(UNITS, batches, rows, BACKLOG_WINDOW) for _ in range(RUNS)]
        rates, sizes = zip(*measured, strict=True)
        goal = GOAL if rows == 60 else ""
        report.row(f"backlog, batches of {rows}", rates, "fixes/s", "bare paho subscriber", bare, goal)
        report.row(f"batches of {rows}, on the disk", sizes, "B/fix", goal="<= 10" if rows == 60 else "")
    fleet = [through(FLEET, 30, 60, FLEET_WINDOW)[0] for _ in range(RUNS)]
    report.row(f"{FLEET} units, window {FLEET_WINDOW}, batches of 60", fleet, "fixes/s", "the same", bare)
    loops = [bare_loop(UNITS, 150, 60) for _ in range(RUNS)]
    report.row("batches of 60, bare executemany", loops, "fixes/s")
