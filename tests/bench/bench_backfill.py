"""Three days without coverage through 64 kbit/s, while the vehicle drives on and its live dot moves.

The backlog is a drive of 72 hours without a rest, in town, at a fix a second: the worst that a unit can bring
home. It is made through the agent's own intake and outbox. Then the agent's process drains it from a network
namespace behind the kernel's rate limit (tests/line/slow_link.py) to a real Mosquitto and the real service,
with a receiver that goes on at 1 Hz. Twice: the track as units send it (within 5 m of every fix), and with
every single fix sent.

Bytes are counted on the link: IP and TCP with their acknowledgements, MQTT, batches; what live messages take
is measured after the drain and taken off. All of the backlog counts, health and faults too, and is divided by
fixes alone. The reference for the time is these bytes at the link's rate.
"""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge.outbox import Limits, Outbox, connect
from firmware import wire
from ingest.history.sqlite import SqliteHistory
from ingest.ledger import marks
from ingest.ledger.files import open_reading
from tests.bench.lived import SteppedTime, intake, live
from tests.bench.tracks import drive
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.ports import free_port
from tests.fixtures.programs import Program, module_command
from tests.fixtures.waiting import wait_until
from tests.line.driver import Driver
from tests.line.slow_link import HOST_ADDRESS, SlowLink, slow_link
from tests.line.spectator import Spectator, now_ms
from tests.line.whole_line import Service, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.report import Report

HOURS = int(os.environ.get("ORTOO_BACKLOG_HOURS", "72"))
KBIT_PER_S = 64
UNIT = "bench-1"
IDLE_S = 30.0
PRESSES = 5
MOST_S = 900
FILL_GROUP_MS = 60_000  # commits of a minute: the same rows, sixty times sooner made


@dataclass
class Backlog:
    """What waits: fixes as measured, and the last seq of each lane."""

    measured: int
    epoch: str
    lanes: dict[str, int]


def fill(path: Path, tolerance_m: float) -> Backlog:
    """Three days of driving until a moment ago."""
    measured, clock = HOURS * 3600, SteppedTime()
    taken = intake(path, clock, tolerance_m=tolerance_m, group_ms=FILL_GROUP_MS)
    live(taken, clock, drive(measured), now_ms() - (measured + 60) * 1000)
    taken.close(clock.now_ms)
    with closing(connect(path)) as db:
        outbox = Outbox(db, clock.boot, Limits())
        return Backlog(measured, outbox.epoch, {lane: told["seq"] for lane, told in outbox.marks().items()})


def is_drained(service: Service, backlog: Backlog) -> bool:
    with closing(open_reading(service.store)) as reading:
        held = {lane.lane: lane.mark for lane in marks.lanes(reading, UNIT) if lane.epoch == backlog.epoch}
    return all(held.get(lane, 0) >= seq for lane, seq in backlog.lanes.items())


def presses(service: Service) -> int:
    """How many times the service knows the button to have been pressed."""
    with closing(open_reading(service.store)) as reading:
        found = SqliteHistory(reading).read(UNIT, "fault", "unit", 0, wire.MAX_TIME_MS)
    return list(found.columns["code"]).count("pressed")


def press(agent: Program, service: Service) -> float:
    """Seconds from a press on the unit until its event is in the store."""
    before, began_s = presses(service), time.monotonic()
    os.kill(agent.pid, signal.SIGUSR1)
    wait_until(lambda: presses(service) > before, 60, every_s=0.02, what="the button's event")
    return time.monotonic() - began_s


