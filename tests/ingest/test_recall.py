"""A killed service shows what it had stored, although its live state was kept a second earlier."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import wire
from tests.ingest.made import UNIT, Desk, batch_of, fixes, group


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.connection.close()


def test_the_newest_fix_and_vitals_are_shown_after_a_kill(desk: Desk) -> None:
    desk.send(fixes(range(1, 4)), wire.encode_batch(batch_of([group("power", [1], supply_mv=12600)])))
    before = desk.live.find(UNIT)
    desk.kill()
    assert desk.live.find(UNIT) == before


def test_a_unit_that_lost_its_position_is_shown_where_it_had_its_last(desk: Desk) -> None:
    lost = {"fix_mode": 0, "lat_e7": None, "lon_e7": None, "speed_cm_s": None}
    desk.send(fixes(range(1, 4)))
    desk.pipeline.live_messages.keep()
    desk.send(fixes(range(4, 6)))
    desk.send(fixes([6], **lost))
    before = desk.live.find(UNIT)
    desk.kill()
    assert before is not None
    assert (before["lat_deg"], before["fix_mode"]) == (49.2122, "none")
    assert desk.live.find(UNIT) == before
