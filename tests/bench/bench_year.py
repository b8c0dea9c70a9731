"""What a year of one vehicle with one cabinet takes on the disk, in SQLite and in a real InfluxDB, by kind.

250 days of eight hours in town as a unit sends them, a cabinet and the supply every minute, the unit's health
every five. InfluxDB's are the files of each retention class once it has compacted them, which it is told to
do at once; beside them stand the bytes of its index in the ledger's file. Then both are asked the same, by
the clock, because InfluxDB is a process of its own.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ingest.history import History, influx_index
from ingest.history.chunk import Chunk
from ingest.history.classes import class_of
from ingest.history.influx import InfluxHistory
from ingest.history.sqlite import SqliteHistory
from ingest.ledger.files import open_reading, open_store
from tests.bench.bench_influx import Stand
from tests.bench.report import Report
from tests.bench.stores import DAY_MS, DUTY_DAYS, DUTY_S, END_MS, Store, year
from tests.fixtures.waiting import wait_until

UNIT = "bench-1"
EACH = 500  # chunks in one write
AT_ONCE = ['cache-snapshot-write-cold-duration = "1s"', 'compact-full-write-cold-duration = "1s"']
QUIET_S = 15  # without a change of the files
RUNS = 5
HOUR_MS = 3_600_000
# What is asked of a year, and of which kind.
QUESTIONS: dict[str, tuple[str, Callable[[History], object]]] = {
    "a day's track as sent": ("fix", lambda own: own.read(UNIT, "fix", None, END_MS - DAY_MS, END_MS)),
    "a month's": ("fix", lambda own: own.read(UNIT, "fix", None, END_MS - 31 * DAY_MS, END_MS)),
    "the newest fix": ("fix", lambda own: own.newest(UNIT, "fix", "gnss")),
    "a cabinet's quarter by hours": (
        "climate",
        lambda own: own.buckets(
            UNIT, "climate", "probe", ["temperature_cc"], END_MS - 92 * DAY_MS, END_MS, HOUR_MS
        ),
    ),
}


def in_sqlite(folder: Path, report: Report) -> dict[str, int]:
    """Rows by kind."""
    total, counts = 0, {}
    for kind, some in year(UNIT).items():
        store = Store(sqlite_path(folder, kind))
        empty = store.path.stat().st_size
        counts[kind] = rows = store.put(some)
        size = store.close() - empty
        total += size
        report.row(f"a year of {kind}, {rows:,} rows, SQLite", size / 1e6, "MB")
        report.row(f"a year of {kind}, a row, SQLite", size / rows, "bytes")
        if kind == "fix":
            report.row("a year of fix, a second driven, SQLite", size / (DUTY_DAYS * DUTY_S), "bytes")
    report.row("a year of one vehicle with one cabinet, SQLite", total / 1e6, "MB")
    return counts


def in_influx(folder: Path, counts: dict[str, int], report: Report) -> None:
    ledger = folder / "index.sqlite3"
    connection = open_store(ledger)
    influx_index.prepare(connection)
    empty = ledger.stat().st_size
    stand = Stand(folder, AT_ONCE)
    try:
        history = InfluxHistory(stand.server, connection)
        for some in year(UNIT).values():
            keep(history, some)
        total = 0
        for name in sorted({class_of(kind) for kind in counts}):
            size = settled_bytes(*(stand.data / part / "ortoo" / name for part in ("data", "wal")))
            total += size
            kinds = [kind for kind in counts if class_of(kind) == name]
            rows = sum(counts[kind] for kind in kinds)
            what = f"a year of {' and '.join(kinds)}"
            report.row(f"{what}, {rows:,} rows, InfluxDB", size / 1e6, "MB")
            report.row(f"{what}, a row, InfluxDB", size / rows, "bytes")
        report.row("a year of one vehicle with one cabinet, InfluxDB", total / 1e6, "MB")
        for what, (kind, ask) in QUESTIONS.items():
            with contextlib.closing(open_reading(sqlite_path(folder, kind))) as reading:
                embedded = SqliteHistory(reading)
                bare = taken_ms(lambda ask=ask, own=embedded: ask(own))
            took = taken_ms(lambda ask=ask: ask(history))
            report.row(f"{what}, InfluxDB", took, "ms", "SQLite", bare)
    finally:
        stand.close()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    report.row("the index of that year in the ledger's file", (ledger.stat().st_size - empty) / 1e6, "MB")


def sqlite_path(folder: Path, kind: str) -> Path:
    return folder / f"year-{kind}.sqlite3"


def taken_ms(work: Callable[[], object]) -> list[float]:
    """Several runs by the clock."""
    out = []
    for _ in range(RUNS):
        began_s = time.perf_counter()
        work()
        out.append(1000 * (time.perf_counter() - began_s))
    return out


def keep(history: InfluxHistory, some: Iterable[Chunk]) -> None:
    chunks = list(some)
    for at in range(0, len(chunks), EACH):
        history.write(chunks[at : at + EACH])
        assert history.settle() == []


def settled_bytes(folder: Path, log: Path) -> int:
    """The bytes below a folder and of its log, once nothing changes any more."""
    last, since_s = -1, time.monotonic()

    def is_settled() -> bool:
        nonlocal last, since_s
        size = bytes_below(folder) + bytes_below(log)
        if size != last:
            last, since_s = size, time.monotonic()
        return time.monotonic() - since_s >= QUIET_S

    wait_until(is_settled, 600, what=f"InfluxDB to compact {folder.name}")
    return last


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as name:
        counts = in_sqlite(Path(name), report)
        if not report.is_short:
            in_influx(Path(name), counts, report)
