"""Counts against the book: an observation never changes the stock, a difference is proposed to a person.

A person or a reader counts pieces that lie there: compared with the book's balance at that moment, and only
the newest such count of each lot matters. A scale sees changes alone: changes whose stretches of time touch
are one visit to the cabinet, and their sum is compared with what was booked within it. Either way the
proposal is worked out anew when somebody looks, so a receipt that arrives a day late silences it, and an
adjustment that was accepted does too. What a person rejects stays rejected as long as it is the same: the
same observations, the same quantity.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SLACK_MS = 600_000  # who takes something may scan it some minutes before or after
LEAST_SURE_PCT = 50


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of a site's item: `pieces` that lie there, or a `change` since `began_ms`."""

    identity: str
    time_ms: int
    lot: str = ""
    pieces: int | None = None
    change: int | None = None
    began_ms: int | None = None
    sure_pct: int | None = None
    method: str = "person"


@dataclass(frozen=True, slots=True)
class Booked:
    time_ms: int
    lot: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """An adjustment to confirm: of `quantity`, as of `time_ms`; `seen` are the observations behind it."""

    seen: tuple[str, ...]
    time_ms: int
    lot: str
    quantity: int
    reason: str
    observed: int
    booked: int

    @property
    def id(self) -> str:
        """A name of 32 hex digits for these observations and this quantity, whatever order they came in."""
        text = "\n".join((*sorted(self.seen), str(self.quantity)))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def proposals(observations: Iterable[Observation], booked: Sequence[Booked]) -> list[Proposal]:
    """What the observations of one item at one site say against its book, oldest first."""
    seen = list(observations)
    counted = _newest([one for one in seen if one.pieces is not None])
    found = [_of_count(one, booked) for one in counted]
    since_ms = max((one.time_ms for one in counted if not one.lot), default=-1)
    later = [one for one in seen if one.change is not None and one.time_ms > since_ms and _is_sure(one)]
    found += [_of_changes(group, booked) for group in _visits(later)]
    return sorted((one for one in found if one.quantity), key=lambda one: one.time_ms)


def _is_sure(one: Observation) -> bool:
    return one.sure_pct is None or one.sure_pct >= LEAST_SURE_PCT


def _newest(counts: Iterable[Observation]) -> list[Observation]:
    """The newest count of each lot; one of the whole item settles what came before it."""
    newest: dict[str, Observation] = {}
    for one in sorted(counts, key=lambda one: (one.time_ms, one.identity)):
        if not one.lot:
            newest.clear()
        newest[one.lot] = one
    return list(newest.values())


def _of_count(one: Observation, booked: Iterable[Booked]) -> Proposal:
    balance = sum(
        entry.quantity
        for entry in booked
        if entry.time_ms <= one.time_ms and (not one.lot or entry.lot == one.lot)
    )
    pieces = one.pieces or 0
    return Proposal((one.identity,), one.time_ms, one.lot, pieces - balance, "count_differs", pieces, balance)


def _visits(changes: Iterable[Observation]) -> Iterator[list[Observation]]:
    """Changes whose stretches touch, as one."""
    group: list[Observation] = []
    end_ms = 0
    for one in sorted(changes, key=_begin_ms):
        if group and _begin_ms(one) > end_ms:
            yield group
            group = []
        group.append(one)
        end_ms = max(end_ms if len(group) > 1 else 0, one.time_ms + SLACK_MS)
    if group:
        yield group


def _begin_ms(one: Observation) -> int:
    return (one.time_ms if one.began_ms is None else one.began_ms) - SLACK_MS


def _of_changes(group: Sequence[Observation], booked: Iterable[Booked]) -> Proposal:
    begin_ms = min(_begin_ms(one) for one in group)
    last_ms = max(one.time_ms for one in group)
    seen = sum(one.change or 0 for one in group)
    known = sum(entry.quantity for entry in booked if begin_ms <= entry.time_ms <= last_ms + SLACK_MS)
    identities = tuple(sorted(one.identity for one in group))
    return Proposal(identities, last_ms, "", seen - known, "scale_differs", seen, known)
