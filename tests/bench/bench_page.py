"""The page with 1,000 vehicles that all move once a second: what that costs the browser.

Without a graphics card (SwiftShader), so a frame is drawn by the processor, and most of it is the base map:
the reference is the same map drawn again and again while nothing moves. For an update of the vehicles it is
the same 1,000 written as a whole.
"""

import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.bench.report import Report
from tests.fixtures.chromium import find_chromium
from tests.ingest.api.parts import NOW_MS, served
from tests.web.browser import Watched, browsers
from tests.web.fleet import PagedParts, live_message

UNITS = 1000
TICKS_PER_S = 20
SECONDS = 15
FRAMES = """(seconds) => new Promise((resolve) => {
  const gaps = [];
  let before = performance.now();
  const end = before + seconds * 1000;
  const step = (now) => {
    gaps.push(now - before);
    before = now;
    if (now < end) requestAnimationFrame(step); else resolve(gaps.slice(1));
  };
  requestAnimationFrame(step);
})"""
# From the call until the map's worker has taken the vehicles in and cut its tiles anew.
TIMED = """() => {
  const source = ortoo.map.getSource("vehicles");
  const update = source.updateData.bind(source);
  window.taken = [];
  source.updateData = async (diff) => {
    const before = performance.now();
    await update(diff);
    window.taken.push(performance.now() - before);
  };
}"""
FLUSHES = "performance.getEntriesByName('ortoo-flush').map((one) => one.duration)"
WHOLE = """async () => {
  const source = ortoo.map.getSource("vehicles");
  const data = await source.getData();
  const costs = [];
  for (let round = 0; round < 15; round += 1) {
    const before = performance.now();
    await source.setData({ ...data, features: data.features.map((one) => ({ ...one })) });
    costs.push(performance.now() - before);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return costs;
}"""


def place(number: int, step: int) -> tuple[float, float]:
    """Vehicles all over the region, each driving north-east."""
    lat, lon = 40 + (number % 40) * 0.2, 106 + (number // 40) * 0.6
    return lat + step * 2e-4, lon + step * 2e-4


class Moving:
    """Speaks for all units, a twentieth of them each tick."""

    def __init__(self, parts: PagedParts) -> None:
        self._parts = parts
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        tick = 0
        while not self._stop.wait(1 / TICKS_PER_S):
            tick += 1
            for number in range(tick % TICKS_PER_S, UNITS, TICKS_PER_S):
                say(self._parts, number, tick)


def say(parts: PagedParts, number: int, step: int) -> None:
    lat, lon = place(number, step)
    time_ms = NOW_MS + step * 1000 // TICKS_PER_S
    parts.now_ms = max(parts.now_ms, time_ms)
    parts.live.apply_live(f"bus-{number:04d}", live_message(lat, lon, 1500, 450, time_ms), time_ms)


def ms_to_move(watched: Watched, parts: PagedParts, lat_deg: float) -> float:
    """From the news of one vehicle until the map has drawn it there, and was asked."""
    began_s = time.monotonic()
    parts.say("bus-0000", lat_deg, 116.0)
    watched.wait_for_place("bus-0000", lat_deg)
    return (time.monotonic() - began_s) * 1000


def script_s(session: Any) -> float:
    """How long the main thread has run script, by the browser's own account."""
    metrics: list[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "ScriptDuration"))


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def run(report: Report) -> None:
    """Frames, script time and updates with everything moving."""
    chromium, reason = find_chromium()
    if chromium is None:
        raise RuntimeError(reason)
    with tempfile.TemporaryDirectory() as folder:
        parts = PagedParts(Path(folder) / "store.sqlite3", tick_ms=1000 // TICKS_PER_S)
        for number in range(UNITS):
            say(parts, number, 0)
        with served(parts.app) as (address, _), browsers(chromium, Path(folder)) as opened:
            measure(report, opened.open(f"{address}/", "en"), parts)
        parts.close()


def measure(report: Report, opening: Any, parts: PagedParts) -> None:
    with opening as watched:
        watched.wait_for_map()
        session = watched.page.context.new_cdp_session(watched.page)
        session.send("Performance.enable")
        watched.read("(ortoo.map.repaint = true)")
        redrawn = watched.page.evaluate(FRAMES, 5)
        watched.read("(ortoo.map.repaint = false)")
        with Moving(parts):
            watched.page.evaluate(TIMED)
            watched.page.wait_for_timeout(3000)
            watched.read("performance.clearMeasures()")
            before_s = script_s(session)
            frames = watched.page.evaluate(FRAMES, SECONDS)
            spent_ms = (script_s(session) - before_s) * 1000 / SECONDS
            flushes = watched.read(FLUSHES)
            taken = watched.read("taken")
        whole = watched.page.evaluate(WHOLE)
        moves = [ms_to_move(watched, parts, 47 + number / 10) for number in range(10)]
        shift = watched.shift()
    report.row("main thread, script a second", spent_ms, "ms", "a second", 1000, "<= 200")
    report.row("script of one update of the map", flushes, "ms", "one frame of 60 a second", 16.7, "<= 16")
    report.row("until the map's worker has taken it", taken, "ms", "all written anew", whole)
    report.row("frame, median", frames, "ms", "the map alone, drawn again and again", redrawn)
    report.row("frame, 95th percentile", p95(frames), "ms", "the map alone", p95(redrawn))
    report.row("updates of the map a second", len(flushes) / SECONDS, "1/s")
    report.row("news of one, until it is seen to stand there", moves, "ms", goal="<= 1000")
    report.row("layout shift", shift, "", goal="<= 0")
