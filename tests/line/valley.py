"""`python -m tests.line.valley CONFIG SCRIPT`: a vehicle's agent and its cabinet, minute by minute.

SCRIPT is JSON: {"begin_ms": UTC of the boot, "speed": 1200, "minutes": [[0.01 deg C, [codes]], ...]}.
The agent's time never passes a minute before all that was said in it was heard, so a busy machine changes
nothing. After the last minute it says "through" and the minute stands still, or, with "speed" 1, goes on with
the last temperature until it is ended.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edge.config import load_settings
from edge.replay.paced_time import PacedTime
from edge.simulate.counting import CountingAgent
from edge.simulate.pty_line import PtyLine
from firmware.line import frame

if TYPE_CHECKING:
    from edge.record import Reading

MINUTE_MS = 60_000
LOOK_S = 0.002


class RtcTime(PacedTime):
    """Paced time of a unit that asks its real-time clock once: later the time runs on while one asks."""

    def __init__(self, speed: float, begin_ms: int) -> None:
        super().__init__(speed)
        self._begin_ms: int | None = begin_ms

    def evidence(self) -> tuple[Literal["ntp", "rtc"], int] | None:
        begin_ms, self._begin_ms = self._begin_ms, None
        return None if begin_ms is None else ("rtc", begin_ms + self.mono_ms())


class HearingAgent(CountingAgent):
    """Counts what its cabinet's sources have said and its main thread has taken."""

    heard = 0

    def _accept(self, reading: Reading) -> None:
        super()._accept(reading)
        self.heard += reading.kind in ("climate", "scan")


class Script:
    """Says on node and scanner what stands in the script; the body of a thread."""

    def __init__(self, folder: Path, time: RtcTime, agent: HearingAgent, minutes: list[Any]) -> None:
        self._node, self._scanner = PtyLine(folder / "node"), PtyLine(folder / "scanner")
        self._time, self._agent, self._minutes = time, agent, minutes
        self._seq = self._said = 0

    def run(self, stop: threading.Event) -> None:
        for line in (self._node, self._scanner):
            line.send_all(b"\0" if line is self._node else b"\r", stop)  # waits for the reader
        for number, (temperature_cc, codes) in enumerate(self._minutes, 1):
            self._go_to(number * MINUTE_MS, stop)
            self._say(temperature_cc, codes, stop)
        print("through", flush=True)
        while self._time.speed == 1 and not stop.wait(1):
            self._say(self._minutes[-1][0], [], stop)

    def _go_to(self, at_ms: int, stop: threading.Event) -> None:
        self._time.hold(at_ms)
        while self._time.speed != 1 and self._time.mono_ms() < at_ms and not stop.wait(LOOK_S):
            self._node.received()

    def _say(self, temperature_cc: int, codes: list[str], stop: threading.Event) -> None:
        self._seq += 1
        entry = frame.Entry(frame.TEMPERATURE_CC, 0, 0, temperature_cc)
        self._node.send(frame.encode(frame.REPORT, 1, self._seq, frame.report([entry])))
        self._said += 1
        for code in codes:
            self._scanner.send(code.encode() + b"\r")
            self._said += 1
        while self._agent.heard < self._said and not stop.wait(LOOK_S):
            self._node.received()  # its pings: this node keeps nothing that would need a common time


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config, script = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    time = RtcTime(script["speed"], script["begin_ms"])
    time.hold(0 if script["speed"] != 1 else None)
    agent = HearingAgent(load_settings(config), time)
    cabinet = Script(config.parent, time, agent, script["minutes"])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=cabinet.run, args=(stop,), daemon=True).start()
    agent.run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
