"""One simulated unit in a process of its own: the real agent, and around it the world or a recording."""

import json
import logging
import logging.handlers
import os
import select
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import settings_of
from edge.health import Machine
from edge.replay.paced_time import PacedTime
from edge.replay.player import Player
from edge.replay.recording import Recording
from edge.settings import Settings
from edge.simulate import cabinet, lent, library, past
from edge.simulate.calendar import Calendar
from edge.simulate.counting import CountingAgent
from edge.simulate.drive import Scene
from edge.simulate.fleet import Unit
from edge.simulate.pty_line import PtyLine
from edge.simulate.relay import Relay
from edge.simulate.supply import soc_c, supply_v
from edge.simulate.wiring import Wiring
from edge.simulate.world import Aboard, World
from edge.time_source import ScaledTime

if TYPE_CHECKING:
    from edge.record import Values

log = logging.getLogger(__name__)

STATUS_S = 1.0
MAX_LOG_BYTES = 256 * 1024
OUTBOX_MIB = 64
SPREAD_S = 0.0  # coverage is cut by closing connections, which looks as if the broker were gone
WINDOW_S = 15.0  # shorter than on a vehicle, so that a spectator sees a track within a minute


class Cabin(Machine):
    """The vehicle's computer as the world treats it: its temperature and its supply."""

    def __init__(self, disk: Path) -> None:
        super().__init__(disk)
        self._felt: tuple[Scene, int] | None = None

    def feel(self, scene: Scene, utc_ms: int) -> None:
        """The world's news."""
        self._felt = scene, utc_ms

    def health(self) -> "Values":
        """As the real machine's, with the temperature of where the vehicle is."""
        known = super().health()
        return (
            known if self._felt is None else {**known, "soc_temperature_cc": round(100 * soc_c(*self._felt))}
        )

    def power(self) -> "Values":
        """Supply and ignition of the vehicle."""
        if self._felt is None:
            return super().power()
        return {
            "supply_mv": round(1000 * supply_v(*self._felt)),
            "battery_mv": None,
            "is_ignition_on": int(self._felt[0].is_ignition_on),
            "is_undervolted": 0,
        }


def settings_for(unit: Unit, folder: Path, broker: tuple[str, int]) -> Settings:
    """What a unit's settings file would say."""
    wired = ("node", "scanner") if unit.cabinet else ()
    lines = [{"name": name, "type": name, "port": str(folder / name)} for name in wired]
    return settings_of(
        {
            "unit": {"id": unit.id, "name": unit.name, "capabilities": list(unit.capabilities)},
            "broker": {"host": broker[0], "port": broker[1], "spread_s": SPREAD_S},
            "outbox": {"path": str(folder / "outbox.db"), "max_mib": OUTBOX_MIB},
            "track": {"window_s": WINDOW_S},
            "source": [
                {"name": "gnss", "type": "gnss", "port": str(folder / "gnss"), "baud": 115200},
                *lines,
            ],
            **({"cabinet": cabinet.settings_of(unit.cabinet, str(folder))} if lines else {}),
            **({"books": library.settings_of(folder)} if unit.is_library else {}),
        },
        f"unit {unit.id}",
    )


