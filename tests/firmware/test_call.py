"""What whoever pressed is shown: it goes on and never back, whatever comes twice, late or after a cut."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.call import STATES, Call
from firmware.store.folder import Folder
from firmware.store.notes import Notes

CALLED, CANCELLED = {"event": 0, "call": 7}, {"event": 1, "call": 7, "held_ms": 10_000}


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(Folder(str(tmp_path / "notes")))


def test_a_call_is_kept_through_a_power_cut(notes: Notes, tmp_path: Path) -> None:
    call = Call(notes)
    assert (call.light, call.take_beeps()) == (None, None)
    call.kept("help", CALLED)
    assert (call.state, call.take_beeps(), call.take_beeps()) == ("called", 1, None)
    assert call.answer("help", 7, "heard")
    again = Call(Notes(Folder(str(tmp_path / "notes"))))
    assert (again.state, again.light, again.take_beeps()) == ("heard", (500, 500), None)
    again.kept("help", CANCELLED)
    assert (again.state, again.light, again.take_beeps()) == ("over", None, 0)


def test_another_call_counts_only_when_the_last_one_is_over(notes: Notes) -> None:
    call = Call(notes)
    assert not call.answer("help", 6, "over")
    assert call.answer("help", 6, "heard"), "a cut came between the call and its note"
    call.kept("help", CALLED)
    assert not call.answer("help", 6, "coming")
    assert call.state == "called"
    call.kept("help", {**CANCELLED, "call": 6})
    assert call.state == "called"


@given(st.lists(st.sampled_from(STATES[1:]), max_size=8))
def test_answers_that_come_twice_or_in_another_order_never_lead_back(said: list[str]) -> None:
    class Nowhere:
        def get(self, name: str) -> None: ...
        def put(self, values: object) -> None:
            raise OSError(28, "ENOSPC")

    call = Call(Nowhere())  # type: ignore[arg-type]
    call.kept("help", CALLED)
    for at, state in enumerate(said, 1):
        call.answer("help", 7, state)
        assert call.state == max(said[:at], key=STATES.index)
