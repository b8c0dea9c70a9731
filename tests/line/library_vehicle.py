"""`python -m tests.line.library_vehicle CONFIG --utc-ms N`: an agent with a book shelf whose day begins then.

Each start is a boot of its own. Its clock knows the time from the start on, as one with a battery does.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.agent import Agent
from edge.books import asking
from edge.books.asking import AgentGone
from edge.config import load_settings
from edge.time_source import ScaledTime
from tests.fixtures.programs import Program, module_command
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from typing import Literal

SETTINGS = """\
[unit]
id = "{unit}"
[broker]
host = "127.0.0.1"
port = {port}
keepalive_s = 5
spread_s = 0.0
[outbox]
path = "{folder}/outbox.db"
group_ms = 50
[uplink]
receipt_timeout_s = 2.0
[books]
folder = "{folder}/books"
key_file = "{key}"
"""


class BatteryTime(ScaledTime):
    """A clock that was right when the power came."""

    def __init__(self, utc_ms: int) -> None:
        super().__init__()
        self._utc_ms = utc_ms

    def evidence(self) -> tuple[Literal["ntp", "rtc"], int] | None:
        return "rtc", self._utc_ms + self.mono_ms()


class LibraryVehicle:
    """A unit's folder and process; each start chooses the broker's port, a closed one is no coverage."""

    def __init__(self, folder: Path, unit: str, key: Path) -> None:
        self.folder = folder
        self.unit = unit
        self._key = key
        self._asked = itertools.count(1)
        (folder / "books").mkdir(parents=True)
        self.program = Program([], folder / f"{unit}.log")

    def start(self, port: int, utc_ms: int) -> None:
        config = self.folder / "unit.toml"
        config.write_text(SETTINGS.format(unit=self.unit, port=port, folder=self.folder, key=self._key))
        command = module_command("tests.line.library_vehicle", config, "--utc-ms", str(utc_ms))
        self.program.command = [str(part) for part in command]
        self.program.start()
        wait_until(self._is_ready, 30, what=lambda: f"the shelf; {self.program.tail()}")

    def _is_ready(self) -> bool:
        try:
            answer = asking.ask(self._door, {"what": "status"})
        except AgentGone:
            return False
        return answer["state"] == "done" and bool(answer["has_clock"])

    @property
    def _door(self) -> Path:
        return self.folder / "books" / "books.sock"

    def ask(self, what: str, **more: Any) -> dict[str, Any]:
        """Asked until it is answered, under one id."""
        wanted = {"what": what, "id": f"{self.unit}-{next(self._asked)}", **more}
        return asking.ask(self._door, wanted, 30)

    def ask_and_cut(self, port: int, utc_ms: int, what: str, **more: Any) -> dict[str, Any]:
        """The power goes before the crew sees an answer; they ask once more when it is back."""
        wanted = {"what": what, "id": f"{self.unit}-{next(self._asked)}", **more}
        asker = threading.Thread(target=self._ask_quietly, args=(wanted,))
        asker.start()
        self.program.kill()
        asker.join()
        self.start(port, utc_ms)
        return asking.ask(self._door, wanted, 30)

    def _ask_quietly(self, wanted: dict[str, Any]) -> None:
        with suppress(AgentGone):
            asking.ask(self._door, wanted, 30)

    def stop(self) -> None:
        assert self.program.stop() == 0, self.program.tail()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--utc-ms", type=int, required=True)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    Agent(load_settings(given.config), BatteryTime(given.utc_ms)).run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
