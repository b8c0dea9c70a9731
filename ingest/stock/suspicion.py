"""Why an excursion, as its unit judged it, puts what lay there under suspicion. Pure.

A unit tells of a limit that was broken for longer than it may be, and how far; not of each minute. So a lot's
own limit is surely broken where the unit's lies as far out or farther, for as long as the lot lay there; and
what must not freeze is suspect wherever it froze. What only the minutes could tell is told by the lot's own
exposure (`ingest/exposure.py`), which reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.stock.coldchain import FREEZING_CC, MINUTE_MS, Reason
from ingest.stock.profiles import CUMULATIVE, SINGLE, Limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.stock.profiles import Profile
    from ingest.stock.way import Step


class Outside(NamedTuple):
    """An excursion: which limit was broken, when (`ended_ms` None: it goes on), how long and how far."""

    limit: Limit
    began_ms: int
    ended_ms: int | None
    outside_ms: int
    lowest_cc: int | None


def suspicions(
    one: Outside, from_ms: int, to_ms: int, profile: Profile | None, *, is_freeze_sensitive: bool
) -> list[Reason]:
    """Why to hold what lay there between two times, freezing first; none: nothing is sure."""
    end_ms = to_ms if one.ended_ms is None else min(to_ms, one.ended_ms)
    together_ms = end_ms - max(from_ms, one.began_ms)
    if together_ms <= 0:
        return []
    reasons = []
    if is_freeze_sensitive and one.lowest_cc is not None and one.lowest_cc <= FREEZING_CC:
        reasons.append(Reason("frozen", one.lowest_cc / 100, FREEZING_CC / 100, "deg C"))
    spent_ms = min(one.outside_ms, together_ms)
    for limit in () if profile is None else profile.limits:
        if _includes(one.limit, limit) and spent_ms >= limit.minutes * MINUTE_MS:
            code = f"too_{'cold' if limit.direction == 'low' else 'warm'}_{limit.judgement}"
            reasons.append(Reason(code, spent_ms // MINUTE_MS, limit.minutes, "min"))
    return reasons


def _includes(broken: Limit, own: Limit) -> bool:
    """Whether whatever is beyond the one limit, for that long, is beyond the other, too."""
    if broken.direction != own.direction or (broken.judgement == CUMULATIVE and own.judgement == SINGLE):
        return False
    first_beyond_cc = {"below": -1, "at_or_below": 0, "above": 1, "at_or_above": 0}[broken.comparator]
    return own.is_beyond(broken.limit_cc + first_beyond_cc)


def presence(steps: Iterable[Step], now_ms: int) -> Iterator[tuple[int, int]]:
    """When any of a lot lay at a site, by its entries there in order of time."""
    balance, since_ms = 0, None
    for step in steps:
        balance += step.quantity
        if balance > 0 and since_ms is None:
            since_ms = step.time_ms
        elif balance <= 0 and since_ms is not None:
            yield since_ms, step.time_ms
            since_ms = None
    if since_ms is not None:
        yield since_ms, now_ms
