"""Questions to the service: where all units are, a unit's day and month, a cabinet's quarter.

Over HTTP from the real server, in processor time of both ends, which is what a browser on a quiet machine
waits for; cold is the first question to a fresh process whose store the kernel has forgotten, by the clock.
References in the same run: the same blobs fetched from SQLite and left as they are, and `json.dumps` of the
same answer.
"""

import contextlib
import http.client
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware import wire
from ingest.api.asked import AskedTrack
from ingest.api.formats import json_text
from ingest.api.track import read_fixes
from ingest.history import Buckets
from ingest.history.sqlite import SqliteHistory
from ingest.ledger import last_values
from ingest.ledger.files import open_reading
from tests.bench.report import Report
from tests.bench.stopwatch import taken_ms
from tests.bench.stores import (
    DAY_MS,
    END_MS,
    Store,
    bare_bodies,
    chunks,
    columns_of,
    forget_pages,
    sense,
)
from tests.bench.tracks import drive
from tests.fixtures.programs import ROOT
from tests.ingest.api.parts import GNSS, Parts, served

UNIT = "bench-1"
DAYS = 31
STEP_S = 10
COLD_RUNS = 5
SIZES = (1000, 10_000)
HOUR_MS = 3_600_000
QUARTER_DAYS = 92
QUARTER_MS = END_MS - QUARTER_DAYS * DAY_MS  # when it begins


