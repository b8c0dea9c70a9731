"""A library's crew over a real agent: the shelf fills its journal, across a restart and before the start."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from edge.agent import Agent
from edge.books import asking, lists
from edge.books.asking import AgentGone
from edge.books.lists_folder import FRESH
from edge.simulate import lent, library
from edge.simulate.drive import Scene
from edge.simulate.fleet import fleet
from edge.simulate.library import Crew
from edge.simulate.unit import settings_for
from edge.time_source import ScaledTime
from firmware import wire
from tests.edge.simulate.test_cabinet import rows
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

MORNING_MS = 1_795_226_400_000  # 2026-11-21 10:00 at the unit
MINUTE_MS = 60_000
NIGHT_MS = MORNING_MS + 16 * 60 * MINUTE_MS
EVENTS = wire.KINDS["book"].by_name["event"].words
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
    minutes = count()

    def lent() -> int:
        crew.step(PARKED, MORNING_MS + next(minutes) * MINUTE_MS)
        return int(status().get("lent", 0))

    wait_until(lambda: lent() >= 5, every_s=0.001)
    assert wait_until(lambda: status().get("revision"), what="an answer").startswith(unit.id)
    crew.save()
    crew.close()
    crew = Crew(unit, folder)
    moving = replace(PARKED, speed_m_s=12.0)
    crew.step(moving, MORNING_MS + 3 * library.DAY_MS)

    def has_come_back() -> bool:
        before = lent()
        crew.step(PARKED, MORNING_MS + (7 * 24 * 60 + next(minutes)) * MINUTE_MS)
        return int(status().get("lent", before)) < before

    wait_until(has_come_back, 20, every_s=0.001)
    crew.close()
    stop.set()
    agent.wake()
    running.join(30)
    assert lists.parsed((folder / "books" / "lists.jsonl").read_bytes()).head.unit == unit.id


@pytest.mark.parametrize("hours", [0, 1, 9, 15, 23])
def test_what_a_crew_asked_before_is_in_order_and_over(hours: int) -> None:
    until_ms = MORNING_MS + hours * 60 * MINUTE_MS
    for unit in fleet(24):
        if unit.is_library:
            asks, out = lent.asked(unit.id, until_ms)
            times_ms = [at_ms for at_ms, _ in asks]
            assert times_ms == sorted(times_ms)
            assert times_ms[-1] < until_ms
            assert all(back_ms > until_ms - library.DAY_MS for _, back_ms in out.values())
            assert sum("override" in ask for _, ask in asks) == (unit.id == lent.MIXED_UP)


def test_a_unit_that_starts_at_night_has_lent_before_and_goes_on_with_it(tmp_path: Path) -> None:
    unit = next(unit for unit in fleet(1) if unit.is_library)
    settings = settings_for(unit, tmp_path, ("127.0.0.1", 9))
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / FRESH).write_text("of a start that was cut off")
    lent.live_through(unit, settings, NIGHT_MS)
    found = list(rows(tmp_path / "outbox.db"))
    last = {values["item"]: values for kind, values in found if kind == "book"}
    away = {item for item, values in last.items() if EVENTS[values["event"]] in {"lent", "gone"}}
    assert away == set(dict(json.loads(library.state_path(tmp_path).read_text())))
    assert set(last) == set(library.copies(unit.id))
    today = (NIGHT_MS + library.ZONE_MS) // library.DAY_MS
    assert sum(values["due_on"] is not None and values["due_on"] < today for values in last.values()) == 3
    counts = Counter(EVENTS[values["event"]] for values in last.values())
    assert counts["gone"] == 1
    taken = [values for kind, values in found if kind == "lists"]
    assert {wire.KINDS["lists"].by_name["state"].words[values["state"]] for values in taken} == {"taken"}
    assert Counter(kind for kind, _ in found)["inventory"] == len(library.SHELVES)
    before = (tmp_path / "outbox.db").read_bytes()
    lent.live_through(unit, settings, NIGHT_MS + library.DAY_MS)
    assert (tmp_path / "outbox.db").read_bytes() == before
