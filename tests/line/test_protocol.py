"""The delivery protocol under everything that befalls it, and the proof that the model can see.

The model explores the protocol at random. Flaws that it would find too rarely are led up to by hand: for each
guard of the protocol there is a case of about ten steps, which passes with the guard and fails without it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.line.protocol_model import FLAWS, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

# The night's run: ORTOO_MODEL_EXAMPLES=50000 ORTOO_MODEL_STEPS=60
EXAMPLES = int(os.environ.get("ORTOO_MODEL_EXAMPLES", "2000"))
STEPS = int(os.environ.get("ORTOO_MODEL_STEPS", "40"))
ALWAYS_THE_SAME: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "database": None,
    "derandomize": True,
    "report_multiple_bugs": False,
}

# What random exploration finds within seconds.
FOUND_AT_RANDOM = (
    "settles on PUBACK",
    "no epoch",
    "seq used again",
    "mark without runs",
    "overlap unchecked",
    "time not frozen",
)

Steps = tuple[tuple[Any, ...], ...]


def sent(rows: int) -> Steps:
    """So many rows are recorded and come to the service."""
    return ("record", "event", rows), ("send", "event", True), ("deliver", 0, True)


# Rows 1 to 3 are stored and marked, under the first boot.
STORED = (*sent(3), ("settle", -1))

# Each guard's case, under the name of the flaw that is to lack it.
CASES: dict[str, Steps] = {
    "settles on PUBACK": (
        ("record", "event", 1),
        ("send", "event", True),
        ("drop_black_box",),
        ("wipe_broker",),
    ),
    "receipt before commit": (
        *sent(1),
        ("settle", 0),
        ("drop_black_box",),
    ),
    # The card is replaced; its first row has number 1 again.
    "no epoch": (
        *sent(1),
        ("wipe_card",),
        *sent(1),
    ),
    "seq used again": (
        *STORED,
        ("record", "event", 1),
    ),
    # The card held 3, the service has 5; offline the unit issues 4 and 5 anew, then hears of mark 5.
    "mark without runs": (
        *STORED,
        ("copy_card",),
        *sent(2),
        ("fall_back", 0),
        ("record", "event", 2),
        ("connect",),
        ("drop_black_box",),
    ),
    # The same, but the boot after the fall has the number of the boot that the card has forgotten.
    "boot is a counter": (
        *STORED,
        ("copy_card",),
        ("cut_power",),
        *sent(2),
        ("fall_back", 0),
        ("record", "event", 2),
        ("connect",),
        ("drop_black_box",),
    ),
    # 4 to 6 are stored, and issued anew; their new sending is late, and 7 to 9 come first.
    "prev's boot unchecked": (
        *STORED,
        ("copy_card",),
        *sent(3),
        ("fall_back", 0),
        ("record", "event", 6),
        ("send", "event", False),
        ("send", "event", True),
        ("deliver", 1, True),
        ("settle", -1),
    ),
    # 4 is stored, and issued anew, in one batch with 5 and 6.
    "overlap unchecked": (
        *STORED,
        ("copy_card",),
        *sent(1),
        ("fall_back", 0),
        *sent(3),
        ("settle", -1),
    ),
    "time not frozen": (
        *sent(1),
        ("win_clock",),
        ("send", "event", False),
        ("deliver", 0, True),
    ),
    # 4 is stored, then card and service both fall back to 3. The unit's new 4 to 6 are stored and marked when
    # the receipt from before arrives, which has another boot at 4.
    "any lower mark obeyed": (
        *STORED,
        ("copy_card",),
        ("back_up",),
        *sent(1),
        ("restore", 0),
        ("fall_back", 0),
        *sent(3),
        ("settle", -1),
        ("settle", -2),
    ),
}


def explore(machine: type[Protocol], examples: int, **more: Any) -> None:
    chosen = settings(max_examples=examples, stateful_step_count=STEPS, **ALWAYS_THE_SAME, **more)
    run_state_machine_as_test(machine, settings=chosen)


def lead(machine: Protocol, steps: Steps) -> None:
    """Take the steps, check after each, and balance the books."""
    for name, *arguments in steps:
        getattr(machine, name)(*arguments)
        machine.nothing_counts_twice()
    machine.teardown()


def lacking(flaw: str) -> type[Protocol]:
    return type("Flawed", (Protocol,), {"flaw": flaw})


@pytest.mark.timeout(1800)
def test_the_protocol_loses_nothing_and_counts_nothing_twice(note: Callable[..., None]) -> None:
    explore(Protocol, EXAMPLES)
    note(runs=EXAMPLES, steps=STEPS, lost=0, twice=0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("flaw", FOUND_AT_RANDOM)
def test_a_planted_flaw_is_found_at_random(flaw: str) -> None:
    with pytest.raises(AssertionError):
        explore(lacking(flaw), 1000, phases=[Phase.generate])


@pytest.mark.parametrize("flaw", FLAWS)
def test_with_its_guard_a_case_passes(flaw: str) -> None:
    lead(Protocol(), CASES[flaw])


@pytest.mark.parametrize("flaw", FLAWS)
def test_without_its_guard_the_case_fails(flaw: str) -> None:
    machine = lacking(flaw)()
    with pytest.raises(AssertionError):
        lead(machine, CASES[flaw])
