"""Cold and power are those of a vehicle in that season."""

from dataclasses import replace
from datetime import UTC, datetime

from edge.simulate.drive import Scene
from edge.simulate.supply import outside_c, soc_c, supply_v

SCENE = Scene(49.2, 119.7, 640.0, 17.0, 88.0, True, True, True, True, 0.0)
PARKED = replace(SCENE, speed_m_s=0.0, is_ignition_on=False, parked_s=3 * 3600.0)


def at_ms(month, hour):
    return int(datetime(2026, month, 20, hour, tzinfo=UTC).timestamp() * 1000)


def test_winter_nights_are_cold_and_summer_days_warm():
    assert -40 < outside_c(49.2, 119.7, at_ms(1, 19)) < -20
    assert 15 < outside_c(49.2, 119.7, at_ms(7, 7)) < 32


def test_a_parked_computer_cools_down():
    assert soc_c(PARKED, at_ms(1, 19)) < 15
    assert 40 < soc_c(SCENE, at_ms(1, 19)) < 60


def test_the_voltage_falls_with_the_engine_off_and_in_the_cold():
    assert supply_v(SCENE, at_ms(1, 19)) > 27.5
    assert 22 < supply_v(PARKED, at_ms(1, 19)) < supply_v(PARKED, at_ms(7, 7)) < 26
