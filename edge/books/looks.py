"""Looks: what the crew may ask of the shelf that changes nothing, and is answered at once.

status                 holds                   conflicts
reader    card         copy      item
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.books.desk import text_of
from edge.books.shelf import GONE, LENT, MOST_SHOWN, plain

if TYPE_CHECKING:
    from edge.books.desk import Answer, Ask, Desk, Now
    from edge.books.pad import Pad
    from edge.books.shelf import Shelf

MOST_ON_PAD = 40


class Looks:
    """Of one shelf."""

    def __init__(self, shelf: Shelf, pad: Pad, desk: Desk) -> None:
        self._shelf = shelf
        self._pad = pad
        self._desk = desk

    def status(self, _ask: Ask, now: Now) -> Answer:
        """How it stands with lists, loans and the pad."""
        lists = self._shelf.lists
        on_pad = [lying.tag.item for lying in self._pad.tags(now.mono_ms) if lying.tag.item]
        return {
            "revision": None if lists is None else lists.head.revision,
            "lists_age_s": self._desk.age_s(now),
            "is_old": self._desk.are_lists_old(now),
            "today": self._desk.today(now),
            "has_clock": now.time_ms is not None,
            "copies": 0 if lists is None else len(lists.copies),
            "blocks": 0 if lists is None else len(lists.blocks),
            "here": len(self._shelf.expected()),
            "lent": sum(1 for fact in self._shelf.facts.values() if fact.state == LENT),
            "holds": sum(1 for _ in self._shelf.holds()),
            "conflicts": len(self._shelf.conflicts()),
            "repairs": len(self._pad.repairs),
            "pad": [self._of_pad(item) for item in on_pad[:MOST_ON_PAD]],
        }

    def _of_pad(self, item: str) -> dict[str, Any]:
        return {**self._titled(item), "is_lent": bool(self._shelf.known(item).lent_to)}

    def _titled(self, item: str) -> dict[str, Any]:
        return {"item": item, "title": self._shelf.title_of(item)}

    def holds(self, _ask: Ask, _now: Now) -> Answer:
        """What is to be carried to readers."""
        found = [
            {
                **self._titled(hold.item),
                "hold": hold.hold,
                "stop": hold.stop,
                "shelf": self._shelf.home_of(hold.item),
                "is_here": is_here,
            }
            for hold, is_here in self._shelf.holds()
        ]
        return {"holds": found[:MOST_SHOWN], "more": max(len(found) - MOST_SHOWN, 0)}

    def conflicts(self, _ask: Ask, _now: Now) -> Answer:
        """What the crew is to find out."""
        found = [{**plain(one), "title": self._shelf.title_of(one.item)} for one in self._shelf.conflicts()]
        return {"conflicts": found[:MOST_SHOWN], "more": max(len(found) - MOST_SHOWN, 0)}

    def reader(self, ask: Ask, now: Now) -> Answer:
        """What a reader has and may do, without a word of who that is."""
        reader = self._desk.reader_of(text_of(ask, "card"))
        loans = [
            {**self._titled(item), "due_on": self._shelf.due_of(item)}
            for item in self._shelf.loans_of(reader)
        ]
        held = [hold.item for hold, is_here in self._shelf.holds() if is_here and hold.reader == reader]
        return {
            "rules": self._desk.against(reader, now),
            "loans": loans[:MOST_SHOWN],
            "held": [self._titled(item) for item in held],
        }

    def copy(self, ask: Ask, now: Now) -> Answer:
        """What is known of a copy."""
        item = text_of(ask, "item")
        known = self._shelf.known(item, "", self._desk.today(now))
        fact = known.fact
        return {
            **self._titled(item),
            "is_known": known.copy is not None or fact is not None,
            "is_here": self._shelf.is_here(item),
            "is_lent": bool(known.lent_to),
            "is_gone": fact is not None and fact.state == GONE,
            "due_on": self._shelf.due_of(item),
            "shelf": self._shelf.home_of(item),
        }
