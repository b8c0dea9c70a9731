"""A day of a small fleet, delivered late, shuffled, doubled and cut anew, ends like the undisturbed day.

The vehicles are the simulation's, their outboxes and the service's pipeline and store are the real ones. What
is between them may do whatever the protocol allows: batches overtake each other within and across lanes and
units, come twice, are cut anew by a resend, wait for hours; the service is killed between groups. Live
messages may get lost. Then history, marks and live state are byte for byte those of the undisturbed day.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pytest

from edge.outbox import Limits, Outbox, connect
from edge.record import Record
from edge.simulate.dice import dice
from edge.simulate.drive import Scene, Vehicle
from edge.simulate.fleet import fleet
from edge.simulate.receiver import Receiver
from edge.simulate.supply import soc_c, supply_v
from firmware import wire
from ingest.ledger import last_values
from tests.ingest.made import NOW_MS, Desk, birth

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

UNITS = 6
DAY_MS = 86_400_000
FROM_MS = NOW_MS - DAY_MS - 60_000
STEP_S = 15
CLOCK_AFTER_MS = 600_000  # of a boot; until then its records have no time
SENSE_MS = 600_000
LIVE_MS = 900_000
GROUP_MESSAGES = 40
LIMITS = Limits(max_mib=64, window_ms=120_000, batch_rows=60)


@dataclass(slots=True)
class Day:
    """What a unit sent in a day, in the order it said it: births, live messages, and batches by lane."""

    births: list[bytes] = field(default_factory=list)
    lives: list[bytes] = field(default_factory=list)
    lanes: dict[str, list[bytes]] = field(default_factory=dict)
    recut: dict[str, list[bytes]] = field(default_factory=dict)  # the same rows in other batches


class Trip:
    """A vehicle's day, recorded by its outbox."""

    def __init__(self, path: Path, unit: Any) -> None:
        self.unit, self.path = unit, path
        self.day = Day()
        self.chance = dice(unit.id, "boots")
        self.boots = 0
        self.is_on = False
        self.sensed_ms = self.told_ms = 0

    def run(self) -> Day:
        vehicle, receiver = Vehicle(self.unit.id, self.unit.home_id), Receiver(self.unit.id)
        motion, antenna = vehicle.start(), receiver.warm()
        for utc_ms in range(FROM_MS, FROM_MS + DAY_MS, STEP_S * 1000):
            scene = vehicle.scene(motion)
            if scene.is_powered:
                self.step(scene, receiver.solution(antenna, scene, utc_ms), utc_ms)
            elif self.is_on:
                self.end(utc_ms)
            motion = vehicle.after(motion, STEP_S)
            antenna = receiver.after(antenna, scene, STEP_S)
        self.begin_if_off(FROM_MS + DAY_MS)
        self.outbox.close_windows(self.mono_ms(FROM_MS + DAY_MS), is_final=True)
        self.send()
        self.recut()
        self.outbox.close()
        return self.day

    # --- a boot

    def begin_if_off(self, utc_ms: int) -> None:
        if self.is_on:
            return
        self.is_on, self.is_timed, self.boot_at_ms = True, False, utc_ms
        self.boots += 1
        self.outbox = Outbox(
            connect(self.path),
            f"{self.chance.getrandbits(64):016x}",
            LIMITS,
            new_epoch=lambda: f"{self.chance.getrandbits(64):016x}",
        )
        self.outbox._db.execute("PRAGMA synchronous=OFF")
        self.conn = self.outbox.next_conn()
        said = {
            "boot": self.outbox.boot,
            "name": self.unit.name,
            "capabilities": list(self.unit.capabilities),
        }
        self.day.births.append(birth(self.conn, epoch=self.outbox.epoch, **said))

    def end(self, utc_ms: int) -> None:
        self.outbox.close_windows(self.mono_ms(utc_ms), is_final=True)
        self.day.births.append(birth(self.conn, "offline"))
        self.outbox.close()
        self.is_on = False

    def mono_ms(self, utc_ms: int) -> int:
        return utc_ms - self.boot_at_ms

    # --- a step

    def step(self, scene: Scene, solution: Any, utc_ms: int) -> None:
        self.begin_if_off(utc_ms)
        if not self.is_timed and self.mono_ms(utc_ms) >= CLOCK_AFTER_MS:
            step = self.outbox.set_clock(self.boot_at_ms, "gnss")
            self.is_timed = True
            assert step is not None
            self.record("clock_set", "clock", utc_ms, step_ms=step[0], was=wire.CLOCKS.index(step[1]))
        fix = fix_of(solution)
        self.record("fix", "gnss", utc_ms, **fix)
        if utc_ms - self.sensed_ms >= SENSE_MS:
            self.sense(scene, utc_ms)
        self.outbox.close_windows(self.mono_ms(utc_ms))
        if scene.is_covered and self.is_timed and utc_ms - self.told_ms >= LIVE_MS:
            self.told_ms = utc_ms
            self.day.lives.append(live(self.conn, utc_ms, fix, supply_v(scene, utc_ms)))
        if scene.is_covered and self.chance.random() < 0.05:
            self.send()

    def sense(self, scene: Scene, utc_ms: int) -> None:
        """A moment after the fix, so that no live message has the very time of these."""
        self.sensed_ms = utc_ms
        supply_mv = round(1000 * supply_v(scene, utc_ms))
        self.record("power", "unit", utc_ms + 300, supply_mv=supply_mv)
        temperature_cc = round(100 * soc_c(scene, utc_ms))
        self.record("health", "unit", utc_ms + 300, uptime_s=self.mono_ms(utc_ms) // 1000,
                    soc_temperature_cc=temperature_cc)  # fmt: skip
        if self.chance.random() < 0.1:
            self.record("fault", "unit", utc_ms + 400, part="gnss", code="silent", state=0)

    def record(self, kind: str, source: str, utc_ms: int, **values: Any) -> None:
        mono_ms = self.mono_ms(utc_ms)
        time_ms, boot_at_ms, clock = (
            (utc_ms, self.boot_at_ms, "gnss") if self.is_timed else (mono_ms, 0, "none")
        )
        wire.check_values(kind, values)
        self.outbox.append(
            [Record(kind, source, self.outbox.boot, mono_ms, time_ms, boot_at_ms, clock, values)]
        )

    # --- sending

    def send(self) -> None:
        """Everything there is, batch by batch, receipted at once."""
        for lane in wire.LANES:
            while (batch := self.outbox.take(lane)) is not None:
                self.day.lanes.setdefault(lane, []).append(wire.encode_batch(batch))
                self.settle(batch.epoch, lane, batch.last_seq)

    def recut(self) -> None:
        """What a resend makes of all of it: other batches."""
        for lane in self.day.lanes:
            at, out = 0, self.day.recut.setdefault(lane, [])
            epoch = self.outbox.epoch
            self.settle(epoch, lane, 0)
            while (batch := self.outbox.take(lane, (epoch, at), most=self.chance.randint(1, 90))) is not None:
                out.append(wire.encode_batch(batch))
                at = batch.last_seq

    def settle(self, epoch: str, lane: str, mark: int) -> None:
        receipt = {"epoch": epoch, "conn": self.conn, "lanes": {lane: {"mark": mark, "runs": []}}}
        self.outbox.settle(receipt, self.conn)


