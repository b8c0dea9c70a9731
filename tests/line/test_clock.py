"""Every clock of a vehicle lies at some time; in the end what is stored is dated right, or called a guess.

Each row of the table is a unit in its own trouble; all go through it at once, from bytes on a pty to the API,
while the service stands still, so that what was sent before a clock was won is also sent again after.
"""

from __future__ import annotations

import datetime
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.clock import DAY_MS, ROLLOVER_MS
from tests.fixtures.programs import Program, find_program, module_command
from tests.fixtures.waiting import wait_until
from tests.line import books
from tests.line.boots import SECOND_MS, SPEED, BootTime, Evidence, Life, Receiver, Unlucky, live_all
from tests.line.vehicle import stored_since
from tests.line.whole_line import DAY_S, Unit, instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fixtures.mosquitto import Mosquitto
    from tests.line.whole_line import Service

HOUR_MS = 3_600_000
WON_MS = 10_000  # of a boot: here a receiver begins to tell the truth
BASE_DAYS = 3  # ago all begins
WITHIN_MS = 5000  # a busy machine reads late
DEAF_S = (1.0, WON_MS / SECOND_MS / SPEED + 2.0)  # of this day, not of the boot's
RESTART_S = 7.0
TIDIED_S = 75  # of a boot: what is seen to each minute has been
AHEAD_MS = 300_000  # the service's `ahead_s`: what is later than that is set aside


def ms(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp() * 1000)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def true(_mono_ms: int, utc_ms: int) -> int:
    return utc_ms


def late(mono_ms: int, utc_ms: int) -> int | None:
    """No fix for a while."""
    return utc_ms if mono_ms >= WON_MS else None


def canned(text: str) -> Callable[[int, int], int]:
    """Counts from a date of its own until it knows, as mtk-3301 does from 1980."""
    return lambda mono_ms, utc_ms: utc_ms if mono_ms >= WON_MS else ms(text) + mono_ms


def rolled_over(_mono_ms: int, utc_ms: int) -> int:
    return utc_ms - ROLLOVER_MS


