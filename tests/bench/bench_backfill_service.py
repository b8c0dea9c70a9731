"""Three days of 1,000 units at once into the service, while others are watched live.

Every unit brings 72 hours at 0.1 Hz, 25.9 million fixes together, in batches of 60 and a window of two, as
after a broker's outage. Meanwhile ten more units publish a live position ten times a second together, and a
stream of the API is read as a browser does; a lag is the time from just before a publish to its arrival
there. The service's memory is told at its most and as its growth over the last two thirds of the time, in
which nothing may pile up. The reference is the store alone: a bare executemany of as many chunks.

The short form brings three hours of each unit, too few for the goals of memory and disk: caches still fill.
"""

import re
import statistics
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.bench_ingest import FLEET, FLEET_WINDOW, Line, bare_loop
from tests.bench.bench_latency import client, live, now_ms, parsed_ms
from tests.bench.report import Report

PERIOD_S, ROWS = 10, 60
HOURS, SHORT_HOURS = 72, 3
WATCHED = 10
LIVE_PER_S = 10
GOAL_S, GOAL_LAG_MS, GOAL_GROWTH, GOAL_DISK = "<= 60", "<= 2,000", "<= 1.1", "<= 10"
SEEN = re.compile(rb'"unit":\s*"w-\d+"[^{}]*?"sampled_at":\s*"([^"]+)"')


class Watch:
    """Publishes live positions of a few units, and sees them in a stream."""

    def __init__(self, line: Line) -> None:
        self.lags_ms: list[int] = []
        self._is_over = threading.Event()
        self._client = client("watched", line.broker.port)
        self._stream = urllib.request.urlopen(f"http://127.0.0.1:{line.http_port}/api/v1/stream", timeout=60)
        self._threads = [threading.Thread(target=part, daemon=True) for part in (self._speak, self._read)]

    def start(self) -> None:
        self._client.loop_start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(10)
        self._stream.close()
        self._client.disconnect()
        self._client.loop_stop()

    def _speak(self) -> None:
        number = 0
        while not self._is_over.wait(1 / LIVE_PER_S):
            number += 1
            self._client.publish(f"ortoo/v1/w-{number % WATCHED}/live", live(number))

    def _read(self) -> None:
        seen: dict[bytes, bool] = {}
        while not self._is_over.is_set():
            text = self._stream.readline()
            arrived_ms = now_ms()
            for sampled_at in SEEN.findall(text):
                if seen.setdefault(sampled_at, True):  # an update may tell of something else
                    seen[sampled_at] = False
                    self.lags_ms.append(arrived_ms - parsed_ms(sampled_at.decode()))


@contextmanager
def watched(line: Line) -> Iterator[Watch]:
    watch = Watch(line)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def run(report: Report) -> None:
    hours = SHORT_HOURS if report.is_short else HOURS
    batches = hours * 3600 // PERIOD_S // ROWS
    fixes = FLEET * batches * ROWS
    with tempfile.TemporaryDirectory() as folder, Line(Path(folder), has_service=True) as line:
        with watched(line) as watch:
            flooded = line.flood(FLEET, batches, ROWS, FLEET_WINDOW, PERIOD_S)
        size = line.store_bytes() / fixes
    bare_s = fixes / bare_loop(FLEET, batches // 8, ROWS, PERIOD_S)
    growth, disk = ("", "") if report.is_short else (GOAL_GROWTH, GOAL_DISK)
    name = f"{hours} h of {FLEET} units"
    report.row(
        f"{name}, {fixes / 1e6:.1f} million fixes", flooded.seconds, "s", "bare executemany", bare_s, GOAL_S
    )
    report.row(f"{name}, rate", fixes / flooded.seconds, "fixes/s")
    lags = statistics.quantiles(watch.lags_ms, n=100)
    report.row(f"{name}, live lag p50", lags[49], "ms")
    report.row(f"{name}, live lag p99", lags[98], "ms", goal=GOAL_LAG_MS)
    report.row(f"{name}, memory at most", max(flooded.rss_mb), "MB")
    report.row(f"{name}, memory at the end over a third", flooded.rss_growth, "x", goal=growth)
    report.row(f"{name}, on the disk", size, "B/fix", goal=disk)