def fix_of(solution: Any) -> dict[str, Any]:
    if solution.lat_deg is None:
        return {"fix_mode": 0}
    return {
        "lat_e7": round(solution.lat_deg * 1e7),
        "lon_e7": round(solution.lon_deg * 1e7),
        "altitude_msl_dm": round(solution.altitude_m * 10),
        "speed_cm_s": round(solution.speed_m_s * 100),
        "satellites": solution.satellites,
        "fix_mode": 2,
    }


def live(conn: int, utc_ms: int, fix: dict[str, Any], supply: float) -> bytes:
    said = {**fix, "fix_mode": wire.word("fix", "fix_mode", fix["fix_mode"])}
    said |= {"conn": conn, "time_ms": utc_ms, "clock": "gnss", "supply_mv": round(1000 * supply)}
    return wire.encode_json("live", said)


# --- the two days


class Undisturbed:
    """Everything once, as it was said."""

    def __init__(self, desk: Desk, days: dict[str, Day]) -> None:
        for unit, day in days.items():
            for payload in day.births:
                desk.put(payload, unit, "birth")
            for payload in day.lives:
                desk.put(payload, unit, "live")
            for batches in day.lanes.values():
                for payload in batches:
                    desk.put(payload, unit)
            desk.pipeline.step(desk.stop)
            while desk.intake.waiting:
                desk.pipeline.step(desk.stop)


