"""From the excursions of one probe, as its unit judged them, to what the rules of cold and heat see. Pure.

Several limits of a profile may be broken at once, and one excursion may follow another: the condition holds
while any of them is open. One that was lost (the probe fell silent outside) is over when the probe was heard
again within its limits; until then nobody knows, and what nobody knows does not end.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, NamedTuple

from ingest.alerts.episode import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ingest.alerts.episode import Numbers

RULES = {"low": "freezing", "high": "overheating"}
OPEN, LOST = "open", "lost"


_BEYOND: Mapping[str, Callable[[int, int], bool]] = {
    "below": operator.lt,
    "at_or_below": operator.le,
    "above": operator.gt,
    "at_or_above": operator.ge,
}


def is_outside(comparator: str, limit_cc: int, temperature_cc: int) -> bool:
    """Whether a temperature is beyond a limit, in 0.01 deg C."""
    return _BEYOND[comparator](temperature_cc, limit_cc)


class Spell(NamedTuple):
    """An excursion: `state` is open, ended or lost; `numbers` say which limit, and how far."""

    began_ms: int
    ended_ms: int | None
    state: str
    numbers: Numbers


def samples(spells: Iterable[Spell], heard_within_ms: int | None) -> list[Sample]:
    """What a rule saw, in order of time; `heard_within_ms` is when the probe was last heard inside."""
    found: list[Sample] = []
    for begin_ms, end_ms, is_known, numbers in _joined(sorted(spells, key=_order), heard_within_ms):
        if found and found[-1].is_true is None:
            found.append(Sample(max(found[-1].at_ms, begin_ms - 1), False))
        found.append(Sample(begin_ms, True, numbers))
        if end_ms is not None:
            found.append(Sample(max(end_ms, begin_ms), False if is_known else None, numbers))
    return found


def _order(spell: Spell) -> tuple[object, ...]:
    """By time; of those that are alike in that in any order that is always the same."""
    numbers = sorted((name, str(value)) for name, value in spell.numbers.items())
    return spell.began_ms, spell.ended_ms is None, spell.ended_ms or 0, spell.state, numbers


def _joined(
    spells: Iterable[Spell], heard_within_ms: int | None
) -> list[tuple[int, int | None, bool, Numbers]]:
    """Stretches in which any was open: begin, end, whether the end is known, and the newest's numbers."""
    found: list[tuple[int, int | None, bool, Numbers]] = []
    for spell in spells:
        end_ms = None if spell.state == OPEN else spell.ended_ms
        is_known = spell.state != LOST or (
            end_ms is not None and heard_within_ms is not None and heard_within_ms > end_ms
        )
        if found:
            begin_ms, until_ms, was_known, _ = found[-1]
            if until_ms is None or spell.began_ms <= until_ms:
                later = None if until_ms is None or end_ms is None else max(until_ms, end_ms)
                found[-1] = (begin_ms, later, is_known if later == end_ms else was_known, spell.numbers)
                continue
        found.append((spell.began_ms, end_ms, is_known, spell.numbers))
    return found
