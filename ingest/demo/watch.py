"""Asks the running service how it is, and says it on one line that is kept fresh."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import sys
from typing import Any

from ingest.demo.ports import HOST

ASK_S = 3
SEND_S = 10


def ask(port: int, path: str) -> bytes | None:
    """What the service answers, None when it does not, or not well."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ASK_S)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status == http.client.OK else None
    return None


def ask_json(port: int, path: str) -> Any:
    """The same as a value."""
    body = ask(port, path)
    return None if body is None else json.loads(body)


def send(port: int, path: str, sheet: bytes) -> bool:
    """Hand the service a CSV sheet; False when it does not take it."""
    connection = http.client.HTTPConnection(HOST, port, timeout=SEND_S)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("POST", path, sheet, {"Content-Type": "text/csv"})
        answer = connection.getresponse()
        return answer.status == http.client.OK and json.loads(answer.read())["is_taken"] is True
    return False


class Terminal:
    """Where the demo speaks: lines that stay, and one that is overwritten where a person watches."""

    def __init__(self) -> None:
        self.is_watched = sys.stdout.isatty()
        self._has_status = False

    def say(self, text: str) -> None:
        """A line that stays."""
        sys.stdout.write(("\r\033[K" if self._has_status else "") + text + "\n")
        sys.stdout.flush()
        self._has_status = False

    def show(self, text: str) -> None:
        """The line of this moment."""
        if not self.is_watched:
            self.say(text)
            return
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write("\r\033[K" + text[:width])
        sys.stdout.flush()
        self._has_status = True
