"""`python -m tests.line.swarm FOLDER PORT FIRST COUNT ROWS SPREAD_S TIMEOUT_S STEP_S`: many units at once.

Each is the agent's own outbox, uplink, courier and line on a socket of its own, without sources; one thread
has them all take their turns. Each has ROWS records to send when it begins, and as many more whenever it has
lost the broker. Prints a line of JSON for each attempt to connect, each connection and its end, and whatever
failed. The units' own time goes on by STEP_S at most between two looks, so that it does not hang on the
machine how often they ask. paho waits with `select`, which knows no file beyond the 1,024th: at most MOST
units fit one process.
"""

from __future__ import annotations

import contextlib
import json
import queue
import random
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.courier import Courier
from edge.mqtt import Mqtt
from edge.outbox import Limits, Outbox, connect
from edge.record import Record, Values
from edge.sources.faults import Faults
from edge.uplink import Uplink

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 170
BATCH_ROWS = 60
WINDOW = 2
LIVE_MS = 5_000
LONGEST_WAIT_MS = 500
LOOK_S = 0.02
CAPABILITIES = ["library"]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class OwnTime:
    """Monotonic time in steps of `most_s` at most."""

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s
        self._seen_s = time.monotonic()
        self._now_s = 0.0

    @property
    def now_ms(self) -> int:
        return int(self._now_s * 1000)

    def step(self) -> int:
        """Look at the clock; what time it is now."""
        seen_s = time.monotonic()
        self._now_s += min(seen_s - self._seen_s, self._most_s)
        self._seen_s = seen_s
        return self.now_ms

    def say(self, what: str, unit: str) -> None:
        told = {"at_ms": now_ms(), "own_ms": self.now_ms, "what": what, "unit": unit}
        print(json.dumps(told), flush=True)


class ToldMqtt(Mqtt):
    """The agent's line; each attempt is told."""

    time: OwnTime

    def open(self, will: bytes, *, is_clock_good: bool = True) -> None:
        self.time.say("attempt", self._unit)
        super().open(will, is_clock_good=is_clock_good)


class ToldUplink(Uplink):
    """The agent's; each failure is told."""

    tell: Callable[[], None]

    def failed(self, now_ms: int, *, is_broker_gone: bool = False) -> None:
        self.tell()
        super().failed(now_ms, is_broker_gone=is_broker_gone)


class Unit:
    """One unit's way from its outbox to the broker."""

    def __init__(
        self,
        folder: Path,
        port: int,
        number: int,
        woken: queue.SimpleQueue[int],
        own: OwnTime,
        *,
        spread_s: float,
        timeout_s: float,
    ) -> None:
        self.name = f"swarm-{number}"
        self._time = own
        self.due_ms = 0
        self._rows = 0
        self._is_open = False
        dice = random.Random(f"swarm {number}")
        db = connect(folder / f"{self.name}.db")
        self._boot = f"{number:016x}"
        self._outbox = Outbox(db, self._boot, Limits(max_mib=4, batch_rows=BATCH_ROWS))
        self._boot_at_ms = now_ms() - 10_000_000
        self._live_at_ms = dice.randrange(LIVE_MS)
        line = ToldMqtt(self.name, "127.0.0.1", port, wake=lambda: woken.put(number), keepalive_s=60)
        line.time = own
        uplink = ToldUplink(
            window=WINDOW,
            receipt_timeout_ms=int(timeout_s * 1000),
            live_period_ms=1000,
            random=dice.random,
            spread_ms=int(spread_s * 1000),
        )
        uplink.tell = lambda: own.say("failed", self.name)
        self._courier = Courier(
            line,
            uplink,
            Faults("uplink", lambda _reading: None, lambda: 0),
            birth={"software": "swarm", "name": None, "capabilities": CAPABILITIES},
            batch_rows=BATCH_ROWS,
            batch_bytes=8192,
            is_deflated=True,
        )

    def record(self, rows: int) -> None:
        """Have so many records more to send."""
        records = []
        for _ in range(rows):
            self._rows += 1
            mono_ms = self._rows * 1000
            values: Values = {"uptime_s": self._rows, "load_c": self._rows % 100}
            time_ms = self._boot_at_ms + mono_ms
            records.append(
                Record("health", "unit", self._boot, mono_ms, time_ms, self._boot_at_ms, "gnss", values)
            )
        self._outbox.append(records)

    def turn(self, mono_ms: int, rows: int) -> None:
        self._courier.step(self._outbox, mono_ms, is_waiting=False, is_clock_good=True)
        if self._courier.is_open != self._is_open:
            self._is_open = self._courier.is_open
            self._time.say("opened" if self._is_open else "lost", self.name)
            if not self._is_open:
                self.record(rows)
        if mono_ms >= self._live_at_ms:
            self._courier.send_live(self._live, mono_ms, has_news=True)
            self._live_at_ms += LIVE_MS * ((mono_ms - self._live_at_ms) // LIVE_MS + 1)
        wait_ms = min(self._courier.wait_ms(mono_ms), self._live_at_ms - mono_ms, LONGEST_WAIT_MS)
        self.due_ms = mono_ms + max(wait_ms, 1)

    def _live(self) -> dict[str, Any]:
        return {"time_ms": now_ms(), "clock": "gnss", "lat_e7": 440_000_000, "lon_e7": 1_160_000_000}


def main(
    folder: Path,
    port: int,
    first: int,
    count: int,
    rows: int,
    *,
    spread_s: float,
    timeout_s: float,
    step_s: float,
) -> None:
    woken: queue.SimpleQueue[int] = queue.SimpleQueue()
    own = OwnTime(step_s)
    units = {
        number: Unit(folder, port, number, woken, own, spread_s=spread_s, timeout_s=timeout_s)
        for number in range(first, first + count)
    }
    for unit in units.values():
        unit.record(rows)
    is_ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: is_ended.append(number))
    while not is_ended:
        for number in woken_numbers(woken):
            units[number].due_ms = 0
        mono_ms = own.step()
        for unit in units.values():
            if unit.due_ms <= mono_ms:
                unit.turn(mono_ms, rows)


def woken_numbers(woken: queue.SimpleQueue[int]) -> set[int]:
    """Of the units that something came for; waits a moment for the first."""
    found = set()
    with contextlib.suppress(queue.Empty):
        found.add(woken.get(timeout=LOOK_S))
        while True:
            found.add(woken.get_nowait())
    return found


if __name__ == "__main__":
    at, its_port, begin, number_of, each, spread, timeout, step = sys.argv[1:]
    main(
        Path(at),
        int(its_port),
        int(begin),
        int(number_of),
        int(each),
        spread_s=float(spread),
        timeout_s=float(timeout),
        step_s=float(step),
    )
