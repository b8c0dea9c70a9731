"""From starting the service to ready, with a year of history of 1,000 units; cold and warm.

The store is filled directly: for each unit a chunk of a drive for every day of a year. The references are an
empty store, and a process that only imports what the service imports.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.bench.report import Report
from tests.bench.stores import DAY_MS, END_MS, Store, chunks, columns_of, forget_pages
from tests.bench.tracks import drive
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.ports import free_port
from tests.fixtures.programs import ROOT, Program, module_command
from tests.fixtures.waiting import wait_until

UNITS = 1000
DAYS = 365
RUNS = 5


def fill(path: Path, units: int, days: int) -> int:
    """Bytes of the store."""
    store = Store(path)
    fixes = drive(60)
    for day in range(days):
        begin_ms = END_MS - (days - day) * DAY_MS
        store.put(chunks("unit-0", "fix", columns_of(fixes, begin_ms), 1 + 60 * day))
    store.copy("unit-0", [f"unit-{number}" for number in range(1, units)])
    return store.close()


class Starting:
    """The service on one store, started again and again."""

    def __init__(self, folder: Path, broker_port: int, store: Path) -> None:
        self._port = free_port()
        config = folder / f"{store.stem}.toml"
        config.write_text(
            f"[broker]\nport = {broker_port}\n[store]\npath = '{store}'\n[http]\nport = {self._port}\n"
        )
        command = module_command("ingest", "run", "--config", str(config))
        self._service = Program(command, folder / f"{store.stem}.log", env=compiled(folder))

    def seconds(self) -> float:
        """Until it says that it is ready."""
        began_s = time.perf_counter()
        self._service.start()
        try:
            wait_until(self._is_ready, 60, what="the service")
            return time.perf_counter() - began_s
        finally:
            self._service.stop()

    def _is_ready(self) -> bool:
        return is_ready(self._port)


def is_ready(port: int) -> bool:
    """Whether the service there does its work."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
            return True
    except OSError:
        return False


def compiled(folder: Path) -> dict[str, str]:
    """Byte code is kept, as it is where the service is installed."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def importing(folder: Path) -> float:
    """A process that only imports, in seconds."""
    began_s = time.perf_counter()
    command = [sys.executable, "-c", "import ingest.service"]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | compiled(folder))
    return time.perf_counter() - began_s


def run(report: Report) -> None:
    runs = 3 if report.is_short else RUNS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder / "broker")
        broker.start()
        size = fill(folder / "year.sqlite3", UNITS, DAYS)
        fill(folder / "empty.sqlite3", 1, 1)
        try:
            importing(folder)
            bare = [importing(folder) for _ in range(runs)]
            empty = Starting(folder, broker.port, folder / "empty.sqlite3")
            empty.seconds()
            reference = [empty.seconds() for _ in range(runs)]
            full = Starting(folder, broker.port, folder / "year.sqlite3")
            cold = []
            for _ in range(runs):
                forget_pages(folder / "year.sqlite3")
                cold.append(full.seconds())
            warm = [full.seconds() for _ in range(runs)]
        finally:
            broker.kill()
    report.row("start, one unit and a day", reference, "s", "imports alone", bare)
    named = f"start, {UNITS:,} units and a year, {size / 1e6:.0f} MB"
    report.row(f"{named}, cold", cold, "s", "one unit and a day", reference)
    report.row(f"{named}, warm", warm, "s", "one unit and a day", reference)