def month(store: Store) -> None:
    """A fix every ten seconds for a month, round the clock, as the receiver gave it."""
    fixes = drive(DAY_MS // 1000)
    for day in range(DAYS):
        begin_ms = END_MS - (DAYS - day) * DAY_MS
        columns = columns_of(fixes, begin_ms, STEP_S)
        store.put(chunks(UNIT, "fix", columns, 1 + day * len(columns["time_ms"])))


def fetched(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    return connection.getresponse().read()


def track_path(days: int, form: str = "json", tolerance_m: int = 0) -> str:
    asked = f"from={END_MS - days * DAY_MS}&to={END_MS}&format={form}&tolerance_m={tolerance_m}"
    return f"/api/v1/units/{UNIT}/track?{asked}"


def warm(path: Path, report: Report) -> None:
    parts = Parts(path, now_ms=END_MS)
    with served(parts.app) as (address, _):
        connection = http.client.HTTPConnection(address.removeprefix("http://"))
        bare = taken_ms(lambda: bare_bodies(path, UNIT, "fix", END_MS - DAY_MS, END_MS))
        for form, tolerance_m in (("json", 0), ("json", 5), ("geojson", 0), ("csv", 0), ("gpx", 0)):
            asked = track_path(1, form, tolerance_m)
            shown = f"a day, {DAY_MS // 1000 // STEP_S:,} fixes, {form}"
            shown += f" within {tolerance_m} m" if tolerance_m else ""
            goal = "<= 10" if (form, tolerance_m) == ("json", 0) else ""
            took_ms = taken_ms(lambda asked=asked: fetched(connection, asked))
            report.row(shown, took_ms, "ms", "bare fetch of the blobs", bare, goal)
        answer = json.loads(fetched(connection, track_path(1)))
        dumped = taken_ms(lambda: json.dumps(answer))
        report.row("json.dumps of that day's answer", dumped, "ms", "bare fetch of the blobs", bare)
        bare = taken_ms(lambda: bare_bodies(path, UNIT, "fix", END_MS - DAYS * DAY_MS, END_MS), 5)
        for tolerance_m in (0, 20):
            shown = f"a month, {DAYS * DAY_MS // 1000 // STEP_S:,} fixes, json"
            shown += f" within {tolerance_m} m" if tolerance_m else ""
            took_ms = taken_ms(lambda t=tolerance_m: fetched(connection, track_path(DAYS, "json", t)), 5)
            report.row(shown, took_ms, "ms", "bare fetch of the blobs", bare)
        connection.close()
    parts.close()


COLD = """
import sys, time
from pathlib import Path
from tests.bench.bench_query import asked_quarter, asked_track
ask = asked_quarter(Path(sys.argv[1])) if sys.argv[2] == "quarter" else asked_track(*sys.argv[1:])
began_s = time.perf_counter()
ask()
print(1000 * (time.perf_counter() - began_s))
"""


def cold_ms(path: Path, what: str) -> list[float]:
    """The first question to a fresh process, the kernel without a page of the store, several times."""
    command = [sys.executable, "-c", COLD, str(path), what]
    out = []
    for _ in range(COLD_RUNS):
        forget_pages(path)
        said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        out.append(float(said))
    return out


def asked_track(path: str, days: str) -> Callable[[], object]:
    """A track as the API answers it, without HTTP."""
    parts = Parts(Path(path), now_ms=END_MS)
    asked = AskedTrack(UNIT, END_MS - int(days) * DAY_MS, END_MS, 0, None)
    return lambda: sum(map(len, json_text(asked, read_fixes(parts.context.reader, asked))))


def asked_quarter(path: Path) -> Callable[[], Buckets]:
    """A cabinet's quarter in hours: least, most and mean of two numbers."""
    history = SqliteHistory(open_reading(path))
    names = ["temperature_cc", "humidity_cpct"]
    return lambda: history.buckets(UNIT, "climate", "probe", names, QUARTER_MS, END_MS, HOUR_MS)


def quarter(path: Path, report: Report) -> None:
    ask = asked_quarter(path)
    assert len(ask().begin_ms) == QUARTER_DAYS * 24
    bare = taken_ms(lambda: bare_bodies(path, UNIT, "climate", QUARTER_MS, END_MS), 5)
    name = "a cabinet's quarter, 132,480 readings, by hours"
    report.row(name, taken_ms(ask, 5), "ms", "bare fetch of the blobs", bare)
    report.row(f"{name}, cold", cold_ms(path, "quarter"), "ms")


def move(parts: Parts, units: int, time_ms: int) -> None:
    """A new fix of every unit."""
    values: dict[str, Any] = dict.fromkeys(wire.KINDS["fix"].by_name)
    values |= {"lon_e7": 1_117_000_000, "speed_cm_s": 1200, "course_ddeg": 900, "fix_mode": 2, "quality": 0}
    for number in range(units):
        moved = values | {"lat_e7": 408_000_000 + number}
        parts.live.apply_fix(f"van-{number}", time_ms, GNSS, moved, time_ms)


def positions(folder: Path, units: int, report: Report) -> None:
    """Where all of them are, from memory as the map asks and from the ledger as a restart does."""
    store = Store(folder / f"last-{units}.sqlite3")
    columns = columns_of(drive(600), END_MS - 600_000, STEP_S)
    store.put(chunks("van-0", "fix", columns))
    store.copy("van-0", [f"van-{number}" for number in range(1, units)])
    store.close()
    parts = Parts(store.path, now_ms=END_MS)
    move(parts, units, END_MS)
    name = f"last position of {units:,} units"
    with served(parts.app) as (address, _):
        connection = http.client.HTTPConnection(address.removeprefix("http://"))
        answer = json.loads(fetched(connection, "/api/v1/live"))
        dumped = taken_ms(lambda: json.dumps(answer))
        goal = "<= 20" if units == SIZES[-1] else ""
        took_ms = taken_ms(lambda: fetched(connection, "/api/v1/live"))
        report.row(name, took_ms, "ms", "json.dumps of the answer", dumped, goal)
        changed = []
        for step in range(5):
            move(parts, units, END_MS + step)
            changed += taken_ms(lambda: fetched(connection, "/api/v1/live"), 1)
        report.row(f"{name}, every one moved since", changed, "ms", "json.dumps of the answer", dumped)
        connection.close()
    parts.close()
    from_ledger(store.path, units, report)


def from_ledger(path: Path, units: int, report: Report) -> None:
    names = [f"van-{number}" for number in range(units)]
    with contextlib.closing(open_reading(path)) as connection:
        bare = taken_ms(lambda: connection.execute("SELECT * FROM last_value").fetchall(), 5)
        took_ms = taken_ms(lambda: [last_values.of_unit(connection, name) for name in names], 5)
        decoded_ms = taken_ms(
            lambda: [last.values for name in names for last in last_values.of_unit(connection, name)], 5
        )
    report.row(
        f"last rows of {units:,} units, from the ledger", took_ms, "ms", "bare fetch of the rows", bare
    )
    report.row(f"{units:,} of them decoded", decoded_ms, "ms", "bare fetch of the rows", bare)


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for units in SIZES:
            positions(folder, units, report)
        store = Store(folder / "month.sqlite3")
        month(store)
        store.put(chunks(UNIT, "climate", sense("climate", QUARTER_DAYS)))
        store.close()
        warm(store.path, report)
        for days, shown in ((1, "a day"), (DAYS, "a month")):
            report.row(f"{shown}, json, cold", cold_ms(store.path, str(days)), "ms")
        quarter(store.path, report)
