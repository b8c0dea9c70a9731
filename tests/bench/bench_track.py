"""A unit's day, a fix every ten seconds in batches of 60, from the question to the last byte of the text.

The reference reads the same rows and writes an object for each fix with the standard library.
"""

import json
import tempfile
from pathlib import Path

from ingest.api.asked import AskedTrack
from ingest.api.formats import FORMATS, NUMBERS
from ingest.api.track import read_fixes
from ingest.instants import iso
from tests.bench.report import Report
from tests.bench.stopwatch import taken_ms
from tests.bench.stores import columns_of
from tests.bench.tracks import drive
from tests.ingest.api.parts import DAY_START_MS, NOW_MS, Parts

DAY_MS = 86_400_000
UNIT = "library-01"
FIXES = 8640
BATCH = 60
RUNS = 15


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(Path(folder) / "store.sqlite3", now_ms=NOW_MS + DAY_MS)
        road = columns_of(drive(DAY_MS // 1000), DAY_START_MS, DAY_MS // 1000 // FIXES)
        times_ms = road.pop("time_ms")
        for at in range(0, FIXES, BATCH):
            rows = slice(at, at + BATCH)
            batch = {name: column[rows] for name, column in road.items()}
            parts.write(UNIT, "fix", times_ms[rows], **batch)
        plain_ms = taken_ms(lambda: plain(parts), RUNS)
        for name, tolerance_m in (("json", 0), ("json", 5), ("geojson", 0), ("csv", 0), ("gpx", 0)):
            shown = f"{FIXES:,} fixes as {name}" + (f", simplified to {tolerance_m} m" if tolerance_m else "")
            took_ms = taken_ms(
                lambda name=name, tolerance_m=tolerance_m: text(parts, name, tolerance_m), RUNS
            )
            goal = "<= 10" if (name, tolerance_m) == ("json", 0) else ""
            report.row(shown, took_ms, "ms", "an object for each fix", plain_ms, goal)
        parts.close()


def text(parts: Parts, format_name: str, tolerance_m: float) -> bytes:
    asked = AskedTrack(UNIT, DAY_START_MS, DAY_START_MS + DAY_MS, tolerance_m, None)
    return b"".join(FORMATS[format_name][2](asked, read_fixes(parts.context.reader, asked)))


def plain(parts: Parts) -> str:
    rows = []
    for columns in parts.context.reader.fixes(UNIT, "gnss", DAY_START_MS, DAY_START_MS + DAY_MS):
        for row, time_ms in enumerate(columns["time_ms"]):
            fix = {name: columns[wire_name][row] / (scale or 1) for name, wire_name, scale in NUMBERS}
            rows.append({"sampled_at": iso(time_ms)} | fix)
    return json.dumps(rows)
