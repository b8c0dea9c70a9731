"""Steps and what they add up to: hands, drift, the road, and two boxes taken as one."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import wire
from firmware.cabinet.scale import SETTLE_MS, Step, Steps, packs_of
from firmware.cabinet.tally import ALONE_MS, CLOSED_MS, Tally

PACK_MG = 25_000
NOISE_MG = 6_000
PERIOD_MS = 100  # 10 Hz


def steps_of(masses: Iterator[tuple[int, int]], scale: Steps | None = None) -> list[Step]:
    own = scale or Steps(PACK_MG, NOISE_MG, 5_000_000)
    return [step for at_ms, mass_mg in masses if (step := own.take(at_ms, mass_mg)) is not None]


def shelf(
    levels: list[tuple[float, int]],
    seconds: float,
    *,
    drift_mg_s: float = 0.0,
    noise_mg: int = 600,
    begin_s: float = 0,
) -> Iterator[tuple[int, int]]:
    """Readings at 10 Hz; from each (second, mass) on, that mass."""
    dice = random.Random(1)
    for number in range(int(seconds * 10)):
        at_s = begin_s + number / 10
        mass_mg = [mass for since_s, mass in levels if since_s <= at_s][-1]
        yield round(1000 * at_s), round(mass_mg + drift_mg_s * at_s + dice.gauss(0, noise_mg))


def packs(found: list[Step]) -> list[int]:
    return [packs_of(step.change_mg, PACK_MG)[0] for step in found]


def test_a_hand_takes_and_brings() -> None:
    found = steps_of(shelf([(0, 500_000), (60, 450_000), (120, 475_000)], 180))
    assert packs(found) == [-2, 1]
    assert abs(found[0].began_ms - 60_000) <= 1000
    assert found[0].at_ms <= 66_000
    assert not found[0].is_doubtful


def test_what_lies_there_at_the_start_is_no_step() -> None:
    assert steps_of(shelf([(0, 500_000)], 60)) == []


@pytest.mark.parametrize("grams_in_twelve_minutes", [2, -2, 20])
def test_drift_is_followed_for_a_day(grams_in_twelve_minutes: int) -> None:
    """RobTillaart/HX711 #21 saw 2 g; a warming shelf makes more."""
    drift_mg_s = grams_in_twelve_minutes * 1000 / 720
    hours = 24
    levels = [(0.0, 500_000), (3600.0 * 20, 475_000)]
    assert packs(steps_of(shelf(levels, 3600 * hours, drift_mg_s=drift_mg_s))) == [-1]


def test_noise_says_nothing_until_it_is_quiet() -> None:
    readings = [
        *shelf([(0, 500_000)], 30),
        *shelf([(30, 500_000)], 60, noise_mg=20_000, begin_s=30),
        *shelf([(90, 475_000)], 30, begin_s=90),
    ]
    found = steps_of(iter(readings))
    assert packs(found) == [-1]
    assert 30_000 <= found[0].began_ms <= 31_000


def test_the_road_is_no_dispense() -> None:
    scale = Steps(PACK_MG, NOISE_MG, 5_000_000)
    assert steps_of(shelf([(0, 500_000)], 30), scale) == []
    scale.move(30_000, is_moving=True)
    assert steps_of(shelf([(30, 500_000)], 600, noise_mg=80_000, begin_s=30), scale) == []
    assert steps_of(shelf([(630, 430_000)], 600, begin_s=630), scale) == []
    scale.move(1_230_000, is_moving=False)
    back = steps_of(shelf([(1230, 500_000)], 60, begin_s=1230), scale)
    assert back == []


def test_what_is_gone_after_a_drive_is_doubtful() -> None:
    scale = Steps(PACK_MG, NOISE_MG, 5_000_000)
    steps_of(shelf([(0, 500_000)], 30), scale)
    scale.move(30_000, is_moving=True)
    scale.move(60_000, is_moving=False)
    found = steps_of(shelf([(60, 450_000)], 60, begin_s=60), scale)
    assert packs(found) == [-2]
    assert found[0].is_doubtful
    assert found[0].at_ms >= 60_000 + SETTLE_MS
    after = steps_of(shelf([(120, 450_000), (150, 425_000)], 60, begin_s=120), scale)
    assert [step.is_doubtful for step in after] == [False]


