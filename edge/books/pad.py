"""The reading pad: which tags lie there now, what they are, and whose AFI is still to be written. Pure.

A write is asked of the reader and proved by what it reads back. A tag that was pulled away too early stays in
the repair queue, which outlives a restart: at its next sighting, be it at the return, it is written again.
Blocks are never locked from here: a locked block stays locked for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.books.tag import Sighting, Tag, identified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEEN_MS = 3_000  # a tag lies on the pad for so long after its last sighting
RETRY_MS = 1_500
MOST_TAGS = 4_000
MOST_REPAIRS = 1_000


@dataclass(slots=True)
class Lying:
    """A tag that was seen."""

    tag: Tag
    at_ms: int
    source: str
    afi: int | None = None
    is_eas_on: bool | None = None


@dataclass(slots=True)
class Repair:
    """An AFI that is still to be written; `asked_ms` is when that was tried last."""

    uid: str
    item: str
    afi: int
    asked_ms: int | None = None


class Pad:
    """Tags as they come and go. `write` asks a reader by its source's name to write a tag's AFI."""

    def __init__(self, write: Callable[[str, str, int], None]) -> None:
        self._write = write
        self._lying: dict[str, Lying] = {}
        self.repairs: dict[str, Repair] = {}
        self.changed: set[str] = set()  # tags whose repair came or went since somebody emptied this

    def see(self, at_ms: int, source: str, sighting: Sighting) -> Lying | None:
        """Take a sighting; what it is, unless only its identity was read so far and nothing else is known."""
        lying = self._lying.get(sighting.uid)
        tag = identified(sighting) or (None if lying is None else lying.tag)
        if tag is None:
            return None
        self._lying.pop(sighting.uid, None)  # the newest is the last
        if len(self._lying) >= MOST_TAGS:
            del self._lying[next(iter(self._lying))]
        afi = sighting.afi if sighting.afi is not None else None if lying is None else lying.afi
        self._lying[sighting.uid] = Lying(tag, at_ms, source, afi, sighting.is_eas_on)
        return self._lying[sighting.uid]

    def tags(self, now_ms: int) -> Iterator[Lying]:
        """Those that lie there now, the newest first."""
        for lying in reversed(self._lying.values()):
            if now_ms - lying.at_ms <= SEEN_MS:
                yield lying

    def tag_of(self, item: str, now_ms: int) -> Lying | None:
        """The tag of a copy that lies there now."""
        return next((lying for lying in self.tags(now_ms) if lying.tag.item == item), None)

    # --- AFI --------------------------------------------------------------------------------------------

    def want(self, uid: str, item: str, afi: int, now_ms: int) -> None:
        """Have a tag's AFI be this; the newest wish counts."""
        self.repairs.pop(uid, None)
        if len(self.repairs) >= MOST_REPAIRS:
            oldest = next(iter(self.repairs))
            del self.repairs[oldest]
            self.changed.add(oldest)
        self.repairs[uid] = Repair(uid, item, afi)
        self.changed.add(uid)
        self.ask(now_ms)

    def ask(self, now_ms: int) -> None:
        """Ask for what is wanted of the tags that lie there, as often as makes sense."""
        for repair in self.repairs.values():
            lying = self._lying.get(repair.uid)
            is_there = lying is not None and now_ms - lying.at_ms <= SEEN_MS
            if lying is None or not is_there:
                continue
            if repair.asked_ms is None or now_ms - repair.asked_ms >= RETRY_MS:
                repair.asked_ms = now_ms
                self._write(lying.source, repair.uid, repair.afi)

    def written(self, uid: str, afi: int | None) -> Repair | None:
        """What a reader read back after a write; the wish that this fulfils."""
        lying = self._lying.get(uid)
        if lying is not None and afi is not None:
            lying.afi = afi
        repair = self.repairs.get(uid)
        if repair is None or afi != repair.afi:
            return None
        del self.repairs[uid]
        self.changed.add(uid)
        return repair
