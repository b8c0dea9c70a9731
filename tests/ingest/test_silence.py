"""Silence: held against what is usual for each unit, with a real ledger and a clock that is moved by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.ledger import alert_list, last_values, units
from ingest.ledger.alert_list import Wanted
from ingest.silence import DAY_MS, HOUR_MS, MINUTE_MS, ROUNDS, USUAL, Limits
from ingest.watchman import Watchman
from tests.ingest.alerts.office import Office
from tests.ingest.made import GNSS, NOW_MS, UNIT

STEP_MS = 30_000
LEAST_MS = USUAL.least_ms


class Ear(Office):
    """An office that hears units by hand."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.heard_ms: dict[str, int] = {}
        self.is_listening = True
        self.change(lambda ledger: units.see(ledger, [UNIT], NOW_MS - 30 * DAY_MS))

    def hear(self, unit: str = UNIT) -> None:
        self.heard_ms[unit] = self.now_ms
        self.listen()

    def listen(self) -> None:
        self.change(
            lambda ledger: self.watchman.listen(
                ledger, self.heard_ms, self.now_ms, is_listening=self.is_listening
            )
        )
        self.work()

    def wait(self, span_ms: int) -> None:
        """Time passes; somebody looks now and then."""
        end_ms = self.now_ms + span_ms
        while self.now_ms < end_ms:
            self.now_ms = min(end_ms, self.now_ms + max(STEP_MS, span_ms // 50))
            self.listen()

    def overdue(self) -> list[tuple[str, int]]:
        found = alert_list.listed(self.ledger, Wanted("all", rule="unit_overdue"), 10)
        return [(alert.state, alert.since_ms) for alert in found]


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    made = Ear(tmp_path)
    yield made
    made.ledger.close()


def test_a_unit_that_is_always_there_is_missed_after_two_hours(ear: Ear) -> None:
    ear.hear()
    began_ms = ear.now_ms
    ear.wait(LEAST_MS - MINUTE_MS)
    assert ear.overdue() == []
    ear.wait(5 * MINUTE_MS)
    assert ear.overdue() == [("firing", began_ms + 1)]
    ear.hear()
    assert ear.overdue() == [("resolved", began_ms + 1)]


def test_a_unit_that_is_silent_every_night_is_not_missed_at_night(ear: Ear) -> None:
    for _ in range(4):
        ear.hear()
        ear.wait(HOUR_MS)
        ear.hear()
        ear.wait(14 * HOUR_MS)
    before = len(ear.overdue())
    ear.hear()
    ear.wait(20 * HOUR_MS)
    assert len(ear.overdue()) == before
    ear.wait(3 * HOUR_MS)
    assert len(ear.overdue()) == before + 1


def test_silence_while_nobody_listened_is_nobodys(ear: Ear) -> None:
    ear.hear()
    ear.is_listening = False
    ear.wait(DAY_MS)
    ear.is_listening = True
    ear.wait(LEAST_MS - MINUTE_MS)
    assert ear.overdue() == []
    ear.wait(5 * MINUTE_MS)
    assert [state for state, _ in ear.overdue()] == ["firing"]


def test_a_restart_neither_forgets_nor_repeats(ear: Ear) -> None:
    ear.hear()
    ear.wait(LEAST_MS + HOUR_MS)
    ear.restart()
    ear.wait(LEAST_MS + HOUR_MS)
    assert len(ear.overdue()) == 1
    ear.hear()
    assert [state for state, _ in ear.overdue()] == ["resolved"]


@given(st.integers(0, 40 * DAY_MS), st.integers(0, 40 * DAY_MS))
def test_the_limit_is_bounded_and_never_below_what_is_usual(usual_ms: int, known_ms: int) -> None:
    limit = USUAL.of_unit_ms(usual_ms, known_ms)
    assert LEAST_MS <= limit <= USUAL.most_ms
    assert limit >= min(usual_ms, USUAL.most_ms) or limit == USUAL.new_ms


def test_how_long_silence_may_last_is_a_setting(ear: Ear) -> None:
    ear.watchman = Watchman(silent=Limits(least_ms=HOUR_MS, cabinet_ms=20 * MINUTE_MS))
    ear.hear()
    ear.wait(HOUR_MS - MINUTE_MS)
    assert ear.overdue() == []
    ear.wait(2 * MINUTE_MS)
    assert [state for state, _ in ear.overdue()] == ["firing"]


def test_a_cabinet_that_its_unit_lost_is_missed_and_found_again(ear: Ear) -> None:
    def speak(kind: str, source: str, at_ms: int) -> None:
        row = (UNIT, kind, source, at_ms, ear.seq, GNSS, at_ms, 0, b"")
        ear.change(lambda ledger: last_values.put(ledger, [row]))

    def states() -> list[tuple[str, str, int]]:
        found = alert_list.listed(ear.ledger, Wanted("all", rule="cabinet_silent"), 10)
        return [(alert.state, alert.source, alert.since_ms) for alert in found]

    spoke_ms = ear.now_ms
    speak("climate", "fridge", spoke_ms)
    speak("climate", "freezer", spoke_ms)
    speak("health", "unit", spoke_ms)
    ear.wait(2 * HOUR_MS)
    assert states() == [], "the unit said nothing either"
    speak("health", "unit", ear.now_ms)
    speak("climate", "freezer", ear.now_ms)
    ear.hear()
    ear.wait(ROUNDS * MINUTE_MS)
    assert states() == [("firing", "fridge", spoke_ms + 1)]
    speak("climate", "fridge", ear.now_ms)
    ear.wait(HOUR_MS)
    assert states() == [("resolved", "fridge", spoke_ms + 1)]


def test_who_spoke_while_the_service_started_is_found_again(ear: Ear) -> None:
    ear.hear()
    ear.wait(LEAST_MS + HOUR_MS)
    ear.restart()
    ear.heard_ms[UNIT] = ear.now_ms
    ear.listen()
    assert [state for state, _ in ear.overdue()] == ["resolved"]