def spoofed(mono_ms: int, utc_ms: int) -> int:
    """Eight seconds of another year, and single garbled ones after."""
    is_spoofed = 8_000 <= mono_ms < 16_000 or (mono_ms > 18_000 and mono_ms // SECOND_MS % 3 == 0)
    return utc_ms + 400 * DAY_MS if is_spoofed else utc_ms


def in_1970(mono_ms: int, _utc_ms: int) -> Evidence:
    return "rtc", mono_ms


def stepping(mono_ms: int, utc_ms: int) -> Evidence:
    """A system's clock that is set to another year each time one looks."""
    wrong = (
        utc_ms + 400 * DAY_MS,
        utc_ms - 400 * DAY_MS,
        utc_ms - ROLLOVER_MS,
        ms("2038-01-19T03:14:08") + mono_ms,
    )
    return "ntp", wrong[mono_ms // 10_000 % len(wrong)]


def into_2038(mono_ms: int, _utc_ms: int) -> Evidence:
    return "ntp", ms("2038-01-19T03:14:08") + mono_ms


def hours_off(_mono_ms: int, utc_ms: int) -> Evidence:
    return "rtc", utc_ms - 5 * HOUR_MS


def hours_fast(_mono_ms: int, utc_ms: int) -> Evidence:
    return "rtc", utc_ms + 2 * HOUR_MS


OFFSETS_MS = (
    -56 * 365 * DAY_MS,  # it boots in 1970
    400 * DAY_MS,
    -400 * DAY_MS,
    -ROLLOVER_MS,
    12 * 365 * DAY_MS,  # beyond 2038
    0,
    -HOUR_MS,
    HOUR_MS,
)
WON = Life("gnss", true)
LOST = Life("estimated")

SCENARIOS: dict[str, tuple[Life, ...]] = {
    "boots-in-1970": (Life("gnss", late, in_1970),),
    "steps-ahead": (Life("gnss", late, stepping, run_s=40),),
    "steps-to-2038": (Life("gnss", late, into_2038),),
    "steps-once-won": (Life("gnss", true, stepping, run_s=40),),
    "canned-1980": (Life("gnss", canned("1980-01-05T23:59:46")),),
    "year-80": (Life("gnss", canned("2080-01-06T00:00:00")),),
    "year-99": (Life("gnss", canned("2099-08-22T00:00:00")),),
    "week-rollover": (Life("gnss", rolled_over),),
    "rtc-slow": (Life("gnss", late, hours_off),),
    "rtc-fast": (Life("gnss", late, hours_fast),),
    "spoofed": (Life("gnss", spoofed),),
    "boot-without-time": (WON, LOST, WON),
    "two-without-time": (WON, LOST, LOST, WON),
    "first-without-time": (LOST, LOST, Life("gnss", true, run_s=TIDIED_S)),
    "last-without-time": (WON, LOST),
    "never-any-time": (Life("none"), Life("none")),
}


@dataclass
class Witness:
    """Looks at the API while units live."""

    service: Service
    futures: set[str] = field(default_factory=set)

    def look(self) -> None:
        latest = instant(now_ms() + AHEAD_MS)
        for unit in self.service.get("units")["units"]:
            shown = [event["sampled_at"] for event in self.events(unit["unit"])] + [unit["sampled_at"]]
            self.futures |= {f"{unit['unit']}: {at}" for at in shown if at is not None and at > latest}

    def events(self, unit: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.service.get(f"units/{unit}/events", limit=1000)["events"]
        return found

    def ticks(self, unit: str) -> list[tuple[int, int, int | None, str]]:
        """(boot's number, monotonic, UTC as shown, clock) of each tick, as it happened."""
        found = [event for event in self.events(unit) if event["values"].get("part") == "tick"]
        return sorted(
            (
                int(event["values"]["code"]),
                int(event["values"]["detail"]),
                None if event["sampled_at"] is None else ms(event["sampled_at"].rstrip("Z")),
                event["clock"],
            )
            for event in found
        )

    def fixes(self, unit: Unlucky) -> Iterator[tuple[int, int, int]]:
        """(boot's number, true UTC, UTC as shown) of each fix with a place, as the track has them."""
        for begin_ms in (0, unit.base_ms):
            begins, ends = instant(begin_ms), instant(begin_ms + 30 * DAY_S * 1000)
            track = self.service.get(f"units/{unit.name}/track", **{"from": begins, "to": ends})
            for segment in track["segments"]:
                for lat_deg, at in zip(segment["lat_deg"], segment["sampled_at"], strict=True):
                    if lat_deg is not None:
                        yield *unit.moment_ms(lat_deg), ms(at.rstrip("Z"))


@dataclass
class Troubles:
    """The service hears nothing while clocks are won, so units send again; later the broker is restarted."""

    service: Service
    broker: Mosquitto
    begin_s: float = field(default_factory=time.monotonic)
    is_restarted: bool = False

    def befall(self) -> bool:
        """Whether the service is deaf now."""
        after_s = time.monotonic() - self.begin_s
        if after_s < DEAF_S[0]:
            return False
        if after_s < DEAF_S[1]:
            self.service.program.pause()
            return True
        self.service.program.resume()
        if after_s > RESTART_S and not self.is_restarted:
            self.is_restarted = True
            self.broker.restart()
        return False


def test_every_boot_gets_its_time(
    tmp_path: Path, mosquitto: Mosquitto, service: Service, note: Callable[..., None]
) -> None:
    base_ms = now_ms() - BASE_DAYS * DAY_MS
    units = [
        Unlucky(Unit(tmp_path, name, mosquitto.host, mosquitto.port), lives, base_ms)
        for name, lives in SCENARIOS.items()
    ]
    witness = Witness(service)
    troubles = Troubles(service, mosquitto)

    def meanwhile() -> None:
        if not troubles.befall():
            witness.look()

    live_all(units, meanwhile)
    assert {unit.name: unit.error for unit in units if unit.error is not None} == {}
    wrong = {unit.name: found for unit in units if (found := complaints(unit, witness))}
    assert wrong == {}
    assert witness.futures == set(), "shown in the future"
    assert service.get("refused")["refused"] == [], "a resend differed"
    assert "jump" in {event["values"].get("code") for event in witness.events("spoofed")}
    note(units=len(units), boots=sum(map(len, SCENARIOS.values())), ticks=ticks_of(units, witness))


def test_a_wall_clock_that_steps_disturbs_nothing(
    tmp_path: Path,
    mosquitto: Mosquitto,
    service: Service,
    programs: list[Program],
    note: Callable[..., None],
) -> None:
    """The whole process, on a system whose clock is set to another year every second: no timer asks it.

    The connection may be silent for as long as a busy machine makes it.
    """
    settings = Unit(tmp_path, "stepping", mosquitto.host, mosquitto.port, sense_s=1, keepalive_s=60)
    unit = Unlucky(settings, (WON,), now_ms())
    receiver = Receiver(tmp_path / "gnss.tty", 0, BootTime(WON, unit.base_ms, speed=1))
    receiver.begin()
    unit.unit.listen(receiver.line.link)
    offset = tmp_path / "offset"
    agent = Program(
        module_command("edge", "run", "--config", unit.unit.config),
        tmp_path / "unit.log",
        env={"LD_PRELOAD": str(wall_shim(tmp_path)), "WALL_OFFSET": str(offset)},
    )
    programs.append(agent)
    witness = Witness(service)
    for offset_ms in OFFSETS_MS:
        offset.write_text(str(offset_ms // SECOND_MS))
        if not agent.is_running:
            agent.start()
        seen = stored_since(service, unit.name, 0)
        wait_until(lambda seen=seen: stored_since(service, unit.name, 0) > seen, 15, what=agent.tail)
        if seen:
            witness.look()
    assert agent.stop() == 0
    receiver.close()
    unit.receivers.append(receiver)
    fixes = list(witness.fixes(unit))
    assert [fix for fix in fixes if abs(fix[2] - fix[1]) > WITHIN_MS] == []
    assert witness.futures == set()
    assert mosquitto.log().count(f" as {unit.name} ") == 1, "it went on in one connection"
    note(steps=len(OFFSETS_MS), fixes=len(fixes))


def wall_shim(folder: Path) -> Path:
    compiler = find_program("cc")
    if compiler is None:
        pytest.skip("no C compiler: apt-get install gcc libc6-dev")
    built = folder / "wall_shim.so"
    source = Path(__file__).with_name("wall_shim.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", built, source], check=True)
    return built


def ticks_of(units: list[Unlucky], witness: Witness) -> int:
    return sum(len(witness.ticks(unit.name)) for unit in units)


def complaints(unit: Unlucky, witness: Witness) -> list[str]:
    """What is wrong with the time of a unit's records, in words; [] is right."""
    found = []
    ticks = witness.ticks(unit.name)
    for number, life in enumerate(unit.lives):
        own = [tick for tick in ticks if tick[0] == number]
        if len(own) < life.run_s * 2 // 3:
            found.append(f"boot {number} has {len(own)} ticks")
        check = {"gnss": won, "estimated": bounded, "none": untimed}[life.clock]
        found += [f"boot {number}: {text}" for text in check(unit, number, own)]
    found += [
        f"boot {number}: a fix of {instant(true_ms)} shown at {instant(shown_ms)}"
        for number, true_ms, shown_ms in witness.fixes(unit)
        if unit.lives[number].clock == "gnss" and abs(shown_ms - true_ms) > WITHIN_MS
    ]
    return [*found[:8], *disordered(unit, witness)]


def won(unit: Unlucky, number: int, ticks: list[tuple[int, int, int | None, str]]) -> Iterator[str]:
    """Every record of a boot whose clock was won has the right UTC."""
    for _, mono_ms, shown_ms, clock in ticks:
        true_ms = unit.begin_ms(number) + mono_ms
        if shown_ms is None or abs(shown_ms - true_ms) > WITHIN_MS or clock != "gnss":
            shown = None if shown_ms is None else instant(shown_ms)
            yield f"{instant(true_ms)} shown at {shown} by {clock}"


def bounded(unit: Unlucky, number: int, ticks: list[tuple[int, int, int | None, str]]) -> Iterator[str]:
    """A boot without time lies between its neighbours that had one, and says that this is a guess."""
    timed = [other for other, life in enumerate(unit.lives) if life.clock == "gnss"]
    earliest_ms = max((unit.end_ms(other) for other in timed if other < number), default=0)
    latest_ms = min((unit.begin_ms(other) for other in timed if other > number), default=now_ms())
    for _, mono_ms, shown_ms, clock in ticks:
        if shown_ms is None or clock != "estimated":
            yield f"{mono_ms} ms after the boot is shown at {shown_ms} by {clock}"
        elif not earliest_ms - WITHIN_MS <= shown_ms <= latest_ms + WITHIN_MS:
            yield f"{instant(shown_ms)} is not between {instant(earliest_ms)} and {instant(latest_ms)}"


def untimed(_unit: Unlucky, _number: int, ticks: list[tuple[int, int, int | None, str]]) -> Iterator[str]:
    """Without any neighbour that knew, no time is shown at all."""
    return (
        f"{shown_ms} by {clock}" for _, _, shown_ms, clock in ticks if (shown_ms, clock) != (None, "none")
    )


def disordered(unit: Unlucky, witness: Witness) -> list[str]:
    """Order: by seq, by monotonic time and by the time that is shown it is the same."""
    monos: dict[tuple[str, str], list[int]] = {}
    for (epoch, _, _), row in sorted(books.of_service(witness.service.store, unit.name).items()):
        if is_tick(row):
            monos.setdefault((epoch, row[0]), []).append(int(row[-1]))
    found = [f"by seq, ticks are at {order}" for order in monos.values() if order != sorted(order)]
    shown = [shown_ms for _, _, shown_ms, _ in witness.ticks(unit.name) if shown_ms is not None]
    return [*found, *(["the times shown are out of order"] if shown != sorted(shown) else [])]


def is_tick(row: tuple[Any, ...]) -> bool:
    return row[1] == "fault" and "tick" in row
