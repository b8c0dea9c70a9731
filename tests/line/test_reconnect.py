"""A broker goes away under many units and comes back: no storm, no flood, nobody left behind.

Sixty units with a spread of four seconds here, 15 attempts a second as a thousand units make of the minute
that is the default; `./dev bench reconnect` is the thousand. Seconds are those of the units, whose time does
not go on while the machine stands still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.uplink import FIRST_RECONNECT_MS
from tests.line.outage import Fleet, most_in
from tests.line.swarm import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.line.whole_line import Service

UNITS, ROWS, SPREAD_S, OUTAGE_S = 60, 200, 4.0, 5.0
STEP_S = 0.05  # of the units' time
LATE_S = 1.0  # an attempt that was due comes within this


def test_a_fleet_comes_back_without_a_storm(
    tmp_path: Path, mosquitto: Mosquitto, service: Service, note: Callable[..., None]
) -> None:
    (tmp_path / "units").mkdir()
    with Fleet(
        tmp_path / "units", mosquitto, UNITS, rows=ROWS, spread_s=SPREAD_S, timeout_s=5.0, step_s=STEP_S
    ) as fleet:
        seen = fleet.live_through(service, ROWS, OUTAGE_S)
        assert fleet.left_behind(service, 2 * ROWS) == []
    mean = UNITS / SPREAD_S
    most = most_in(3, seen.own_asked_s)
    assert most <= 2 * mean, sorted(seen.own_asked_s)
    assert len(seen.back_s) >= UNITS
    assert [wait for wait in seen.waited if wait[1] > longest_wait_s(wait[0]) + LATE_S] == []
    assert seen.under_way <= WINDOW
    note(attempts=len(seen.asked_s), most_asked_a_second=most, under_way=seen.under_way)


def longest_wait_s(failures: int) -> float:
    """After so many before: the spread and a quarter, or the wait that doubles each time."""
    return max(1.25 * SPREAD_S, (FIRST_RECONNECT_MS << failures) / 1000)
