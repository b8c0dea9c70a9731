"""What real receivers sent goes down the whole line: pty, agent, Mosquitto, service, API.

The API gives every position that gpsd derived from the same bytes, to 1e-6 degrees, and no other. Receivers
that spoke a binary protocol come as gpsd's own NMEA rendering of them. A log too short to win the clock is
stored by the time since its boot, at 1970.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.replay.reader import read_recording
from tests.edge.sources.captures import is_near
from tests.edge.sources.test_oracle import BINARY, LOGS, oracle
from tests.line.whole_line import Unit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.line.whole_line import Service

DAY_MS = 86_400_000


@pytest.mark.parametrize("name", LOGS)
def test_every_position_arrives_and_no_other(
    name: str, shared_data: Path, tmp_path: Path, mosquitto: Mosquitto, service: Service
) -> None:
    expected, echo = oracle(shared_data, name)
    log = shared_data / "nmea" / f"{name}.log"
    if name in BINARY:
        log = tmp_path / f"{name}.nmea"
        log.write_bytes(echo)
    unit = Unit(tmp_path, "recorded-1", mosquitto.host, mosquitto.port)
    replay = unit.replay(log, "--once", "--speed", "20")
    replay.start()
    assert replay.wait(100) == 0, replay.tail()
    begins_ms = read_recording(log).begins_ms
    got = service.positions(unit.name, 0)
    if begins_ms is not None:
        got += service.positions(unit.name, begins_ms - DAY_MS)
    assert [place for place in expected if not any(is_near(place, other) for other in got)] == [], (
        replay.tail()
    )
    assert [place for place in got if not any(is_near(place, other) for other in expected)] == []
    assert service.get("refused")["refused"] == []
