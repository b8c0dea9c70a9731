"""A broker is killed under a fleet and comes back: who asked when, who had how much under way, who was late.

What is under way is counted by a listener on the broker: batches of a lane beyond the mark of the last
receipt that went out, since the unit's last birth. A client library that floods after a reconnect would show.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from firmware import wire
from ingest.ledger import marks
from ingest.ledger.files import open_reading
from tests.fixtures.programs import Program, module_command
from tests.fixtures.waiting import wait_until
from tests.line.spectator import Spectator, now_ms
from tests.line.swarm import MOST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.line.whole_line import Service

CONNECT_MOST_S = 120
DRAIN_MOST_S = 240


class Listener:
    """Everything that passes a broker, kept with its moment; comes back by itself as fast as it can."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self.passed: list[tuple[str, str, bytes]] = []  # unit, leaf, payload
        self._is_ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_ended.is_set():
            client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
            client.on_message = lambda *given: self._hear(given[2])
            with contextlib.suppress(OSError):
                client.connect(self._broker.host, self._broker.port)
                client.subscribe([(f"ortoo/v1/+/{leaf}", 0) for leaf in ("birth", "batch", "receipt")])
                while client.loop(0.2) == paho.MQTT_ERR_SUCCESS and not self._is_ended.is_set():
                    pass
            self._is_ended.wait(0.05)

    def _hear(self, message: paho.MQTTMessage) -> None:
        unit, leaf = wire.parse_topic(message.topic)
        self.passed.append((unit, leaf, bytes(message.payload)))

    def close(self) -> None:
        self._is_ended.set()
        self._thread.join()


def most_under_way(passed: list[tuple[str, str, bytes]]) -> int:
    """The most batches that any lane of a unit had sent since its birth beyond the mark of its receipts.

    A batch that is sent again, as after the service came back later than the unit, is still one.
    """
    sent: dict[tuple[str, str], set[int]] = {}
    most = 0
    for unit, leaf, payload in passed:
        if leaf == "batch":
            batch = wire.decode_batch(payload)
            lane = sent.setdefault((unit, batch.lane), set())
            lane.add(batch.last_seq)
            most = max(most, len(lane))
            continue
        told: dict[str, Any] = json.loads(payload).get("lanes", {}) if leaf == "receipt" else {}
        for name in wire.LANES:
            # A receipt for nothing yet, as to a birth, takes nothing away; a birth takes all.
            mark = told.get(name, {}).get("mark", 0) if leaf == "receipt" else wire.MAX_SEQ
            sent[unit, name] = {seq for seq in sent.get((unit, name), ()) if seq > mark}
    return most


@dataclass
class Outage:
    """What was seen, times in seconds after the kill; `waited` in the units' own time.

    `waited`: how often a unit had failed before, and how long it then waited until it asked again.
    """

    asked_s: list[float]
    back_s: list[float]
    returned_s: float  # when the broker was there again
    drained_s: float
    under_way: int
    ages_ms: list[int]
    own_asked_s: list[float]
    waited: list[tuple[int, float]]

    def most_asked(self, span_s: int) -> float:
        """The most attempts a second over so many seconds, until the last unit was back."""
        return most_in(span_s, self.asked_s)


