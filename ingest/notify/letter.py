"""A letter: what one person is told at once. Messages that belong together share one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest.ledger.notifications import Notification

MAX_MESSAGES = 20  # whole in one letter
MAX_BODY_BYTES = 16_000


class Letter(NamedTuple):
    """To whom, what, and which rows it settles."""

    contact: str
    title: str
    body: str
    numbers: tuple[int, ...]


def letters(claimed: Iterable[Notification]) -> list[Letter]:
    """One letter for each contact, titled as its first message, and how many more there are.

    Of very many only the first are told whole: who gets a hundred letters reads none. What is over comes
    last: no call may stand below the title of one that was cancelled.
    """
    by_contact: dict[str, list[Notification]] = {}
    for one in sorted(claimed, key=lambda one: one.is_over):
        by_contact.setdefault(one.contact, []).append(one)
    return [_letter(some) for some in by_contact.values()]


def _letter(some: list[Notification]) -> Letter:
    more = f" (+{len(some) - 1})" if len(some) > 1 else ""
    told = [f"{one.title}\n{one.body}" if more else one.body for one in some[:MAX_MESSAGES]]
    if len(some) > MAX_MESSAGES:
        told.append(f"… +{len(some) - MAX_MESSAGES}")
    body = "\n\n".join(told)
    cut = body.encode()[:MAX_BODY_BYTES].decode(errors="ignore")
    return Letter(some[0].contact, some[0].title + more, cut, tuple(one.number for one in some))
