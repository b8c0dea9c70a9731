"""Fixes per second from a real Mosquitto to a real InfluxDB and receipted, and what stays on its disk.

The flood is that of bench_ingest. The reference in the same run is the same points as ready lines, packed and
posted to the same InfluxDB 5,000 at a time, as many in flight: nothing to decode, nothing to remember. Every
run has a broker, a ledger and an InfluxDB of its own.
"""

import http.client
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ingest.decode import decode_with_chunks
from ingest.history.chunk import AHEAD_MS, Chunk, pieces
from ingest.history.influx_lines import lines
from ingest.history.influx_posts import MOST_LINES
from ingest.history.influx_server import LEVEL, POSTS, Access, InfluxServer
from ingest.history.influx_setup import set_up
from tests.bench.bench_agent import cpu_s
from tests.bench.bench_ingest import BACKLOG_WINDOW, UNITS, through
from tests.bench.flood import payloads
from tests.bench.report import Report
from tests.fixtures.influx_proxy import Proxy
from tests.fixtures.influxd import Influxd

BATCHES = {1: 300, 10: 150, 60: 60}  # of a unit, by their rows: some seconds
RUNS, SHORT_RUNS = 5, 2
GOALS = {60: ">= 0.8"}
DATABASE = "ortoo"
SETTINGS = """[history]
store = "influx"
[influx]
url = "{url}"
timeout_s = 60
"""


class Stand:
    """An InfluxDB with all that `influx init` makes, behind the proxy that its version needs."""

    def __init__(self, folder: Path, data_lines: Sequence[str] = ()) -> None:
        self._influxd = Influxd(folder / "influxd", data_lines=data_lines)
        self._influxd.start()
        self.port, self.data = self._influxd.port, self._influxd.data
        self._proxy = Proxy(self.port)
        self.server = InfluxServer(Access(self._proxy.url, "", DATABASE, "", "", "", 60))
        list(set_up(self.server, {}))
        self.settings = SETTINGS.format(url=self._proxy.url)

    def close(self) -> None:
        self.server.close()
        self._proxy.close()
        self._influxd.stop()

    def cpu_s(self) -> float:
        """Processor time that InfluxDB took so far."""
        return cpu_s(self._influxd.pid)

    def count(self) -> int:
        (tables,) = self.server.ask('SELECT COUNT("seq") FROM "fix"', {}, "track")
        return int(tables[0].rows[0][1])


@contextmanager
def stand() -> Iterator[Stand]:
    with tempfile.TemporaryDirectory() as folder:
        made = Stand(Path(folder))
        try:
            yield made
        finally:
            made.close()


def bodies(units: int, batches: int, rows: int) -> list[bytes]:
    """The flood's fixes as packed posts, in the order in which they come."""
    texts = []
    for payload in payloads(batches, rows):
        batch, encoded = decode_with_chunks(payload)
        for unit in range(units):
            chunk = Chunk(
                f"u-{unit}",
                batch.epoch,
                batch.lane,
                batch.boot,
                batch.prev,
                batch.groups[0],
                encoded[0],
                time.time_ns() // 1_000_000,
            )
            texts += [lines(piece, AHEAD_MS) for piece in pieces(chunk, AHEAD_MS)]
    each = max(1, MOST_LINES // rows)
    whole = ("\n".join(texts[at : at + each]).encode() for at in range(0, len(texts), each))
    return [zlib.compress(body, LEVEL, wbits=31) for body in whole]


def bare_posts(port: int, some: list[bytes]) -> float:
    """Seconds to post these bodies."""
    headers = {"Content-Encoding": "gzip"}

    def post(own: list[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for body in own:
            connection.request("POST", f"/write?db={DATABASE}&rp=track&precision=ns", body, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 204
        connection.close()

    began_s = time.perf_counter()
    with ThreadPoolExecutor(POSTS) as pool:
        list(pool.map(post, [some[at::POSTS] for at in range(POSTS)]))
    return time.perf_counter() - began_s


class Measured(NamedTuple):
    """One run; processor times in µs per fix."""

    rate: float
    influx_us: float
    service_us: float = 0.0
    rss_mb: float = 0.0


def reference(units: int, batches: int, rows: int) -> Measured:
    """As ready lines."""
    some, fixes = bodies(units, batches, rows), units * batches * rows
    with stand() as own:
        before_s = own.cpu_s()
        seconds = bare_posts(own.port, some)
        influx_us = 1e6 * (own.cpu_s() - before_s) / fixes
        assert own.count() == fixes
    return Measured(fixes / seconds, influx_us)


def whole_line(units: int, batches: int, rows: int) -> Measured:
    """Through the service."""
    fixes = units * batches * rows
    with stand() as own:
        before_s = own.cpu_s()
        flooded, _ = through(units, batches, rows, BACKLOG_WINDOW, own.settings)
        influx_us = 1e6 * (own.cpu_s() - before_s) / fixes
        assert own.count() == fixes
    service_us = 1e6 * flooded.service_s / fixes
    return Measured(rows * flooded.batches_per_s, influx_us, service_us, max(flooded.rss_mb))


def run(report: Report) -> None:
    runs = SHORT_RUNS if report.is_short else RUNS
    for rows, batches in BATCHES.items():
        bare, lines = [], []
        for _ in range(runs):
            bare.append(reference(UNITS, batches, rows))
            lines.append(whole_line(UNITS, batches, rows))
        name, raw = f"batches of {rows} to InfluxDB", "raw line protocol"
        rates, bare_rates = [one.rate for one in lines], [one.rate for one in bare]
        report.row(name, rates, "fixes/s", raw, bare_rates)
        shares = [rate / own for rate, own in zip(rates, bare_rates, strict=True)]
        report.row(f"{name}, of raw line protocol", shares, "", goal=GOALS.get(rows, ""))
        influx_us = [one.influx_us for one in lines]
        report.row(
            f"{name}, InfluxDB's processor time", influx_us, "us/fix", raw, [one.influx_us for one in bare]
        )
        service_us = [one.service_us for one in lines]
        report.row(f"{name}, the service's", service_us, "us/fix", "InfluxDB's", influx_us)
        report.row(f"{name}, memory at most", [one.rss_mb for one in lines], "MB")
