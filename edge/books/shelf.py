"""The shelf: what the lists say, and what happened on this unit since. Pure.

A fact about a copy stands against the lists until they include it: until lists come whose `event_mark`, of
the same epoch, is at least the fact's `seq`. That is an upper bound of its number in the outbox, which is
only given at the commit: so a fact may stand a little longer than it must, never shorter.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.books.lists import Block, Conflict, Copy, Hold, Lists

HERE, LENT, GONE = "here", "lent", "gone"
SOMEBODY = "?"  # on loan, and nobody knows to whom
MOST_SHOWN = 200  # of one list in one answer
MINUTE_MS = 60_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """The last thing that happened to a copy here. `at_ms` is UTC, None while the clock was not set."""

    item: str
    state: str
    at_ms: int | None = None
    epoch: str = ""
    seq: int = 0
    reader: str = ""
    loan: str = ""
    due_on: int | None = None
    renewals: int = 0
    shelf: str = ""
    place: str = ""  # how it was told when it was seen last

    def text(self) -> str:
        """As a note of the outbox."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))


def fact_of(text: str) -> Fact | None:
    """The fact of a note; None for one that cannot be read or was put out of force."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    known = {one.name for one in fields(Fact)}
    if not isinstance(found, dict) or not {"item", "state"} <= set(found) <= known:
        return None
    return Fact(**found)


@dataclass(frozen=True, slots=True)
class Known:
    """What the unit knows about a copy and a reader at one moment."""

    copy: Copy | None
    fact: Fact | None
    block: Block | None
    today: int | None

    @property
    def lent_to(self) -> str:
        """The reader who has it, "" when it is not on loan as far as anybody here knows."""
        if self.fact is not None:
            return (self.fact.reader or SOMEBODY) if self.fact.state == LENT else ""
        return "" if self.copy is None else self.copy.lent_to


@dataclass(slots=True)
class Shelf:
    """Lists and facts of one unit; `settled` are the conflicts that the crew has answered since."""

    lists: Lists | None = None
    facts: dict[str, Fact] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)

    def known(self, item: str, reader: str = "", today: int | None = None) -> Known:
        """What is known of a copy and a reader."""
        lists = self.lists
        copy = None if lists is None else lists.copies.get(item)
        block = None if lists is None else lists.blocks.get(reader)
        return Known(copy, self.facts.get(item), block, today)

    def take(self, lists: Lists) -> list[str]:
        """Go over to new lists; the items whose facts they include."""
        self.lists = lists
        self.settled &= set(lists.conflicts)
        head = lists.head
        old = [
            fact.item
            for fact in self.facts.values()
            if fact.epoch == head.epoch and fact.seq <= head.event_mark
            # What lies here and is on no list is still here.
            if fact.item in lists.copies or fact.state != HERE
        ]
        for item in old:
            del self.facts[item]
        return old

    def home_of(self, item: str) -> str | None:
        """The shelf where a copy belongs; None when it is on no list."""
        copy = None if self.lists is None else self.lists.copies.get(item)
        return None if copy is None else copy.shelf

    def is_here(self, item: str) -> bool:
        """Whether a copy should lie on the shelf by lists and facts."""
        fact = self.facts.get(item)
        if fact is not None:
            return fact.state == HERE
        copy = None if self.lists is None else self.lists.copies.get(item)
        return copy is not None and not copy.lent_to

    def expected(self, shelf: str = "") -> set[str]:
        """The copies that should lie here; of one shelf those that belong on it, wherever they were seen."""
        items = set(self.facts) | (set() if self.lists is None else set(self.lists.copies))
        return {item for item in items if self.is_here(item) and shelf in {"", self.home_of(item)}}

    def loans_of(self, reader: str) -> list[str]:
        """The copies that a reader has, as far as anybody here knows."""
        items = set(self.facts) | (set() if self.lists is None else set(self.lists.copies))
        return sorted(item for item in items if reader and self.known(item).lent_to == reader)

    def due_of(self, item: str) -> int | None:
        """The local day on which a loan ends; None: unknown, or none."""
        fact = self.facts.get(item)
        if fact is not None:
            return fact.due_on
        copy = None if self.lists is None else self.lists.copies.get(item)
        return None if copy is None else copy.due_on

    def holds(self) -> Iterator[tuple[Hold, bool]]:
        """What is to be carried to readers, and whether it is here."""
        for hold in self.lists.holds.values() if self.lists else ():
            yield hold, self.is_here(hold.item)

    def conflicts(self) -> list[Conflict]:
        """Those that wait for the crew."""
        found = self.lists.conflicts.values() if self.lists else ()
        return [one for one in found if one.conflict not in self.settled]

    def title_of(self, item: str) -> str:
        """For people; empty when nobody here knows."""
        copy = None if self.lists is None else self.lists.copies.get(item)
        return "" if copy is None else copy.title


def local_day(time_ms: int, utc_offset_min: int) -> int:
    """Days since 1970 where the unit is."""
    return (time_ms + utc_offset_min * MINUTE_MS) // DAY_MS


def plain(line: Any) -> dict[str, Any]:
    """A line of the lists as the page may have it."""
    return {name.rstrip("_"): value for name, value in asdict(line).items()}
