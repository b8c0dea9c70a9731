"""How the figures grow from 10 to 10,000 units: in a store with a month of each, and live.

Draws tests/artefacts/growth.svg; `ingest/growth.svg` is a copy of one run. The reference of each row is the
same with ten units.
"""

import http.client
import statistics
import tempfile
from pathlib import Path

from tests.bench.bench_query import fetched, move
from tests.bench.bench_start import Starting
from tests.bench.bench_stream import measured, shared_app
from tests.bench.chart import svg
from tests.bench.report import Report
from tests.bench.runner import RESULT
from tests.bench.stopwatch import taken_ms
from tests.bench.stores import DAY_MS, END_MS, Store, chunks, columns_of
from tests.bench.tracks import drive
from tests.fixtures.mosquitto import Mosquitto
from tests.ingest.api.parts import Parts, served

SIZES = (10, 100, 1000, 10_000)
DAYS = 30
STEP_S = 10
BROWSERS = 50
EACH_S = 10  # a unit says where it is
DRAWING = RESULT.with_name("growth.svg")
FIRST = "unit-0"


def fill(path: Path, units: int) -> None:
    """One unit with a whole last day, the others with a chunk for each day of a month."""
    store = Store(path)
    fixes = drive(60)
    for day in range(DAYS - 1):
        begin_ms = END_MS - (DAYS - day) * DAY_MS
        store.put(chunks(FIRST, "fix", columns_of(fixes, begin_ms), 1 + 60 * day))
    store.copy(FIRST, [f"unit-{number}" for number in range(1, units)])
    day_long = columns_of(drive(DAY_MS // 1000), END_MS - DAY_MS, STEP_S)
    store.put(chunks(FIRST, "fix", day_long, 60 * DAYS))
    store.close()


def asked(path: Path, units: int) -> dict[str, list[float]]:
    """Milliseconds over HTTP."""
    parts = Parts(path, now_ms=END_MS)
    move(parts, units, END_MS)
    track = f"/api/v1/units/{FIRST}/track?from={END_MS - DAY_MS}&to={END_MS}"
    with served(parts.app) as (address, _):
        connection = http.client.HTTPConnection(address.removeprefix("http://"))
        out = {
            "a unit's day, ms": taken_ms(lambda: fetched(connection, track)),
            "all last positions, ms": taken_ms(lambda: fetched(connection, "/api/v1/live")),
        }
        moved = []
        for step in range(5):
            move(parts, units, END_MS + step)
            moved += taken_ms(lambda: fetched(connection, "/api/v1/live"), 1)
        out["the same, all moved, ms"] = moved
        connection.close()
    parts.close()
    return out


def streamed(units: int) -> list[float]:
    """Per cent of a core for 50 browsers while each unit moves every ten seconds."""
    return [measured(shared_app, BROWSERS, units, units / EACH_S).core_percent for _ in range(2)]


def started(folder: Path, path: Path, broker: Mosquitto, runs: int) -> list[float]:
    starting = Starting(folder, broker.port, path)
    starting.seconds()
    return [starting.seconds() for _ in range(runs)]


def run(report: Report) -> None:
    sizes = SIZES[:3] if report.is_short else SIZES
    found: dict[str, list[tuple[float, list[float]]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder / "broker")
        broker.start()
        try:
            for units in sizes:
                path = folder / f"units-{units}.sqlite3"
                fill(path, units)
                figures = asked(path, units)
                figures["start, s"] = started(folder, path, broker, 3)
                figures["50 browsers, % of a core"] = streamed(units)
                for what, runs in figures.items():
                    found.setdefault(what, []).append((units, runs))
        finally:
            broker.kill()
    for what, series in found.items():
        title, unit = what.rsplit(", ", 1)
        for units, runs in series:
            report.row(f"{units:,} units: {title}", runs, unit, f"{sizes[0]} units", series[0][1])
    lines = {
        what: [(units, max(0.01, statistics.median(runs))) for units, runs in series]
        for what, series in found.items()
    }
    DRAWING.parent.mkdir(exist_ok=True)
    DRAWING.write_text(svg("How the figures grow with the fleet", "units", lines))
    print(f"  drawn: {DRAWING}")