class Disturbed:
    """In any order; what the service does not acknowledge by its marks is sent again."""

    def __init__(self, desk: Desk, days: dict[str, Day], seed: int) -> None:
        self.desk, self.days, self.rng = desk, days, random.Random(seed)
        self.kills = self.sent = 0
        self.say_births()
        while queue := list(self.missing()):
            self.shuffle(queue)
            for first in range(0, len(queue), GROUP_MESSAGES):
                self.deliver(queue[first : first + GROUP_MESSAGES])
        self.say_lives(is_last=True)
        desk.pipeline.step(desk.stop)

    def say_births(self) -> None:
        """Births keep their order: a unit says the next only after the one before."""
        for unit, day in self.days.items():
            for payload in day.births:
                self.desk.send(payload, unit=unit, leaf="birth")

    def say_lives(self, *, is_last: bool = False) -> None:
        for unit, day in self.days.items():
            chosen = day.lives[-1:] if is_last else self.rng.sample(day.lives, min(3, len(day.lives)))
            for payload in chosen:
                self.desk.put(payload, unit, "live")

    def missing(self) -> Iterator[tuple[str, bytes]]:
        """A resend goes back to the mark, in the first batches or cut anew, and now and then too far."""
        marks = marks_of(self.desk.connection)
        for unit, day in self.days.items():
            for lane in day.lanes:
                batches = self.rng.choice((day.lanes, day.recut))[lane]
                mark = marks.get((unit, lane), 0)
                for payload in batches:
                    is_stored = last_seq(payload) <= mark
                    if not is_stored:
                        yield unit, payload

    def shuffle(self, queue: list[tuple[str, bytes]]) -> None:
        """Late, shuffled and doubled, some more than others."""
        queue += self.rng.sample(queue, len(queue) // 5)
        reach = self.rng.choice((3, 50, len(queue)))
        place = {id(item): index + self.rng.uniform(0, reach) for index, item in enumerate(queue)}
        queue.sort(key=lambda item: place[id(item)])

    def deliver(self, messages: list[tuple[str, bytes]]) -> None:
        for unit, payload in messages:
            self.desk.put(payload, unit)
        self.sent += len(messages)
        if self.rng.random() < 0.3:
            self.say_lives()
        if self.rng.random() < 0.15:  # before they are stored
            self.kill()
        self.desk.pipeline.step(self.desk.stop)
        if self.rng.random() < 0.15:  # after, and before the live state was kept
            self.kill()

    def kill(self) -> None:
        """A service that starts again hears the retained births first."""
        self.kills += 1
        self.desk.kill()
        for unit, day in self.days.items():
            self.desk.put(day.births[-1], unit, "birth", is_retained=True)
        self.desk.pipeline.step(self.desk.stop)


@lru_cache(maxsize=8192)
def last_seq(payload: bytes) -> int:
    return wire.decode_batch(payload).last_seq


def marks_of(store: sqlite3.Connection) -> dict[tuple[str, str], int]:
    return {(unit, lane): mark for unit, lane, mark in store.execute("SELECT unit, lane, mark FROM lane")}


# --- what is left


def left(desk: Desk) -> dict[str, str]:
    """Everything that the day leaves behind, as text."""
    out: dict[str, str] = {}
    history = desk.pipeline.writer.history
    for (unit,) in desk.connection.execute("SELECT unit FROM unit ORDER BY unit").fetchall():
        for kind, source in history.sources(unit):
            rows = history.read(unit, kind, source, 0, wire.MAX_TIME_MS).columns
            out[f"history {unit} {kind} {source}"] = json.dumps(dict(rows))
        values = [
            (v.kind, v.time_ms, v.seq, v.clock, v.values) for v in last_values.of_unit(desk.connection, unit)
        ]
        out[f"last {unit}"] = json.dumps(values)
    for table in ("lane", "run", "gap", "unit"):
        found = desk.connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4").fetchall()
        out[table] = json.dumps(found)
    for state in desk.live.snapshot()[1]:
        out[f"live {state['unit']}"] = json.dumps(state, sort_keys=True)
    out["refused"] = json.dumps([(r.unit, r.cause, r.detail) for r in desk.refused()])
    return out


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Day]:
    folder = tmp_path_factory.mktemp("day")
    return {unit.id: Trip(folder / f"{unit.id}.db", unit).run() for unit in fleet(UNITS)}


@pytest.fixture(scope="module")
def undisturbed(days: dict[str, Day], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    desk = Desk(tmp_path_factory.mktemp("undisturbed"))
    Undisturbed(desk, days)
    found = left(desk)
    desk.connection.close()
    return found


def test_the_day_has_what_it_should(days: dict[str, Day], undisturbed: dict[str, str]) -> None:
    """Boots without a time at first, lost positions, all lanes, and nothing refused."""
    assert undisturbed["refused"] == "[]"
    for unit, day in days.items():
        assert set(day.lanes) == set(wire.LANES)
        assert f"history {unit} clock_set clock" in undisturbed
        assert day.recut["track"] != day.lanes["track"]
    clocks = {clock for day in days.values() for batch in day.lanes["track"]
              for group in wire.decode_batch(batch).groups for clock in group.columns["clock"]}  # fmt: skip
    assert {wire.CLOCKS[clock] for clock in clocks} >= {"none", "estimated", "gnss"}


@pytest.mark.parametrize("seed", range(4))
def test_a_disturbed_day_ends_like_the_undisturbed(
    days: dict[str, Day], undisturbed: dict[str, str], tmp_path: Path, seed: int
) -> None:
    desk = Desk(tmp_path)
    disturbed = Disturbed(desk, days, seed)
    found = left(desk)
    desk.connection.close()
    assert disturbed.kills > 5
    assert found.keys() == undisturbed.keys()
    assert {name: told for name, told in found.items() if told != undisturbed[name]} == {}
