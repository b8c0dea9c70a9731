"""Rotation: books that go from place to place by a plan, so that no shelf stays the same. Pure.

A rota is stages, each a site and days; vehicles and book houses are stages. Of a copy, in this order, as
Koha's stock rotation decides it:

    under way            stays so until it is seen where it goes
    new                  to the first stage
    not at its stage     back to it (repatriation), before it may go on
    its days are over    to the next stage; from the last of a cyclic rota to the first, else it leaves
    in demand            one more turn where it is, instead of going on
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

STAY, UNDER_WAY, INITIATE, REPATRIATE, ADVANCE, LEAVE, WAIT = (
    "stay",
    "under_way",
    "initiate",
    "repatriate",
    "advance",
    "leave",
    "stay_in_demand",
)
MOVES = frozenset({INITIATE, REPATRIATE, ADVANCE})


class Stage(NamedTuple):
    """A site, and for how many days."""

    site: str
    days: int


class Round(NamedTuple):
    """Where a copy is in its rota; `stage` counts from 0, None for a new copy."""

    stage: int | None
    moves_to: str | None
    is_in_demand: bool
    arrived_day: int | None


class Step(NamedTuple):
    """What is to be done with a copy; `site` is where it is to go, `stage` at which it then is."""

    action: str
    site: str | None
    stage: int | None


def step(at: Round, site: str | None, stages: Sequence[Stage], is_cyclic: bool, today: int) -> Step:
    """What the rota asks of a copy that lies at `site` (None: nobody knows where)."""
    if at.moves_to is not None and at.moves_to != site:
        return Step(UNDER_WAY, at.moves_to, at.stage)
    number = 0 if at.stage is None else at.stage
    if number >= len(stages):
        return Step(LEAVE, None, None)
    here = stages[number]
    if site != here.site:
        return Step(INITIATE if at.stage is None else REPATRIATE, here.site, number)
    is_over = at.arrived_day is not None and at.arrived_day + here.days <= today
    if not is_over or at.is_in_demand:
        return Step(WAIT if is_over else STAY, site, number)
    return _onward(number + 1, site, stages, is_cyclic)


def _onward(number: int, site: str | None, stages: Sequence[Stage], is_cyclic: bool) -> Step:
    if number == len(stages) and not is_cyclic:
        return Step(LEAVE, None, None)
    following = number % len(stages)
    return Step(STAY if stages[following].site == site else ADVANCE, stages[following].site, following)