class Process:
    """What both sorts of unit share: signals, log, status, and an agent that may be switched off and on."""

    def __init__(
        self, unit: Unit, folder: Path, make_time: Callable[[], ScaledTime], status_fd: int, life_fd: int
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._unit, self._folder, self._make_time = unit, folder, make_time
        self._status_fd, self._life_fd = status_fd, life_fd
        self.cabin = Cabin(folder)
        self.stop, self._off, self._changed = threading.Event(), threading.Event(), threading.Event()
        self._off.set()
        self._agent: CountingAgent | None = None
        self._fixes = 0
        self._wake: Callable[[], None] | None = None
        _log_to(folder / "agent.log")
        signal.signal(signal.SIGTERM, lambda *_: self.end())

    def end(self) -> None:
        """Stop everything. From any thread, or a signal."""
        self.stop.set()
        self.power(is_on=False)
        self._changed.set()
        if self._wake is not None:
            self._wake()

    def power(self, *, is_on: bool) -> None:
        """Switch the unit's computer. From any thread."""
        if is_on and not self.stop.is_set():
            self._off.clear()
        else:
            self._off.set()
            if self._agent is not None:
                self._agent.wake()
        self._changed.set()

    def run(
        self,
        broker: tuple[str, int],
        surroundings: Callable[[threading.Event], None],
        wake: Callable[[], None] | None = None,
    ) -> None:
        """Run agent and surroundings until the end; `wake` has the surroundings look at their stop."""
        self._wake = wake
        world = threading.Thread(target=self._watched, args=(surroundings,), name="world")
        status = threading.Thread(target=self._watched, args=(self._tell,), name="status", daemon=True)
        world.start()
        status.start()
        while not self.stop.is_set():
            self._changed.wait()
            self._changed.clear()
            if not self._off.is_set():
                self._drive(broker)
        world.join(1)

    def _drive(self, broker: tuple[str, int]) -> None:
        """One run of the agent, from power on to power off: a boot of its own."""
        settings = settings_for(self._unit, self._folder, broker)
        self._agent = agent = CountingAgent(settings, self._make_time(), machine=self.cabin)
        agent.run(self._off)
        self._agent = None
        self._fixes += agent.fixes

    def _watched(self, body: Callable[[threading.Event], None]) -> None:
        """A thread that dies takes the process along; the parent starts it again."""
        try:
            body(self.stop)
        except Exception:
            log.exception("%s died", threading.current_thread().name)
        finally:
            self.end()

    def _tell(self, stop: threading.Event) -> None:
        """A line of status a second; the parent's death is seen as the end of the lifeline."""
        while not stop.is_set():
            agent = self._agent
            line = {
                "unit": self._unit.id,
                "is_on": agent is not None,
                "is_online": agent is not None and agent.is_online,
                "fixes": self._fixes + (0 if agent is None else agent.fixes),
                "outbox_rows": None if agent is None else agent.depth_rows,
            }
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(self._status_fd, json.dumps(line).encode() + b"\n")
            if select.select([self._life_fd], [], [], STATUS_S)[0]:
                return


def drive(
    unit: Unit, folder: Path, broker: tuple[str, int], calendar: Calendar, status_fd: int, life_fd: int
) -> None:
    """The body of a driving unit's process."""
    process = Process(unit, folder, lambda: ScaledTime(calendar.rate), status_fd, life_fd)
    aboard: Aboard | None = None
    now_ms = calendar.utc_ms()
    if unit.cabinet:
        past.live_through(unit, settings_for(unit, folder, broker), now_ms)
        aboard = Wiring(unit, folder, now_ms)
    elif unit.is_library:
        lent.live_through(unit, settings_for(unit, folder, broker), now_ms)
        aboard = library.Crew(unit, folder)
    relay = Relay(*broker)
    world = World(
        unit, folder, relay, calendar, lambda is_on: process.power(is_on=is_on), process.cabin.feel, aboard
    )
    process.run(("127.0.0.1", relay.port), world.run, world.wake)


def play(
    unit: Unit,
    folder: Path,
    broker: tuple[str, int],
    calendar: Calendar,
    recording: Recording,
    status_fd: int,
    life_fd: int,
) -> None:
    """The body of a process that plays a recording as if it happened now, again and again."""
    pace = PacedTime(calendar.rate)
    process = Process(unit, folder, lambda: pace, status_fd, life_fd)
    line = PtyLine(folder / "gnss")
    player = Player(recording, line, pace)

    def surroundings(stop: threading.Event) -> None:
        process.power(is_on=True)
        begins_ms = recording.begins_ms
        player.for_ever(stop, 0 if begins_ms is None else calendar.utc_ms() - begins_ms)
        line.close()

    process.run(broker, surroundings)


def _log_to(path: Path) -> None:
    """Keep the unit's log beside its outbox, bounded; the terminal is the parent's."""
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=MAX_LOG_BYTES, backupCount=1)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