def most_in(span_s: int, times_s: list[float]) -> float:
    """The most a second over so many seconds."""
    return max(Counter(int(at // span_s) for at in times_s).values()) / span_s


def waits(told: list[dict[str, Any]], since_ms: int) -> list[tuple[int, float]]:
    """(failures before, own seconds until the next attempt) for each failure since then."""
    found = []
    failures: Counter[str] = Counter()
    failed_ms: dict[str, int] = {}
    for line in told:
        unit = line["unit"]
        if line["what"] == "failed":
            failed_ms[unit] = line["own_ms"]
            failures[unit] += 1
        elif line["what"] == "attempt" and unit in failed_ms and line["at_ms"] >= since_ms:
            found.append((failures[unit] - 1, (line["own_ms"] - failed_ms.pop(unit)) / 1000))
    return found


class Fleet:
    """So many units in as few processes as can hold them, on a broker and a service that run."""

    def __init__(
        self,
        folder: Path,
        broker: Mosquitto,
        units: int,
        *,
        rows: int,
        spread_s: float,
        timeout_s: float = 30.0,
        step_s: float = math.inf,
    ) -> None:
        self.units, self._rows, self._broker = units, rows, broker
        processes = -(-units // MOST)
        self._programs = []
        for number in range(processes):
            begin, end = (units * edge // processes for edge in (number, number + 1))
            numbers = (broker.port, begin, end - begin, rows, spread_s, timeout_s, step_s)
            command = module_command("tests.line.swarm", folder, *map(str, numbers))
            self._programs.append(Program(command, folder / f"swarm-{number}.log"))

    def __enter__(self) -> Fleet:
        for program in self._programs:
            program.start()
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._programs:
            program.kill()

    def told(self) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for program in self._programs
            for line in program.log().splitlines()
            if line.startswith("{") and line.endswith("}")
        ]

    def online(self, since_ms: int = 0) -> set[str]:
        return {
            line["unit"] for line in self.told() if line["what"] == "opened" and line["at_ms"] >= since_ms
        }

    def wait_online(self, since_ms: int = 0) -> None:
        wait_until(
            lambda: len(self.online(since_ms)) == self.units,
            CONNECT_MOST_S,
            every_s=0.3,
            what="every unit online",
        )

    def wait_stored(self, service: Service, rows: int) -> None:
        wait_until(
            lambda: self._stored(service) >= self.units * rows, DRAIN_MOST_S, every_s=0.3, what="every record"
        )

    def _stored(self, service: Service) -> int:
        with closing(open_reading(service.store)) as reading:
            found = reading.execute(
                "SELECT coalesce(sum(min(mark, stored)), 0) FROM lane WHERE lane = 'sense'"
            )
            return int(found.fetchone()[0])

    def left_behind(self, service: Service, rows: int) -> list[str]:
        """Units of which the service does not hold every record."""
        with closing(open_reading(service.store)) as reading:
            names = [f"swarm-{number}" for number in range(self.units)]
            held = {name: {lane.lane: lane.stored for lane in marks.lanes(reading, name)} for name in names}
        return [name for name, lanes in held.items() if lanes.get("sense") != rows]

    def live_through(self, service: Service, rows: int, outage_s: float) -> Outage:
        """Connect and drain all, kill the broker, bring it back, until all is stored again."""
        self.wait_online()
        self.wait_stored(service, rows)
        listener, spectator = Listener(self._broker), Spectator(service.url)
        killed_ms = now_ms()
        self._broker.kill()
        time.sleep(outage_s)
        self._broker.start()
        returned_ms = now_ms()
        self.wait_online(returned_ms)
        self.wait_stored(service, 2 * rows)
        drained_ms = now_ms()
        listener.close()
        spectator.close()
        return Outage(
            self._since(killed_ms, "attempt"),
            self._since(returned_ms, "opened", killed_ms),
            (returned_ms - killed_ms) / 1000,
            (drained_ms - killed_ms) / 1000,
            most_under_way(listener.passed),
            spectator.between(returned_ms, drained_ms),
            [line["own_ms"] / 1000 for line in self._lines("attempt", killed_ms)],
            waits(self.told(), killed_ms),
        )

    def _since(self, begin_ms: int, what: str, zero_ms: int | None = None) -> list[float]:
        zero = begin_ms if zero_ms is None else zero_ms
        return [(line["at_ms"] - zero) / 1000 for line in self._lines(what, begin_ms)]

    def _lines(self, what: str, begin_ms: int) -> list[dict[str, Any]]:
        return [line for line in self.told() if line["what"] == what and line["at_ms"] >= begin_ms]
