"""A broker goes away under many units and comes back: no storm, no flood, nobody left behind.

Sixty units with a spread of four seconds here, 15 attempts a second as a thousand units make of the minute
that is the default; `./dev bench reconnect` is the thousand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.line.outage import Fleet
from tests.line.swarm import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.line.whole_line import Service

UNITS, ROWS, SPREAD_S, OUTAGE_S = 60, 200, 4.0, 5.0


def test_a_fleet_comes_back_without_a_storm(
    tmp_path: Path, mosquitto: Mosquitto, service: Service, note: Callable[..., None]
) -> None:
    (tmp_path / "units").mkdir()
    with Fleet(tmp_path / "units", mosquitto, UNITS, rows=ROWS, spread_s=SPREAD_S, timeout_s=5.0) as fleet:
        seen = fleet.live_through(service, ROWS, OUTAGE_S)
        assert fleet.left_behind(service, 2 * ROWS) == []
    mean = UNITS / SPREAD_S
    assert seen.most_asked(3) <= 2 * mean, sorted(seen.asked_s)
    assert max(seen.back_s) <= seen.returned_s + 2 * SPREAD_S
    assert seen.under_way <= WINDOW
    note(attempts=len(seen.asked_s), most_asked_a_second=seen.most_asked(3), under_way=seen.under_way)
