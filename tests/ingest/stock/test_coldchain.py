from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.stock import coldchain
from ingest.stock.coldchain import (
    MINUTE_MS,
    VVM,
    Exposure,
    Samples,
    interval_of,
    joined,
    mean_kinetic,
    quarantine_reasons,
    reaction,
    vvm_rate_per_day,
    vvm_used,
    vvm_used_pct,
)
from ingest.stock.profiles import PROFILES, Limit, Profile
from tests.ingest.stock.vectors import INTERVAL_MS, LOGGER, Sample, logged, vectors

TIGHT = PROFILES["tight"]
HOUR_MS = 60 * MINUTE_MS


def samples_of(found: Sequence[Sample], interval_ms: int) -> Samples:
    times, cells = np.array(found, np.int64).T
    return Samples(times, cells, interval_ms)


def exposed(
    found: Sequence[Sample], interval_ms: int, profile: Profile | None = None, **more: Any
) -> Exposure:
    return coldchain.exposed(samples_of(found, interval_ms), profile, **more)


def longest_run_ms(found: Sequence[Sample], interval_ms: int, limit: Limit) -> int:
    return coldchain.longest_run_ms(samples_of(found, interval_ms), limit)


def mkt(cells: list[int], weights: list[int], delta_h: int) -> float:
    exposure = Exposure(
        known_ms=sum(weights), reaction_ms=reaction(cells, weights, delta_h), delta_h_j_mol=delta_h
    )
    value = mean_kinetic(exposure).value
    assert isinstance(value, float)
    return value


@pytest.mark.parametrize("case", [case for case in vectors().get("mkt", []) if "temps_c" in case])
def test_mean_kinetic_temperature(case: dict[str, object]) -> None:
    cells = [100 * int(cell) for cell in case["temps_c"]]  # type: ignore[attr-defined]
    weights = [HOUR_MS * int(weight) for weight in case["weights"]]  # type: ignore[attr-defined]
    assert mkt(cells, weights, int(str(case["dH"]))) == pytest.approx(case["mkt_c"], abs=5e-4)


def test_the_activation_energy_stays_with_the_value() -> None:
    cold = exposed([Sample(0, 500)], HOUR_MS, delta_h_j_mol=83_000)
    assert mean_kinetic(cold).inputs["delta_h_j_mol"] == 83_000
    with pytest.raises(ValueError, match="activation"):
        joined(cold, exposed([Sample(0, 500)], HOUR_MS))
    assert mean_kinetic(Exposure()).why == "no_readings"


@pytest.mark.skipif(not LOGGER.exists(), reason="needs ../shared/data, the recorded logger")
def test_the_recorded_logger() -> None:
    rows = logged()
    assert len(rows) == 10_653
    low, high = TIGHT.limits
    beyond = [low.is_beyond(s.temperature_cc) or high.is_beyond(s.temperature_cc) for _, s, _ in rows]
    assert beyond == [flag for _, _, flag in rows]
    whole = exposed([sample for _, sample, _ in rows], INTERVAL_MS, TIGHT)
    assert mean_kinetic(whole).value == pytest.approx(12.701, abs=0.01)
    for name, used in zip(VVM, (87.030, 20.580, 10.290, 4.805), strict=True):
        assert vvm_used(name, whole).value == pytest.approx(used, rel=2e-3)
        even = vvm_used_pct(name, [s.temperature_cc for _, s, _ in rows], [INTERVAL_MS] * len(rows))
        assert even == pytest.approx(used, abs=5e-4)
    assert (whole.lowest_cc, whole.highest_cc) == (
        min(s.temperature_cc for _, s, _ in rows),
        max(s.temperature_cc for _, s, _ in rows),
    )
    assert whole.unknown_ms > 340 * MINUTE_MS


@pytest.mark.skipif(not LOGGER.exists(), reason="needs ../shared/data, the recorded logger")
def test_single_days_of_the_recorded_logger() -> None:
    def day(date: str) -> Exposure:
        return exposed([sample for found, sample, _ in logged() if found == date], INTERVAL_MS, TIGHT)

    for case in vectors()["mkt"]:
        if "day" in case:
            assert mean_kinetic(day(case["day"])).value == pytest.approx(case["mkt_c"], abs=2e-3)
    first = day("2022-05-02")
    assert first.high_ms == 45 * MINUTE_MS  # the device says 42; bridging its hole would say 387
    quiet = day("2022-05-10")
    assert quiet.high_ms == pytest.approx(147 * MINUTE_MS, abs=7 * MINUTE_MS)
    assert max(quiet.single_ms) < 60 * MINUTE_MS
    assert quarantine_reasons(quiet, TIGHT, None, is_freeze_sensitive=False) == []


def test_vial_monitors() -> None:
    published = vectors().get("vvm_37C_per_day_rate", {})
    names = {"vvm2": "k2", "vvm7": "k7", "vvm14": "k14", "vvm30": "k30"}
    for name, key in names.items():
        if published:
            assert vvm_rate_per_day(name, 3700) == pytest.approx(published[key], abs=5e-8)
    fives = [vvm_rate_per_day(name, 500) for name in VVM]
    assert fives == pytest.approx([0.0056596, 0.0010406, 0.0005203, 0.0002427], abs=5e-8)
    assert vvm_used_pct("vvm2", [3700] * 288, [600_000] * 288) == pytest.approx(113.7811, abs=5e-5)
    assert vvm_used(None, Exposure()).why == "no_vial_monitor"


