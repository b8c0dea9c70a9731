"""A reading becomes a record at the clock's time, or is refused."""

import pytest

from edge.clock import Clock
from edge.record import MAX_MONO_MS, Reading, fault, record_of
from firmware import wire
from tests.edge.made import BOOT, BOOT_AT_MS


def won_clock() -> Clock:
    clock = Clock(BOOT_AT_MS - 1000)
    for second in range(10):
        clock.offer("gnss", BOOT_AT_MS + second * 1000, second * 1000)
    assert clock.word == "gnss"
    return clock


def reading(mono_ms: int = 20_000, utc_ms: int | None = None, **values: int) -> Reading:
    return Reading("fix", "gnss", mono_ms, {"fix_mode": 2, **values}, utc_ms)


def test_without_a_clock_time_counts_from_boot() -> None:
    record = record_of(reading(utc_ms=BOOT_AT_MS), BOOT, Clock(0))
    assert (record.time_ms, record.boot_at_ms, record.clock, record.boot) == (20_000, 0, "none", BOOT)


def test_a_fix_keeps_its_own_moment_when_the_clock_bears_it_out() -> None:
    assert record_of(reading(utc_ms=BOOT_AT_MS + 19_700), BOOT, won_clock()).time_ms == BOOT_AT_MS + 19_700
    assert record_of(reading(utc_ms=BOOT_AT_MS - 5), BOOT, won_clock()).time_ms == BOOT_AT_MS + 20_000
    assert record_of(reading(), BOOT, won_clock()).time_ms == BOOT_AT_MS + 20_000


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (reading(lat_e7=900_000_001), "range"),
        (reading(height=1), "shape"),
        (Reading("fix", "gnss", 0, {}), "missing"),
        (Reading("fix", "GNSS", 0, {"fix_mode": 2}), "shape"),
        (Reading("nonsense", "gnss", 0, {}), "shape"),
        (Reading("fix", "gnss", -1, {"fix_mode": 2}), "range"),
        (Reading("fix", "gnss", MAX_MONO_MS + 1, {"fix_mode": 2}), "range"),
    ],
)
def test_what_the_wire_would_refuse_is_refused_here(bad: Reading, code: str) -> None:
    with pytest.raises(wire.WireError) as error:
        record_of(bad, BOOT, Clock(0))
    assert error.value.code == code


def test_a_long_detail_is_cut_at_a_whole_letter() -> None:
    detail = fault("port", "gone", 0, detail="ö" * 300).values["detail"]
    assert isinstance(detail, str)
    assert detail == "ö" * 128
    record_of(fault("port", "gone", 0, detail="x" * 999, is_over=True), BOOT, Clock(0))
