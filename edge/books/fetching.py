"""Fetches newer lists from the service when there is a way to it, and hands them to the agent.

What a guest network answers in the service's place is no list and is not handed on; and a redirection is not
followed, for the key of the API would go along.
"""

from __future__ import annotations

import logging
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

from edge.books import asking, lists
from edge.books.asking import AgentGone
from edge.books.door import SOCKET
from edge.books.lists_folder import FRESH

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from typing import Any

log = logging.getLogger(__name__)

WAIT_S = 30.0
SCHEMES = ("https://", "http://")


class Staying(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a redirection is an answer like any other that is none."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Fetching:
    """One unit's lists; `step` asks once. Failures are told once, then again when they change."""

    def __init__(self, url: str, token_file: str, folder: Path) -> None:
        self._url = url
        self._token_file = token_file
        self._folder = folder
        self._tag = ""
        self._told = ""
        self._opener = urllib.request.build_opener(Staying)

    def step(self) -> bool:
        """Whether newer lists were taken over."""
        try:
            return self._step()
        except (OSError, ValueError, HTTPException, AgentGone) as error:  # URLError is an OSError
            said = str(error) or type(error).__name__
            if said != self._told:
                log.warning("%s: %s; the lists before stay in force", self._url, said)
            self._told = said
            return False

    def _step(self) -> bool:
        if not self._url.startswith(SCHEMES):
            raise ValueError(f"lists_url must begin with {' or '.join(SCHEMES)}")
        request = urllib.request.Request(self._url)  # noqa: S310 - see above
        if self._token_file:
            token = Path(self._token_file).read_text(encoding="utf-8").strip()
            request.add_header("Authorization", f"Bearer {token}")
        if self._tag:
            request.add_header("If-None-Match", self._tag)
        try:
            with self._opener.open(request, timeout=WAIT_S) as answer:
                return self._take(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 304:
                    return False
                raise ValueError(f"the service says {error.code} {error.reason}") from None

    def _take(self, answer: HTTPResponse) -> bool:
        data = answer.read(lists.MAX_BYTES + 1)
        lists.parsed(data)
        fresh = self._folder / f"{FRESH}.new"
        fresh.write_bytes(data)
        os.replace(fresh, self._folder / FRESH)  # noqa: PTH105 - says what it does
        is_taken = bool(asking.ask(self._folder / SOCKET, {"what": "lists"}).get("is_taken"))
        # Also when the agent would not have them: the same again would be refused again.
        self._tag = answer.headers.get("ETag") or ""
        self._told = ""
        return is_taken