@contextmanager
def line(folder: Path, tolerance_m: float) -> Iterator[tuple[SlowLink, Service, Unit, Program]]:
    """Everything in place; the agent is not started yet."""
    port = free_port()
    with slow_link(KBIT_PER_S) as link:
        broker = Mosquitto(folder / "broker", [f"listener {port} {HOST_ADDRESS}"])
        service = Service(folder, broker.host, broker.port, free_port())
        driver = Driver(folder / "tty", 1.0)
        unit = Unit(
            folder, UNIT, link.host, port, tolerance_m, window_s=120.0, sense_s=60.0, receipt_timeout_s=30.0
        )
        unit.listen(folder / "tty")
        command = [*link.prefix, *module_command("tests.line.machine", str(unit.config))]
        agent = Program(command, folder / "agent.log")
        try:
            broker.start()
            service.start()
            service.wait_until_ready()
            yield link, service, unit, agent
        finally:
            agent.kill()
            service.program.kill()
            broker.kill()
            driver.close()


@dataclass
class Drain:
    """What was seen of one drain and of the quiet time after it."""

    seconds: float
    up_bytes: float
    down_bytes: float
    ages_ms: list[int]
    quiet_ages_ms: list[int]
    press_s: list[float]


def drained(folder: Path, backlog: Backlog, tolerance_m: float, expected_s: float) -> Drain:
    with line(folder, tolerance_m) as (link, service, _unit, agent):
        spectator = Spectator(service.url)
        agent.start()
        agent.wait_for_log("connected", 30)
        begin_s, begin_ms, begin = time.monotonic(), now_ms(), (link.up_bytes(), link.down_bytes())
        press_s: list[float] = []
        while not is_drained(service, backlog):
            assert time.monotonic() - begin_s < MOST_S, agent.tail()
            if time.monotonic() - begin_s > (len(press_s) + 1) * expected_s / (PRESSES + 1):
                press_s.append(press(agent, service))
            time.sleep(0.05)
        seconds, end_ms, end = time.monotonic() - begin_s, now_ms(), (link.up_bytes(), link.down_bytes())
        time.sleep(IDLE_S)
        quiet = link.up_bytes() - end[0], link.down_bytes() - end[1]
        up, down = (end[i] - begin[i] - quiet[i] / IDLE_S * seconds for i in (0, 1))
        # The first fix of a receiver just opened waits for the clock to be won.
        ages = spectator.between(begin_ms, end_ms)
        return Drain(seconds, up, down, ages, spectator.between(end_ms, now_ms()), press_s)


def tell(report: Report, name: str, backlog: Backlog, seen: Drain) -> None:
    ideal_s = seen.up_bytes / (KBIT_PER_S * 1000 / 8)
    sent = backlog.lanes["track"]
    print(f"  {name}: {backlog.measured} fixes measured, {backlog.lanes} rows sent, {len(seen.ages_ms)} live")
    report.row(f"{name}, drained", seen.seconds, "s", "its bytes at the rate", ideal_s, "<= 300")
    per_measured = seen.up_bytes / backlog.measured
    report.row(
        f"{name}, link per fix sent", seen.up_bytes / sent, "B", "per fix measured", per_measured, "<= 10"
    )
    report.row(f"{name}, link down per fix sent", seen.down_bytes / sent, "B")
    quantile = percentile(seen.ages_ms, 99)
    report.row(
        f"{name}, live p99", quantile, "ms", "after the drain", percentile(seen.quiet_ages_ms, 99), "<= 1000"
    )
    report.row(f"{name}, live seen", 100 * len(seen.ages_ms) / seen.seconds, "% of 1/s")
    report.row(f"{name}, event to store, slowest of {len(seen.press_s)}", max(seen.press_s), "s", goal="<= 2")


def percentile(ages_ms: list[int], which: int) -> float:
    return statistics.quantiles(ages_ms, n=100, method="inclusive")[which - 1]


def run(report: Report) -> None:
    for name, tolerance_m, expected_s in (
        (f"{HOURS} h within 5 m", 5.0, 40.0),
        (f"{HOURS} h, every fix", 0.0, 190.0),
    ):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            backlog = fill(folder / f"{UNIT}.db", tolerance_m)
            seen = drained(folder, backlog, tolerance_m, expected_s * HOURS / 72)
            tell(report, name, backlog, seen)
