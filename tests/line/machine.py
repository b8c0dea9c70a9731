"""`python -m tests.line.machine CONFIG`: the agent on a machine of its own, where each start is a boot.

`edge run` takes the kernel's boot, which all agents of a test would share. With --speed each of its timers
runs so many times faster; with --drain it measures nothing more and ends when all has its receipt. At SIGUSR1
somebody has pressed a button, which is an event.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import load_settings
from edge.record import fault
from edge.simulate.counting import CountingAgent, DrainingAgent
from edge.time_source import ScaledTime

if TYPE_CHECKING:
    from edge.sources import Source

LOOK_S = 0.05


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--drain", action="store_true")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    kind = DrainingAgent if given.drain else CountingAgent
    sources: list[Source] | None = [] if given.drain else None
    time = ScaledTime(given.speed)
    agent = kind(load_settings(given.config), time, sources=sources)

    def press(*_: object) -> None:
        pressed = fault("button", "pressed", time.mono_ms(), is_over=True)
        threading.Thread(target=agent.emit, args=(pressed,), daemon=True).start()

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGUSR1, press)
    if isinstance(agent, DrainingAgent):
        threading.Thread(target=_watch, args=(agent, stop), daemon=True).start()
    agent.run(stop)
    return 0


def _watch(agent: DrainingAgent, stop: threading.Event) -> None:
    while not agent.is_drained and not stop.wait(LOOK_S):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
