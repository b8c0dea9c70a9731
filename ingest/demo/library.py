"""What a library would have told the service for the demo: books and readers, and the key of their cards."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from ingest.demo.cabinets import sheet
from ingest.demo.watch import ask_json, send

if TYPE_CHECKING:
    from pathlib import Path


def furnish_library(port: int, units: int) -> None:
    """Have the service know the books of so many units, unless it knows readers already."""
    known = ask_json(port, "/api/v1/books")
    if known is None or known["library"]["readers_as_of"] is not None:
        return
    for what in ("books", "readers"):
        send(port, f"/api/v1/books/import?what={what}", sheet(what, units))


def make_card_key(path: Path) -> Path:
    """The file with the demo's key of cards, which units and service share; made when it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(secrets.token_hex(16))
    return path
