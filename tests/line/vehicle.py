"""A vehicle for the tests: a receiver that drives without end, and the agent's process beside it."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from firmware import wire
from ingest.history.sqlite import SqliteHistory
from ingest.ledger.files import open_reading
from tests.fixtures.programs import Program, module_command
from tests.fixtures.waiting import wait_until
from tests.line import books
from tests.line.driver import Driver
from tests.line.whole_line import Unit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.line.whole_line import Service


class Vehicle:
    """A unit on a driving receiver; each start of its agent is a boot of its own."""

    def __init__(
        self, folder: Path, name: str, host: str, port: int, *, speed: float = 1.0, **settings: float
    ) -> None:
        tty = folder / f"{name}.tty"
        self.driver = Driver(tty, speed=speed)
        self.unit = Unit(folder, name, host, port, **settings)
        self.unit.listen(tty)
        self._speed = speed
        self.program = self._agent(folder / f"{name}.log")

    @property
    def name(self) -> str:
        return self.unit.name

    def _agent(self, log: Path, *words: str) -> Program:
        command = module_command(
            "tests.line.machine", str(self.unit.config), "--speed", str(self._speed), *words
        )
        return Program(command, log)

    def stop(self) -> None:
        """The agent ends in order; what it has accepted is on its disk."""
        assert self.program.stop() == 0, self.program.tail()

    def drain(self, timeout_s: float = 30) -> None:
        """Run a stopped unit without its receiver until nothing waits for a receipt any more."""
        program = self._agent(self.program.log_path, "--drain")
        program.start()
        try:
            assert program.wait(timeout_s) == 0, program.tail()
        finally:
            program.kill()

    def close(self) -> None:
        self.program.kill()
        self.driver.close()


def stored_since(service: Service, unit: str, from_ms: int) -> int:
    """Fixes of that unit that the store has of the time since then."""
    with closing(open_reading(service.store)) as reading:
        return SqliteHistory(reading).read(unit, "fix", None, from_ms, wire.MAX_TIME_MS).rows


def wait_for_new(service: Service, unit: str, within_s: float) -> float:
    """Wait until a fix of after this call is stored; the seconds that took."""
    begin_s, from_ms = time.monotonic(), time.time_ns() // 1_000_000
    wait_until(
        lambda: stored_since(service, unit, from_ms) > 0, within_s, every_s=0.2, what=f"a fix of {unit}"
    )
    return time.monotonic() - begin_s


def check_books(service: Service, *vehicles: Vehicle) -> dict[str, int]:
    """Each row that stopped vehicles have accepted is at the service, once and as it was; how many."""
    counts = {"rows": 0, "fixes": 0}
    for vehicle in vehicles:
        own, waiting = books.of_unit(vehicle.unit.outbox)
        assert waiting == 0, f"{vehicle.name}: {waiting} rows still wait"
        wrong = books.unbalanced(own, books.of_service(service.store, vehicle.name))
        assert wrong == [], f"{vehicle.name}: {len(wrong)} rows, as {wrong[:5]}"
        counts["rows"] += len(own)
        counts["fixes"] += sum(row[1] == "fix" for row in own.values())
    return counts