def test_an_overload_says_nothing_and_is_seen() -> None:
    scale = Steps(PACK_MG, NOISE_MG, 1_000_000)
    assert steps_of(shelf([(0, 500_000), (30, 1_500_000)], 60), scale) == []
    assert scale.is_overloaded
    assert steps_of(shelf([(60, 500_000)], 60, begin_s=60), scale) == []
    assert not scale.is_overloaded


@given(st.integers(-100, 100), st.integers(-10, 10), st.integers(100, 100_000))
def test_packs_are_the_nearest_and_sure_when_near(number: int, percent: int, pack_mg: int) -> None:
    off_mg = int(pack_mg * percent / 100)
    found, sure_pct = packs_of(number * pack_mg + off_mg, pack_mg)
    assert found == number
    assert sure_pct >= 80 - 3


@given(st.lists(st.integers(-3, 3), max_size=8), st.integers(0, 9))
def test_every_change_is_seen_whatever_its_moment(changes: list[int], phase: int) -> None:
    levels = [(0.0, 1_000_000)]
    for number, change in enumerate(changes):
        levels.append((20.0 * (number + 1) + phase / 10, levels[-1][1] + change * PACK_MG))
    found = steps_of(shelf(levels, 20 * (len(changes) + 2)))
    assert packs(found) == [change for change in changes if change]


# --- tallies --------------------------------------------------------------------------------------------


def test_a_box_that_is_put_back_is_no_observation() -> None:
    tally = Tally(PACK_MG)
    tally.take(Step(1000, 4000, -25_100), is_behind_door=False)
    tally.take(Step(8000, 11_000, 24_900), is_behind_door=False)
    assert tally.due(11_000 + ALONE_MS, is_open=None, closed_ms=None) is None
    assert tally.due(10**9, is_open=None, closed_ms=None) is None


def test_a_visit_is_one_observation_told_behind_the_closed_door() -> None:
    tally = Tally(PACK_MG)
    tally.take(Step(1000, 4000, -25_000), is_behind_door=False)
    tally.take(Step(8000, 11_000, -49_000), is_behind_door=False)
    assert tally.due(10**6, is_open=True, closed_ms=None) is None
    assert tally.due(20_000 + CLOSED_MS - 1, is_open=False, closed_ms=20_000) is None
    found = tally.due(20_000 + CLOSED_MS, is_open=False, closed_ms=20_000)
    assert found is not None
    assert (found.packs, found.change_mg, found.began_ms, found.at_ms) == (-3, -74_000, 1000, 11_000)
    assert found.sure_pct == 92
    assert tally.due(10**6, is_open=False, closed_ms=20_000) is None


def test_behind_a_closed_door_it_is_doubted_and_after_a_drive_dropped() -> None:
    tally = Tally(PACK_MG)
    tally.take(Step(1000, 4000, -25_000), is_behind_door=True)
    found = tally.due(100_000, is_open=False, closed_ms=0)
    assert found is not None
    assert found.sure_pct == 50
    tally.take(Step(1000, 4000, -25_000, is_doubtful=True), is_behind_door=True)
    assert tally.due(100_000, is_open=False, closed_ms=0) is None


@pytest.mark.parametrize(
    ("packs_missing", "packs"), [(1.2, -1), (1.26, None), (1.74, None), (1.8, -2), (0.4, 0)]
)
def test_a_sum_that_does_not_divide_is_told_without_a_number(packs_missing: float, packs: int | None) -> None:
    tally = Tally(PACK_MG)
    tally.take(Step(1000, 4000, -int(packs_missing * PACK_MG)), is_behind_door=False)
    found = tally.due(10**6, is_open=None, closed_ms=None)
    if packs == 0:
        assert found is None
        return
    assert found is not None
    values = found.values("a1", "bcg-10", 10, 10**6)
    assert (found.packs, values["change_pieces"]) == (packs, None if packs is None else 10 * packs)
    assert values["change_mg"] == -int(packs_missing * PACK_MG)
    wire.check_values("count", values)
