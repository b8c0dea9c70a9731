"""From the settings to who is told, and to the post that reaches them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ingest.alerts.contact import Contact
from ingest.notify.post import Post

if TYPE_CHECKING:
    from ingest.config import NotifySettings


def contacts(settings: NotifySettings) -> tuple[Contact, ...]:
    """Who is told, in the order of the settings."""
    return tuple(
        Contact(one.name, one.site, one.language, tuple(one.severities), _quiet(one.quiet))
        for one in settings.contact
    )


def _quiet(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    begin, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in text.split("-"))
    return begin, end


def post(settings: NotifySettings) -> Post:
    """What sends letters to them; raises AddressError with the file and the line."""
    return Post({one.name: Path(one.address_file) for one in settings.contact})
