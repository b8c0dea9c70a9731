"""The project's own reference data: vectors, and a logger's file; without them tests are skipped."""

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from tests.fixtures.programs import ROOT

DATA = ROOT.parent / "shared" / "data"
LOGGER = DATA / "fridgetag2L_130500109088.txt"
INTERVAL_MS = 300_000


class Sample(NamedTuple):
    time_ms: int
    temperature_cc: int


def vectors() -> dict[str, Any]:
    path = DATA / "vectors.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def logged() -> list[tuple[str, Sample, bool]]:
    """Day, sample and the logger's own flag; its times have no zone, so they are taken as UTC."""
    rows = []
    for line in LOGGER.read_text().splitlines():
        _, *cells = line.split("\t")
        if len(cells) >= 2 and cells[0][:2] == "20":
            time = datetime.fromisoformat(cells[0]).replace(tzinfo=UTC)
            sample = Sample(int(time.timestamp()) * 1000, round(float(cells[1]) * 100))
            rows.append((cells[0][:10], sample, "x" in cells[2:]))
    assert all(a[1].time_ms < b[1].time_ms for a, b in pairwise(rows))
    return rows
