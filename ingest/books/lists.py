"""Lists for a unit: what its crew lends by until the next ones come, as one file of JSON lines. Pure.

    {"v":1,"revision":"…","unit":"library-01","as_of_ms":…,"epoch":"…","event_mark":60,"reader_key":"8f14e45f",…}
    {"item":"…","title":"…","shelf":"a1","lent_to":"<reader>","due_on":20806,…}    belongs on its shelf
    {"block":"<reader>","why":"expired","until_on":20806}                          may not borrow
    {"hold":"h-3","item":"…","reader":"<reader>","stop":"…"}                       to be carried
    {"conflict":"c-17","class":"…","item":"…","ours":"…","theirs":"…"}             to be found out
    {"end":4}                                                                      how many lines between

The unit's half is `edge/books/lists.py`, which refuses a file without its last line, and tells by a record of
kind `lists` what it took. A whole vehicle's lists are beyond what a broker passes (64 kB), so the file goes
over HTTP, or on a stick where there is no network at all. `revision` is a digest of all else but the time, so
that what has not changed is not fetched again. `event_mark` says up to which of the unit's own
events the lists are true; blocks are as old as `as_of_ms`, which is when the library's readers were imported.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VERSION = 1
MAX_LINES = 50_000
MAX_TEXT_BYTES = 1024
Line = dict[str, Any]


class TooLong(ValueError):
    """More lines than a unit takes; the text says how many."""


class Lists(NamedTuple):
    """The lines of each kind, the first and the last apart."""

    head: Line
    items: list[Line]
    blocks: list[Line]
    holds: list[Line]
    conflicts: list[Line]


def revised(lists: Lists) -> Lists:
    """The same under the name of its content."""
    timeless = {name: value for name, value in lists.head.items() if name != "as_of_ms"}
    digest = hashlib.sha256(json.dumps([timeless, *lists[1:]], ensure_ascii=False).encode()).hexdigest()
    return lists._replace(head=lists.head | {"revision": digest[:16]})


def written(lists: Lists) -> bytes:
    """The file's bytes; what is unknown is left out. Raises TooLong."""
    lines = [*lists.items, *lists.blocks, *lists.holds, *lists.conflicts]
    if len(lines) > MAX_LINES:
        raise TooLong(f"{len(lines):,} lines, a unit takes {MAX_LINES:,}: give it fewer copies")
    whole = [{"v": VERSION, **lists.head}, *lines, {"end": len(lines)}]
    return b"".join(_line(one) for one in whole)


def _line(values: Mapping[str, Any]) -> bytes:
    said = {name: _cut(value) for name, value in values.items() if value is not None and value is not False}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _cut(value: Any) -> Any:
    """A text no longer than a unit takes."""
    if not isinstance(value, str):
        return value
    return value.encode()[:MAX_TEXT_BYTES].decode(errors="ignore")


def oldest_ms(as_of: Iterable[int | None], now_ms: int) -> int:
    """From when lists are that were put together: as old as their oldest part that ever came."""
    return min((one for one in as_of if one is not None), default=now_ms)
