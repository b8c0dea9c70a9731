"""Boots of a unit whose clocks lie: the real agent in this process, on a pty, faster than the day.

The test knows the truth: when each boot began, and so when anything in it happened. A tick each second is an
event that says how long its boot has run; a fix says by its latitude which second of which boot it is of. The
time of a boot passes no second before all that was said in it was heard, so a busy machine changes nothing.
"""

from __future__ import annotations

import itertools
import math
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from edge.agent import Agent
from edge.config import load_settings
from edge.record import fault
from edge.simulate.counting import DrainingAgent
from edge.simulate.pty_line import PtyLine
from edge.simulate.sentences import Solution, sentences
from edge.sources.gnss import Gnss
from firmware import wire
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edge.record import Reading
    from tests.line.whole_line import Unit

SPEED = 4.0
SECOND_MS = 1000
LAT_DEG, LON_DEG, STEP_DEG = 40.0, 107.0, 1e-4
SECONDS_PER_LIFE = 1000  # of latitude
LIFE_S, DRAIN_S = 60.0, 30.0
LOOK_S = 0.002
MOST_LOOKS = 2000  # for an agent that hears nothing

Evidence = tuple[Literal["ntp", "rtc"], int] | None


def no_time(_mono_ms: int, _utc_ms: int) -> None:
    """Of a receiver without a fix, or a system without a clock that is worth anything."""


@dataclass(frozen=True)
class Life:
    """One boot: how long, what its receiver and its system's clock say, and which clock it ends with."""

    clock: str
    receiver: Callable[[int, int], int | None] = no_time  # (monotonic, true UTC) -> UTC
    system: Callable[[int, int], Evidence] = no_time
    run_s: int = 24
    off_s: int = 3600


@dataclass
class BootTime:
    """A boot at a moment that only the test knows."""

    life: Life
    begin_ms: int
    speed: float = SPEED
    boot: str = field(default_factory=lambda: secrets.token_hex(wire.ID_BYTES))
    hold_ms: float = math.inf  # it stands still there
    _begin_ns: int = field(default_factory=time.monotonic_ns)

    def mono_ms(self) -> int:
        now_ms = int((time.monotonic_ns() - self._begin_ns) * self.speed) // 1_000_000
        return int(min(now_ms, self.hold_ms))

    def evidence(self) -> Evidence:
        mono_ms = self.mono_ms()
        return self.life.system(mono_ms, self.begin_ms + mono_ms)

    def pause(self, seconds: float) -> None:
        time.sleep(seconds / self.speed)

    def wait(self, until_ms: int, stop: threading.Event) -> bool:
        """Whether it is that late; False when stopped before."""
        while (left_ms := until_ms - self.mono_ms()) > 0:
            if stop.wait(max(left_ms / 1000 / self.speed, LOOK_S)):
                return False
        return not stop.is_set()


class Ticks:
    """A source of events: each says how long the boot has run."""

    name = "ticks"

    def __init__(self, number: int, clock: BootTime) -> None:
        self.refused: dict[str, int] = {}
        self.said = 0
        self._number = number
        self._clock = clock

    def run(self, emit: Callable[[Reading], None], stop: threading.Event) -> None:
        for second in itertools.count(1):
            if not self._clock.wait(second * SECOND_MS, stop):
                return
            mono_ms = self._clock.mono_ms()
            emit(fault("tick", str(self._number), mono_ms, detail=str(mono_ms), is_over=True))
            self.said = second


