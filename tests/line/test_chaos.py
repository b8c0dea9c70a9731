"""Unit, broker and service are killed at random while fixes flow; then the books must balance, row by row.

Kills are SIGKILL at any moment: nobody gets to clean up. The broker runs with its default settings, under
which it forgets what it had acknowledged. A cut of power differs (`test_power_cut.py`, the virtual machine).
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.waiting import wait_until
from tests.line import books
from tests.line.vehicle import Vehicle, stored_since, wait_for_new
from tests.line.whole_line import Service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.fixtures.programs import Program

# By hand as long as one likes: ORTOO_CHAOS_S=3600
CHAOS_S = float(os.environ.get("ORTOO_CHAOS_S", "90"))
SEED = int(os.environ.get("ORTOO_CHAOS_SEED", "20261121"))
UNITS = 3
BACK_S = 60.0  # until each unit is heard of again


@pytest.mark.timeout(CHAOS_S + 400)
def test_books_balance_after_kills(
    tmp_path: Path,
    mosquitto: Mosquitto,
    free_port: int,
    programs: list[Program],
    note: Callable[..., None],
) -> None:
    service = Service(tmp_path, mosquitto.host, mosquitto.port, free_port)
    vehicles = [
        Vehicle(tmp_path, f"chaos-{number}", mosquitto.host, mosquitto.port) for number in range(1, UNITS + 1)
    ]
    programs += [service.program, *(vehicle.program for vehicle in vehicles)]
    for program in (service.program, *(vehicle.program for vehicle in vehicles)):
        program.start()
    kills = _kill_at_random(random.Random(SEED), mosquitto, service.program, vehicles)
    service.wait_until_ready()
    for vehicle in vehicles:
        wait_for_new(service, vehicle.name, BACK_S)
    wait_until(lambda: most_has_come(service, vehicles), BACK_S, every_s=0.2, what="most fixes")
    totals: Counter[str] = Counter(kills)
    for vehicle in vehicles:
        vehicle.driver.halt()
        vehicle.stop()
        vehicle.drain(60)
        own, _ = books.of_unit(vehicle.unit.outbox)
        assert books.unbalanced(own, books.of_service(service.store, vehicle.unit.name)) == []
        totals["fixes_received"] += vehicle.driver.fixes
        totals["fixes"] += sum(row[1] == "fix" for row in own.values())
        totals["rows"] += len(own)
        vehicle.driver.close()
    assert totals["fixes"] > totals["fixes_received"] / 2
    assert service.program.stop() == 0
    note(seed=SEED, seconds=CHAOS_S, units=UNITS, **totals, lost=0, twice=0)


def most_has_come(service: Service, vehicles: list[Vehicle]) -> bool:
    """Whether more than half of what receivers sent is stored; what a kill costs hangs on the machine."""
    stored = sum(stored_since(service, vehicle.name, 0) for vehicle in vehicles)
    return stored > sum(vehicle.driver.fixes for vehicle in vehicles) / 2


def _kill_at_random(
    rng: random.Random, broker: Mosquitto, service: Program, vehicles: list[Vehicle]
) -> Counter[str]:
    victims: list[tuple[str, Program]] = [("broker_kills", broker), ("service_kills", service)]
    victims += [("unit_kills", vehicle.program) for vehicle in vehicles]
    kills: Counter[str] = Counter()
    until = time.monotonic() + CHAOS_S
    while time.monotonic() < until:
        time.sleep(rng.uniform(0.2, 2.0))
        what, victim = rng.choice(victims)
        victim.kill()
        kills[what] += 1
        time.sleep(rng.uniform(0.0, 1.0))
        victim.start()
    return kills
