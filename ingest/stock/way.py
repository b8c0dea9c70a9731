"""The way of a lot: where the pieces that lie at a site now have been, by the book. Pure.

    county store ---- on the way ---- vehicle ---- cabinet          legs, each from one time to another
      leg 1             leg 2          leg 3        leg 4, to now

Pieces of one lot cannot be told apart. So what came at several times, or from several places, has several
ways, and the worst of them is what the lot is judged by. A way begins where somebody received the lot from
outside the book. Between a sender's entry and the receiver's a lot is on the way: at no site.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MOST_WAYS = 20
MOST_SITES = 8  # a lot that was sent round in circles ends somewhere


class Step(NamedTuple):
    """An entry of one lot at one site; `other_site` where it came from or went to, if that is in the book."""

    time_ms: int
    quantity: int
    other_site: str | None = None


class Leg(NamedTuple):
    """A lot was at a site between two times; at none while it was on the way."""

    site: str | None
    from_ms: int
    to_ms: int


Way = tuple[Leg, ...]


def ways(steps_at: Callable[[str], Sequence[Step]], site: str, to_ms: int) -> list[Way]:
    """The ways that pieces at a site have come by `to_ms`, the earliest first; none where there are none.

    `steps_at` gives a site's entries of the lot in order of time.
    """
    steps = [step for step in steps_at(site) if step.time_ms <= to_ms]
    return list(islice(_ways(steps_at, steps, site, to_ms, MOST_SITES), MOST_WAYS))


def _ways(
    steps_at: Callable[[str], Sequence[Step]], steps: Sequence[Step], site: str, to_ms: int, sites_left: int
) -> Iterator[Way]:
    for arrival in _arrivals(steps):
        here = Leg(site, arrival.time_ms, to_ms)
        before = []
        if arrival.other_site is not None and arrival.other_site != site and sites_left > 1:
            before = _before(steps_at, arrival, arrival.other_site, site, sites_left - 1)
        for way in before or [()]:
            yield (*way, here)


def _arrivals(steps: Sequence[Step]) -> list[Step]:
    """What came since there was last nothing."""
    found: list[Step] = []
    balance = 0
    for step in sorted(steps, key=lambda step: (step.time_ms, -step.quantity)):
        balance += step.quantity
        if balance <= 0:
            found = []
        elif step.quantity > 0 and len(found) < MOST_WAYS:
            found.append(step)
    return found


def _before(
    steps_at: Callable[[str], Sequence[Step]], arrival: Step, sender: str, site: str, sites_left: int
) -> list[Way]:
    """The ways to the sender, up to when it sent what arrived, and the way between the two."""
    steps = [step for step in steps_at(sender) if step.time_ms <= arrival.time_ms]
    sent_ms = max(
        (step.time_ms for step in steps if step.quantity < 0 and step.other_site == site),
        default=arrival.time_ms,
    )
    held = [
        step for step in steps if step.time_ms < sent_ms or (step.time_ms == sent_ms and step.quantity > 0)
    ]
    found = _ways(steps_at, held, sender, sent_ms, sites_left)
    between = (Leg(None, sent_ms, arrival.time_ms),) if sent_ms < arrival.time_ms else ()
    return [(*way, *between) for way in islice(found, MOST_WAYS)]
