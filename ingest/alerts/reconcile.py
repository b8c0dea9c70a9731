"""What is known of a subject's alerts against what its samples say now: who has to be told what. Pure.

A record that comes late may change the past. So the episodes of a subject are made anew and laid beside the
alerts that are in the ledger: the same alert is the one whose time overlaps, even if it began earlier than
was thought. What is found only when it is long over is recorded and wakes nobody; what is still true is told
once; what was told and turns out never to have been is taken back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.alerts.episode import Episode


class Alert(NamedTuple):
    """An episode that is in the ledger."""

    number: int
    episode: Episode


class Opened(NamedTuple):
    """Nobody knew; it still lasts: tell somebody."""

    episode: Episode


class Past(NamedTuple):
    """Nobody knew, and it is over: record it."""

    episode: Episode


class Changed(NamedTuple):
    """It goes on, or its numbers or its beginning are other ones than was thought."""

    alert: Alert
    episode: Episode


class Ended(NamedTuple):
    """It is over."""

    alert: Alert
    episode: Episode


class Withdrawn(NamedTuple):
    """It never was: what came late says so."""

    alert: Alert


Change = Opened | Past | Changed | Ended | Withdrawn


def changes(known: Sequence[Alert], found: Iterable[Episode]) -> list[Change]:
    """What turns the known alerts of a subject into the episodes found; both are in order of time."""
    told: list[Change] = []
    left = list(known)
    for episode in found:
        alert = next((one for one in left if _overlap(one.episode, episode)), None)
        if alert is None:
            told.append(Opened(episode) if episode.over_ms is None else Past(episode))
            continue
        left.remove(alert)
        if alert.episode != episode:
            is_end = alert.episode.over_ms is None and episode.over_ms is not None
            told.append(Ended(alert, episode) if is_end else Changed(alert, episode))
    return told + [Withdrawn(alert) for alert in left]


def _overlap(one: Episode, other: Episode) -> bool:
    return (other.over_ms is None or one.since_ms <= other.over_ms) and (
        one.over_ms is None or other.since_ms <= one.over_ms
    )
