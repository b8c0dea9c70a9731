"""The world around one unit: a thread that drives it, feeds its port, and takes its radio and its power.

    Vehicle --scene--> Receiver --bytes--> pty        each second of simulated time
    or Home     ├────> Wiring: a cabinet's node and scanner, each on a pty; or Crew: readers of a library
                └────> relay: open, hushed or cut;  power: on, off

The same thread serves the relay, so that a unit costs one wake-up a second beside its traffic.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge.simulate import journal
from edge.simulate.drive import Motion, Scene, Vehicle
from edge.simulate.fleet import Unit
from edge.simulate.home import Home
from edge.simulate.pty_line import PtyLine
from edge.simulate.receiver import Antenna, Receiver
from edge.simulate.relay import Relay

MOST_EPOCHS_S = 5  # of real time: beyond, epochs get rarer instead
SAVE_S = 5
ASLEEP_MS = 600_000  # a longer jump of the clock is one of the machine, not a drive


class Time(Protocol):
    """Simulated time, `rate` times as fast as the real one."""

    @property
    def rate(self) -> float: ...
    def utc_ms(self) -> int: ...


class Aboard(Protocol):
    """What a unit carries and the world moves: a cabinet's wiring, or a library's crew."""

    def step(self, scene: Scene, utc_ms: int) -> None: ...
    def save(self) -> None: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class State:
    """What changes as the unit drives."""

    utc_ms: int
    motion: Motion
    antenna: Antenna


class World:
    """Runs until `stop`; `powered` hears of the unit's power, `felt` of every scene and its UTC."""

    def __init__(
        self,
        unit: Unit,
        folder: Path,
        relay: Relay,
        time: Time,
        powered: Callable[[bool], None],
        felt: Callable[[Scene, int], None],
        aboard: Aboard | None = None,
    ) -> None:
        self._vehicle = (Home if unit.is_home else Vehicle)(unit.id, unit.home_id)
        self._receiver = Receiver(unit.id, unit.talker, is_nmea41=unit.is_nmea41)
        self._journal_path = folder / "journal.json"
        self._line = PtyLine(folder / "gnss")
        self._relay = relay
        self._time = time
        self._powered = powered
        self._felt = felt
        self._aboard = aboard
        self._is_powered = False
        self._step_s = max(1, round(time.rate / MOST_EPOCHS_S))
        entry = journal.load(self._journal_path)
        motion = self._vehicle.start() if entry is None else entry.motion
        self._state = State(time.utc_ms() // 1000 * 1000, motion, self._receiver.warm())
        self._saved_ms = 0

    def run(self, stop: threading.Event) -> None:
        """The body of the thread."""
        try:
            while not stop.is_set():
                self._show(self._vehicle.scene(self._state.motion))
                if self._has_waited(stop):
                    self._go_on()
        finally:
            self._save()
            self._line.close()
            if self._aboard is not None:
                self._aboard.close()
            self._relay.close()

    def wake(self) -> None:
        """Have the thread see that it shall stop. From any thread."""
        self._relay.wake()

    def _show(self, scene: Scene) -> None:
        state = self._state
        self._felt(scene, state.utc_ms)
        if scene.is_powered != self._is_powered:
            self._is_powered = scene.is_powered
            self._powered(scene.is_powered)
        if not scene.is_powered:
            state.antenna = Antenna()
        else:
            self._line.send(self._receiver.epoch(state.antenna, scene, state.utc_ms))
        if self._aboard is not None:
            self._aboard.step(scene, state.utc_ms)
        self._cover(scene)
        if state.utc_ms - self._saved_ms >= SAVE_S * 1000 * self._time.rate:
            self._save()

    def _cover(self, scene: Scene) -> None:
        """Every second valley cuts, the others only swallow."""
        if scene.is_covered:
            self._relay.open()
        elif self._state.motion.leg % 2:
            self._relay.hush()
        else:
            self._relay.cut()

    def _has_waited(self, stop: threading.Event) -> bool:
        """Serve the radio until the next step is due; False when stopped before."""
        due_ms = self._state.utc_ms + self._step_s * 1000
        while not stop.is_set():
            left_s = (due_ms - self._time.utc_ms()) / 1000 / self._time.rate
            if left_s <= 0:
                return True
            self._relay.serve(left_s)
        return False

    def _go_on(self) -> None:
        """Drive on to the newest whole step that is due."""
        state, scene = self._state, self._vehicle.scene(self._state.motion)
        steps = max(1, (self._time.utc_ms() - state.utc_ms) // (self._step_s * 1000))
        seconds = steps * self._step_s
        state.utc_ms += seconds * 1000
        if seconds * 1000 <= ASLEEP_MS:
            state.motion = self._vehicle.after(state.motion, seconds)
            state.antenna = self._receiver.after(state.antenna, scene, seconds)

    def _save(self) -> None:
        self._saved_ms = self._state.utc_ms
        journal.save(self._journal_path, journal.Entry(self._state.utc_ms, self._state.motion))
        if self._aboard is not None:
            self._aboard.save()
