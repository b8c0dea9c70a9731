"""Contacts: who is told of what, and when they sleep. Pure.

A contact belongs to a site and hears of it and of all below it: first those at the nearest site that has any,
then, when nobody took the alert in time, those of the next one up. A contact without a site hears last, after
the top of the tree, and of what belongs to no site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.alerts.rules import ACT
from ingest.stock.days import DAY_MS, ZONE_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MINUTE_MS = 60_000


class Contact(NamedTuple):
    """`quiet` are local minutes of the day, from and to, in which only `act` is sent; None: no such."""

    name: str
    site: str
    language: str
    severities: tuple[str, ...]
    quiet: tuple[int, int] | None = None

    @property
    def quiet_text(self) -> str:
        """As it stands in the settings."""
        if self.quiet is None:
            return ""
        return "-".join(f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in self.quiet)


def levels(contacts: Iterable[Contact], way_up: Sequence[str], severity: str) -> list[list[Contact]]:
    """Who is told first, who then, and so on; `way_up` is the site, its parent, to the top."""
    hearing = [contact for contact in contacts if severity in contact.severities]
    found = [[contact for contact in hearing if contact.site == site] for site in (*way_up, "")]
    return [level for level in found if level]


def due_ms(contact: Contact, severity: str, now_ms: int) -> int:
    """When a message may go out: now, or when the quiet hours end."""
    if contact.quiet is None or severity == ACT:
        return now_ms
    begin, end = contact.quiet
    day_ms = (now_ms + ZONE_MS) % DAY_MS
    minute = day_ms // MINUTE_MS
    is_quiet = begin <= minute < end if begin <= end else minute >= begin or minute < end
    if not is_quiet:
        return now_ms
    wait_ms = end * MINUTE_MS - day_ms
    return now_ms + (wait_ms if wait_ms > 0 else wait_ms + DAY_MS)
