"""A library's crew over a real agent: the shelf fills its journal, across a restart."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge.agent import Agent
from edge.books import asking, lists
from edge.books.asking import AgentGone
from edge.simulate import library
from edge.simulate.drive import Scene
from edge.simulate.fleet import fleet
from edge.simulate.library import Crew
from edge.simulate.unit import settings_for
from edge.time_source import ScaledTime
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

MORNING_MS = 1_795_226_400_000  # 2026-11-21 10:00 at the unit
MINUTE_MS = 60_000
PARKED = Scene(39.6, 109.8, 1300, 0, 0, True, True, True, True, 60)


def test_copies_and_cards_follow_from_the_unit() -> None:
    units = [unit for unit in fleet(24) if unit.is_library]
    labels = [label for unit in units for label in library.copies(unit.id)]
    assert len(labels) == len(set(labels)) == library.COPIES * len(units)
    assert library.copies("library-01") == library.copies("library-01")
    assert {copy.shelf for copy in library.copies("library-01").values()} == set(library.SHELVES)


def test_a_crew_lends_and_takes_back_while_the_vehicle_stands(tmp_path: Path) -> None:
    unit = next(unit for unit in fleet(1) if unit.is_library)
    folder = tmp_path / unit.id
    folder.mkdir()
    crew = Crew(unit, folder)
    agent = Agent(settings_for(unit, folder, ("127.0.0.1", 9)), ScaledTime(), sources=())
    stop = threading.Event()
    running = threading.Thread(target=agent.run, args=(stop,))
    running.start()

    def status() -> dict[str, Any]:
        try:
            return asking.ask(folder / "books" / "books.sock", {"what": "status"})
        except AgentGone:
            return {}

    wait_until(lambda: status().get("state") == "done")
    minutes = iter(range(10_000))

    def lent() -> int:
        crew.step(PARKED, MORNING_MS + next(minutes) * MINUTE_MS)
        return int(status().get("lent", 0))

    wait_until(lambda: lent() >= 5, every_s=0.001)
    assert status()["revision"].startswith(unit.id)
    crew.save()
    crew.close()
    crew = Crew(unit, folder)
    moving = replace(PARKED, speed_m_s=12.0)
    crew.step(moving, MORNING_MS + 3 * library.DAY_MS)

    def has_come_back() -> bool:
        before = lent()
        crew.step(PARKED, MORNING_MS + (7 * 24 * 60 + next(minutes)) * MINUTE_MS)
        return int(status().get("lent", 0)) < before

    wait_until(has_come_back, 20, every_s=0.001)
    crew.close()
    stop.set()
    agent.wake()
    running.join(30)
    assert lists.parsed((folder / "books" / "lists.jsonl").read_bytes()).head.unit == unit.id
