"""Holds to carry: before a trip, which copies go aboard for the readers along the way. Pure.

The longest waiting reader is served first. A copy that is on board already is taken before one that has to be
fetched, and no copy is promised twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.ledger.readers import Hold


class Candidate(NamedTuple):
    """A copy that could be carried: where it lies (a site or unit), and whether that is on board."""

    copy: str
    place: str
    is_on_board: bool


class Carried(NamedTuple):
    """A hold and the copy for it; None when there is none to be had."""

    hold: Hold
    candidate: Candidate | None


def to_carry(
    holds: Iterable[Hold], stops: frozenset[str] | None, candidates: Mapping[str, Sequence[Candidate]]
) -> list[Carried]:
    """What to carry to these stops (None: wherever); candidates are by title."""
    promised: set[str] = set()
    found = []
    for hold in sorted(holds, key=lambda one: (one.since_ms, one.hold)):
        if stops is not None and hold.stop not in stops:
            continue
        fit = [
            one
            for one in candidates.get(hold.title, ())
            if one.copy not in promised and hold.copy in {None, one.copy}
        ]
        chosen = min(fit, key=lambda one: (not one.is_on_board, one.place, one.copy), default=None)
        if chosen is not None:
            promised.add(chosen.copy)
        found.append(Carried(hold, chosen))
    return found
