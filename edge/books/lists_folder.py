"""The folder of the lists: which are in force, and going over to newer ones that were brought.

    lists.jsonl    the lists in force (`edge.books.lists`)
    fresh.jsonl    lists that were brought; looked at when asked (`{"what":"lists"}`) and at the start

Only lists that are whole, for this unit, and not older take the place of the others; whatever is refused is
told and thrown away, and the lists before stay in force.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from edge.books import lists
from edge.books.desk import SOURCE
from edge.books.lists import ListsError
from edge.record import Reading
from firmware import wire

if TYPE_CHECKING:
    from pathlib import Path

    from edge.books.lists import Lists
    from edge.record import Values

LISTS, FRESH = "lists.jsonl", "fresh.jsonl"


class ListsFolder:
    """Of one unit."""

    def __init__(self, unit: str, folder: Path) -> None:
        self._unit = unit
        self._path = folder / LISTS
        self.fresh_path = folder / FRESH

    def in_force(self) -> Lists | None:
        """The lists in force; None when there are none that can be read."""
        with contextlib.suppress(OSError, ListsError):
            return lists.parsed(self._path.read_bytes())
        return None

    def go_over(self, now: Lists | None) -> Lists:
        """Have what was brought in force from now on; raises ListsError, FileNotFoundError for nothing."""
        with self.fresh_path.open("rb") as file:
            fresh = lists.parsed(file.read(lists.MAX_BYTES + 1))
            os.fsync(file.fileno())  # facts are forgotten because these lists include them
        if fresh.head.unit != self._unit:
            raise ListsError(f"the lists are for {fresh.head.unit}, this is {self._unit}")
        if now is not None and fresh.head.as_of_ms < now.head.as_of_ms:
            raise ListsError(f"{fresh.head.revision} is older than {now.head.revision}, which is in force")
        os.replace(self.fresh_path, self._path)  # noqa: PTH105 - says what it does
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return fresh

    def drop(self) -> None:
        """Throw away what was brought."""
        with contextlib.suppress(OSError):
            self.fresh_path.unlink()


def taken(fresh: Lists, now_ms: int) -> Reading:
    """What is told of lists that came into force."""
    values: Values = {
        "revision": fresh.head.revision[:64],
        "as_of_ms": max(fresh.head.as_of_ms, 0),
        "items": len(fresh.copies),
        "blocks": len(fresh.blocks),
        "holds": len(fresh.holds),
        "conflicts": len(fresh.conflicts),
    }
    return _told("taken", values, now_ms)


def refused(why: str, now_ms: int) -> Reading:
    """What is told of lists that did not."""
    detail = why.encode()[: wire.MAX_TEXT_BYTES].decode(errors="ignore")
    return _told("refused", {"detail": detail} if detail else {}, now_ms)


def _told(state: str, values: Values, now_ms: int) -> Reading:
    words = wire.KINDS["lists"].by_name["state"].words
    return Reading("lists", SOURCE, now_ms, {"state": words.index(state), **values})