class Receiver:
    """Writes NMEA to a pty each second of the boot, with the date that its life gives it."""

    def __init__(self, link: Path, number: int, clock: BootTime) -> None:
        self.line = PtyLine(link)
        self.written_ms: dict[int, int] = {}  # true UTC of each second's sentences
        self._number = number
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"receiver {link.name}", daemon=True)
        self._said = 0  # sentences
        self._heard: Callable[[], tuple[int, int]] | None = None

    def begin(self, heard: Callable[[], tuple[int, int]] | None = None) -> None:
        """`heard` tells how many sentences and ticks an agent has taken: with it time waits for the agent."""
        self._heard = heard
        if heard is not None:
            self._clock.hold_ms = 0
        self._thread.start()

    def _run(self) -> None:
        self.line.send_all(b"\r\n", self._stop)  # waits for the reader
        for second in itertools.count(1):
            if self._heard is not None:
                self._clock.hold_ms = second * SECOND_MS
            if not self._clock.wait(second * SECOND_MS, self._stop):
                return
            if self.line.has_reader:
                said = self._sentences(second)
                self.line.send(said)
                self._said += said.count(b"$")
            self._wait_until_heard(second)

    def _wait_until_heard(self, second: int) -> None:
        if self._heard is None:
            return
        for _ in range(MOST_LOOKS):  # not so many seconds: a machine that stood still has not looked
            sentences, ticks = self._heard()
            if (sentences >= self._said and ticks >= second) or self._stop.wait(LOOK_S):
                return
        self._said, _ = self._heard()

    def _sentences(self, second: int) -> bytes:
        mono_ms = round(self._clock.mono_ms(), -1)  # as fine as a receiver writes it
        self.written_ms[second] = self._clock.begin_ms + mono_ms
        said_ms = self._clock.life.receiver(mono_ms, self.written_ms[second])
        place = LAT_DEG + (self._number * SECONDS_PER_LIFE + second) * STEP_DEG
        solution = Solution(None)
        if said_ms is not None:
            solution = Solution(said_ms, place, LON_DEG, 1300.0, 11.1, 0.0, 9, 0.9, 3)
        return b"".join(sentences(solution, "GN"))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.line.close()


@dataclass
class Unlucky:
    """A unit and the boots it goes through; `receivers` are those of the boots so far."""

    unit: Unit
    lives: Sequence[Life]
    base_ms: int
    receivers: list[Receiver] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def name(self) -> str:
        return self.unit.name

    def begin_ms(self, number: int) -> int:
        """The true UTC of a boot."""
        before = self.lives[:number]
        return self.base_ms + sum(life.run_s + life.off_s for life in before) * SECOND_MS

    def end_ms(self, number: int) -> int:
        return self.begin_ms(number) + self.lives[number].run_s * SECOND_MS

    def moment_ms(self, latitude_deg: float) -> tuple[int, int]:
        """(number of the boot, true UTC) of a fix at that latitude."""
        number, second = divmod(round((latitude_deg - LAT_DEG) / STEP_DEG), SECONDS_PER_LIFE)
        return number, self.receivers[number].written_ms[second]

    def live(self) -> None:
        """All boots one after the other, and then until all has its receipt. For a thread of its own."""
        try:
            for number, life in enumerate(self.lives):
                self._live_once(number, life)
            self._drain()
        except BaseException as error:
            self.error = error
            raise

    def _live_once(self, number: int, life: Life) -> None:
        clock = BootTime(life, self.begin_ms(number))
        port = self.unit.folder / f"{self.name}.tty"
        receiver = Receiver(port, number, clock)
        self.receivers.append(receiver)
        gnss = Gnss("gnss", str(port), 115200, clock.mono_ms, clock.pause)
        ticks = Ticks(number, clock)
        agent = Agent(load_settings(self.unit.config), clock, sources=[gnss, ticks])
        receiver.begin(lambda: (gnss.sentences, ticks.said))
        self._run(agent, lambda: ticks.said >= life.run_s, LIFE_S)
        receiver.close()

    def _drain(self) -> None:
        rest = BootTime(Life("none"), self.begin_ms(len(self.lives)))
        agent = DrainingAgent(load_settings(self.unit.config), rest, sources=[])
        self._run(agent, lambda: agent.is_drained, DRAIN_S)

    def _run(self, agent: Agent, is_over: Callable[[], bool], timeout_s: float) -> None:
        stop = threading.Event()
        thread = threading.Thread(target=agent.run, args=(stop,), name=f"agent {self.name}", daemon=True)
        thread.start()
        try:
            wait_until(is_over, timeout_s, every_s=0.05, what=f"{self.name}: {agent.status()}")
        finally:
            stop.set()
            thread.join()


def live_all(units: Sequence[Unlucky], meanwhile: Callable[[], Any]) -> None:
    """Let all live at once; `meanwhile` is called again and again until they are through."""
    threads = [threading.Thread(target=unit.live, name=unit.name, daemon=True) for unit in units]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        meanwhile()
        threads[0].join(0.25)
