"""The unit inside the virtual machine: the real agent on a driving receiver, saying what it promises.

After each commit of the intake one line per record goes to the console, in one write: what the host read of
them was on the disk, or so the agent believed.
"""

from __future__ import annotations

import argparse
import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import edge.agent
import edge.parts
from edge.config import load_settings
from edge.intake import Intake
from edge.time_source import SystemTime
from tests.line import promises
from tests.line.driver import Driver

if TYPE_CHECKING:
    from edge.record import Record

CONSOLE = 1


class PromisingIntake(Intake):
    """Tells what is on the disk; the control has a disk setting that does not keep it there."""

    synchronous = "FULL"

    def open(self, now_ms: int) -> bool:
        is_open = super().open(now_ms)
        if is_open:
            self._need()._db.execute(f"PRAGMA synchronous={self.synchronous}")
        return is_open

    def _append(self, records: list[Record], count: int) -> None:
        super()._append(records, count)
        os.write(CONSOLE, "".join(promises.of_record(record).line() for record in records).encode())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--is-parked", action="store_true", help="the receiver says nothing")
    parser.add_argument("--synchronous", default="FULL")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = load_settings(given.config)
    driver = Driver(Path(settings.source[0].port), period_s=0.05)
    if given.is_parked:
        driver.halt()
    PromisingIntake.synchronous = given.synchronous
    edge.parts.Intake = PromisingIntake  # type: ignore[misc]
    edge.agent.Agent(settings, SystemTime()).run(threading.Event())


if __name__ == "__main__":
    main()
