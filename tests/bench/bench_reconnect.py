"""A thousand units lose their broker for 90 seconds, gather records meanwhile, and come back.

The units are the agent's own outbox, uplink, courier and line, each on a socket of its own
(tests/line/swarm.py); Mosquitto is killed and started again; the service is the real one, and its stream is
read as a browser does. The reference for the attempts is a thousand units over the minute that is usual.
"""

from __future__ import annotations

import statistics
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.ports import free_port
from tests.line.outage import Fleet, Outage
from tests.line.swarm import WINDOW
from tests.line.whole_line import Service

if TYPE_CHECKING:
    from tests.bench.report import Report

UNITS, ROWS = 1000, 300
SPREAD_S, OUTAGE_S = 60.0, 90.0
SPAN_S = 10
LIMITS = ("max_queued_messages 0",)  # of the listener, which hears all of it at once


def spread(times_s: list[float]) -> str:
    """How many in each ten seconds."""
    counts = Counter(int(at // SPAN_S) for at in times_s)
    return " ".join(f"{counts[span]}" for span in range(max(counts) + 1))


def seen() -> tuple[Outage, list[str]]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        broker = Mosquitto(folder / "broker", LIMITS)
        service = Service(folder, broker.host, broker.port, free_port())
        (folder / "units").mkdir()
        broker.start()
        service.start()
        try:
            service.wait_until_ready()
            with Fleet(folder / "units", broker, UNITS, rows=ROWS, spread_s=SPREAD_S) as fleet:
                outage = fleet.live_through(service, ROWS, OUTAGE_S)
            return outage, fleet.left_behind(service, 2 * ROWS)
        finally:
            service.program.kill()
            broker.kill()


def run(report: Report) -> None:
    outage, left = seen()
    print(f"  attempts in each {SPAN_S} s after the kill: {spread(outage.asked_s)}")
    print(f"  connections in each {SPAN_S} s:             {spread(outage.back_s)}")
    mean = UNITS / SPREAD_S
    name = f"{UNITS} units, broker gone for {OUTAGE_S:.0f} s"
    report.row(
        f"{name}: most attempts over {SPAN_S} s", outage.most_asked(SPAN_S), "/s", "mean", mean, "<= 20"
    )
    report.row(f"{name}: most in one second", outage.most_asked(1), "/s", "mean", mean)
    back_s = [at - outage.returned_s for at in outage.back_s]
    report.row(f"{name}: last one back", max(back_s), "s", "median", statistics.median(back_s), "<= 90")
    report.row(f"{name}: all stored", outage.drained_s - outage.returned_s, "s", "last one back", max(back_s))
    report.row(
        f"{name}: most batches under way in a lane", outage.under_way, "", "window", WINDOW, f"<= {WINDOW}"
    )
    ages = statistics.quantiles(outage.ages_ms, n=100)
    report.row(f"{name}: live p99 to a browser", ages[98], "ms", "p50", ages[49], "<= 2000")
    report.row(f"{name}: left behind", len(left), "", goal="<= 0")