def test_a_run_ends_at_a_gap_and_an_exact_hour_is_a_breach() -> None:
    warm = Limit("above", 800, 60)
    minute = [Sample(at * MINUTE_MS, 900) for at in range(61)]
    assert longest_run_ms(minute, MINUTE_MS, warm) == HOUR_MS
    holed = minute[:30] + minute[33:]
    assert longest_run_ms(holed, MINUTE_MS, warm) == 29 * MINUTE_MS
    assert [
        reason.code
        for reason in quarantine_reasons(
            exposed(minute, MINUTE_MS, TIGHT), TIGHT, None, is_freeze_sensitive=False
        )
    ] == ["too_warm_single"]


def test_the_comparator_is_part_of_the_limit() -> None:
    assert not Limit("above", 800, 60).is_beyond(800)
    assert Limit("above", 800, 60).is_beyond(804)
    assert Limit("at_or_above", 800, 60).is_beyond(800)
    assert not Limit("below", -50, 60).is_beyond(-50)
    assert Limit("at_or_below", -50, 60).is_beyond(-50)


def test_freezing_is_named_first() -> None:
    way = joined(
        exposed([Sample(at * MINUTE_MS, 3100) for at in range(601)], MINUTE_MS, PROFILES["shipment_1"]),
        exposed([Sample(0, -60)], MINUTE_MS, PROFILES["shipment_1"]),
    )
    reasons = quarantine_reasons(way, PROFILES["shipment_1"], "vvm2", is_freeze_sensitive=True)
    assert [reason.code for reason in reasons] == ["frozen", "too_warm_cumulative"]
    assert "frozen" not in [
        reason.code
        for reason in quarantine_reasons(way, PROFILES["shipment_1"], None, is_freeze_sensitive=False)
    ]


samples = st.lists(st.tuples(st.integers(1, 30), st.integers(-3000, 4500)), min_size=1, max_size=30).map(
    lambda steps: [
        Sample(sum(gap for gap, _ in steps[: at + 1]) * MINUTE_MS, cc) for at, (_, cc) in enumerate(steps)
    ]
)


@given(samples, samples)
def test_stretches_join_in_any_order(one: list[Sample], other: list[Sample]) -> None:
    a, b = (exposed(found, 5 * MINUTE_MS, TIGHT) for found in (one, other))
    ab, ba = joined(a, b), joined(b, a)
    assert (ab.known_ms, ab.beyond_ms, ab.single_ms, ab.lowest_cc) == (
        ba.known_ms,
        ba.beyond_ms,
        ba.single_ms,
        ba.lowest_cc,
    )
    assert ab.reaction_ms == pytest.approx(ba.reaction_ms)
    assert ab.known_ms + ab.unknown_ms == a.known_ms + a.unknown_ms + b.known_ms + b.unknown_ms


@given(samples)
def test_the_mean_kinetic_temperature_lies_between_the_extremes(found: list[Sample]) -> None:
    exposure = exposed(found, 5 * MINUTE_MS)
    value = mean_kinetic(exposure).exact
    assert value is not None
    assert exposure.lowest_cc is not None
    assert exposure.highest_cc is not None
    assert exposure.lowest_cc / 100 - 1e-6 <= value <= exposure.highest_cc / 100 + 1e-6


@given(samples, st.integers(0, 60), st.integers(0, 900))
def test_stretches_of_a_way_add_up_to_the_whole(found: list[Sample], before: int, at: int) -> None:
    begin_ms, end_ms = found[0].time_ms - before * MINUTE_MS, found[-1].time_ms + HOUR_MS
    cut_ms = min(begin_ms + at * MINUTE_MS, end_ms)
    whole = exposed(found, 5 * MINUTE_MS, TIGHT, from_ms=begin_ms, to_ms=end_ms)
    parts = joined(
        exposed(found, 5 * MINUTE_MS, TIGHT, from_ms=begin_ms, to_ms=cut_ms),
        exposed(found, 5 * MINUTE_MS, TIGHT, from_ms=cut_ms, to_ms=end_ms),
    )
    for name in ("known_ms", "unknown_ms", "low_ms", "high_ms", "lowest_cc", "highest_cc", "beyond_ms"):
        assert getattr(parts, name) == getattr(whole, name), name
    assert whole.known_ms + whole.unknown_ms == end_ms - begin_ms
    assert parts.reaction_ms == pytest.approx(whole.reaction_ms)


def test_the_interval_is_the_usual_step() -> None:
    minutes = np.array([0, 60_000, 120_000, 9_000_000, 9_060_000])
    assert interval_of(minutes) == MINUTE_MS
    assert interval_of(minutes[:1]) == MINUTE_MS
    assert interval_of(np.array([0, 86_400_000])) == 10 * MINUTE_MS
