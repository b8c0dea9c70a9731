"""The one place that speaks to the outside: apprise, which knows e-mail, webhooks, WeCom, DingTalk and more.

A contact's addresses stand in a file of their own, one URL a line, because they hold passwords. The first
address that takes a letter is enough; the next ones are for when it does not. Whoever wants two messages for
one alert is two contacts.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from apprise import Apprise, LogCapture, NotifyFormat, URLBase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ingest.notify.letter import Letter

MAX_URLS = 20
PATIENCE_S = 30.0  # apprise's own is 4 s, which a mail server that looks a name up takes


class PostError(RuntimeError):
    """A letter did not go out; waiting may help. The text names no address."""


class AddressError(ValueError):
    """A contact's file cannot be used; waiting does not help."""


class Post:
    """Sends letters to contacts; `files` is the file of addresses of each."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        """Read every file; raises AddressError with the file and the line."""
        # It tells of each attempt; the sender tells what came of it.
        logging.getLogger("apprise").propagate = False
        self._addresses = {contact: list(_addresses(path)) for contact, path in files.items()}

    def send(self, letter: Letter) -> None:
        """Through the first address of its contact that takes it; raises PostError when none does."""
        addresses = self._addresses.get(letter.contact)
        if addresses is None:
            raise PostError(f"there is no contact {letter.contact!r} in the settings any more")
        reasons = []
        for address in addresses:
            with LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
                if address.notify(title=letter.title, body=letter.body, body_format=NotifyFormat.TEXT):
                    return
                reasons.append(_first_line(said.getvalue()))
        raise PostError("; ".join(reasons))


def _addresses(path: Path) -> Iterator[Apprise]:
    for line, url in _urls(path):
        address = Apprise()
        if not address.add(url):
            raise AddressError(f"{path}, line {line}: not an address that apprise knows")
        for service in address:
            _be_patient(service)
        yield address


def _be_patient(service: URLBase) -> None:
    """Who takes a letter and is slow to say so would get it again; a timeout in the address goes before."""
    for name in ("socket_connect_timeout", "socket_read_timeout"):
        if getattr(service, name) == getattr(URLBase, name):
            setattr(service, name, PATIENCE_S)


def _first_line(said: str) -> str:
    return (said.strip().splitlines() or ["no reason given"])[0][:200]


def _urls(path: Path) -> list[tuple[int, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AddressError(f"{path}: cannot be read: {getattr(error, 'strerror', 'not UTF-8')}") from None
    found = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    urls = [(number, url) for number, url in found if url and not url.startswith("#")]
    if not 0 < len(urls) <= MAX_URLS:
        raise AddressError(f"{path}: holds {len(urls)} addresses, 1 to {MAX_URLS} are needed")
    return urls
