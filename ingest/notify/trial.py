"""A letter that only proves that letters arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.alerts.text import said
from ingest.notify.letter import Letter

if TYPE_CHECKING:
    from ingest.alerts.contact import Contact


def letter(contact: Contact) -> Letter:
    """To a contact, in its language; it belongs to no alert."""
    values = {"name": contact.name}
    title, body = (said(contact.language, f"letter.test.{part}", values) for part in ("title", "body"))
    return Letter(contact.name, title, body, ())
