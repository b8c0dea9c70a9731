"""A unit's day, 8,640 fixes in batches of 60, from the handler to the last byte of the answer.

The reference reads the same rows and writes an object for each fix with the standard library.
"""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ingest.api.formats import NUMBERS
from ingest.api.instants import iso
from ingest.api.track import read_track
from tests.bench.report import Report
from tests.ingest.api.parts import DAY_START_MS, NOW_MS, Parts
from tests.ingest.api.test_track import UNIT, drive

DAY_MS = 86_400_000
FIXES = 8640
BATCH = 60
RUNS = 15


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(Path(folder) / "store.sqlite3", now_ms=NOW_MS + DAY_MS)
        road = drive(FIXES)
        for at in range(0, FIXES, BATCH):
            rows = slice(at, at + BATCH)
            batch = {
                name: column[rows] if isinstance(column, list) else column for name, column in road.items()
            }
            parts.write(UNIT, "fix", **batch)
        plain_ms = taken_ms(lambda: plain(parts))
        for name, tolerance_m in (("json", 0), ("json", 5), ("geojson", 0), ("csv", 0)):
            shown = f"{FIXES:,} fixes as {name}" + (f", simplified to {tolerance_m} m" if tolerance_m else "")
            took_ms = taken_ms(lambda name=name, tolerance_m=tolerance_m: answer(parts, name, tolerance_m))
            report.row(shown, took_ms, "ms", "an object for each fix", plain_ms)
        parts.close()


def taken_ms(work: Callable[[], object]) -> list[float]:
    """Time on the processor: the machine may have more to do."""
    out = []
    for _ in range(RUNS):
        began_s = time.process_time()
        work()
        out.append(1000 * (time.process_time() - began_s))
    return out


def answer(parts: Parts, format_name: str, tolerance_m: float) -> bytes:
    day = str(DAY_START_MS), str(DAY_START_MS + DAY_MS)
    return read_track(parts.context, UNIT, *day, tolerance_m, None, format_name).body  # type: ignore[arg-type]


def plain(parts: Parts) -> str:
    rows = []
    for columns in parts.context.reader.fixes(UNIT, "gnss", DAY_START_MS, DAY_START_MS + DAY_MS):
        for row, time_ms in enumerate(columns["time_ms"]):
            fix = {name: columns[wire_name][row] / (scale or 1) for name, wire_name, scale in NUMBERS}
            rows.append({"sampled_at": iso(time_ms)} | fix)
    return json.dumps(rows)
