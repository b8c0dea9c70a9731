"""The shelf check: what the crew asks of it, and what is told at its end. `inventory` counts the rounds.

    check    step = begin (shelf, method, actor), scan (item), look, end, stop

At its end the copies are told whose place is not the one that was told last; those that were not found are
told as gone when that is sure. A check may be of thousands of copies, so they are recorded AT_ONCE at a time
and the answer waits until all of them are on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge.books.desk import SOURCE, DeskError, number, text_of
from edge.books.inventory import Inventory
from edge.books.shelf import GONE, HERE, MOST_SHOWN, Fact
from edge.record import Reading
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.books.desk import Answer, Ask, Desk, Now
    from edge.books.inventory import Found
    from edge.books.memory import Memory
    from edge.books.pad import Lying
    from edge.books.shelf import Shelf
    from edge.record import Values

MISSING_SURE_PCT = 95  # below, a copy that was not read is not told as gone
AT_ONCE = 1000  # records that are made in one turn


class ShelfCheck:
    """One at a time. `take` has a reading recorded."""

    def __init__(self, shelf: Shelf, desk: Desk, memory: Memory, take: Callable[[Reading], None]) -> None:
        self._shelf = shelf
        self._desk = desk
        self._memory = memory
        self._take = take
        self._inventory: Inventory | None = None
        self._to_tell: list[tuple[Reading, Fact]] = []

    @property
    def is_under_way(self) -> bool:
        """Whether a check was begun and not ended."""
        return self._inventory is not None

    @property
    def is_telling(self) -> bool:
        """Whether some of what a check found is still to be recorded."""
        return bool(self._to_tell)

    def see(self, at_ms: int, lying: Lying) -> None:
        """A tag was read."""
        if self._inventory is not None and self._inventory.method == "tag":
            self._inventory.see(at_ms, lying.tag.item, lying.tag.uid)

    def step(self, now_ms: int) -> None:
        """End a round whose time is over, and record a part of what was found."""
        if self._inventory is not None:
            self._inventory.step(now_ms)
        if self._to_tell:
            base = self._memory.base(now_ms)
            for reading, fact in self._to_tell[:AT_ONCE]:
                self._take(reading)
                self._memory.keep_fact(fact, base, now_ms)
            del self._to_tell[:AT_ONCE]

    def ask(self, ask: Ask, now: Now) -> Answer:
        """One step of a check; the answer to its end has `is_told`. Raises DeskError."""
        step = ask.get("step")
        if step == "begin":
            self._inventory = self._begun(ask, now.mono_ms)
            return self._seen(self._inventory)
        inventory = self._inventory
        if inventory is None:
            raise DeskError("no shelf check is under way: begin one")
        if step in {"end", "stop"}:
            return self._end(inventory, now, is_ended=step == "end")
        if step == "scan":
            inventory.see(now.mono_ms, self._desk.item_of(ask))
        elif step != "look":
            raise DeskError(f"step = {step!r}: must be begin, scan, look, end or stop")
        return self._seen(inventory)

    def _begun(self, ask: Ask, now_ms: int) -> Inventory:
        if self._inventory is not None:
            raise DeskError("a shelf check is under way: end it first")
        shelf, method, actor = (text_of(ask, name) for name in ("shelf", "method", "actor"))
        lists = self._shelf.lists
        return Inventory(
            self._memory.next_check(now_ms),
            now_ms,
            shelf,
            "barcode" if method == "barcode" else "tag",
            frozenset(self._shelf.expected(shelf)),
            {} if lists is None else {item: copy.shelf for item, copy in lists.copies.items()},
            actor,
        )

    def _seen(self, inventory: Inventory) -> Answer:
        found = inventory.found()
        others = [(item, place) for item, place in found.places.items() if place != "present"]
        return {
            "shelf": inventory.shelf,
            "method": inventory.method,
            "rounds": found.rounds,
            "is_stable": inventory.is_stable,
            "expected": found.expected,
            **{place: found.count(place) for place in ("present", "misplaced", "foreign")},
            "unread": len(found.unread),
            "missing": len(found.missing),
            "sure_pct": found.sure_pct,
            "missing_sure_pct": found.missing_sure_pct,
            "missing_items": [self._line(item) for item in found.missing[:MOST_SHOWN]],
            "others": [{**self._line(item), "place": place} for item, place in others[:MOST_SHOWN]],
        }

    def _line(self, item: str) -> dict[str, Any]:
        return {"item": item, "title": self._shelf.title_of(item), "shelf": self._shelf.home_of(item)}

    def _end(self, inventory: Inventory, now: Now, *, is_ended: bool) -> Answer:
        """Have what was found told: what lies there, what does not, and the check as a whole."""
        found = inventory.found()
        is_sure = is_ended and (inventory.method != "tag" or inventory.is_stable)
        is_telling = is_sure and found.missing_sure_pct >= MISSING_SURE_PCT
        lists_age_s = self._desk.age_s(now)
        self._take(_whole(inventory, found, now.mono_ms, lists_age_s, is_sure=is_sure))
        self._to_tell += [self._tell_seen(inventory, item, found, now) for item in self._news(found)]
        if is_telling:
            self._to_tell += [self._tell_gone(inventory, item, found, now) for item in found.missing]
        self._inventory = None
        return {**self._seen(inventory), "is_told": is_telling}

    def _news(self, found: Found) -> list[str]:
        """The copies whose place is not the one that was told last."""
        facts = self._shelf.facts
        return [
            item
            for item, place in found.places.items()
            if item not in facts or facts[item].state != HERE or facts[item].place != place
        ]

    def _tell_seen(self, inventory: Inventory, item: str, found: Found, now: Now) -> tuple[Reading, Fact]:
        values = self._checked("seen", inventory, item, 100)
        place = found.places[item]
        values["place"] = number("place", place)
        fact = Fact(item=item, state=HERE, at_ms=now.time_ms, shelf=inventory.shelf, place=place)
        return Reading("book", SOURCE, now.mono_ms, values), fact

    def _tell_gone(self, inventory: Inventory, item: str, found: Found, now: Now) -> tuple[Reading, Fact]:
        values = self._checked("gone", inventory, item, found.missing_sure_pct)
        fact = Fact(item=item, state=GONE, at_ms=now.time_ms)
        return Reading("book", SOURCE, now.mono_ms, values), fact

    def _checked(self, event: str, inventory: Inventory, item: str, sure_pct: int | None) -> Values:
        return {
            "event": number("event", event),
            "item": item,
            "method": number("method", inventory.method),
            "shelf": inventory.shelf or None,
            "home_shelf": self._shelf.home_of(item) or None,
            "inventory": inventory.number,
            "sure_pct": sure_pct,
            "actor": inventory.actor or None,
        }


def _whole(
    inventory: Inventory, found: Found, now_ms: int, lists_age_s: int | None, *, is_sure: bool
) -> Reading:
    fields = wire.KINDS["inventory"].by_name
    values: Values = {
        "number": inventory.number,
        "state": fields["state"].words.index("stable" if is_sure else "stopped"),
        "shelf": inventory.shelf or None,
        "method": fields["method"].words.index(inventory.method),
        "began_ago_ms": max(now_ms - inventory.began_ms, 0),
        "rounds": found.rounds,
        "expected": found.expected,
        "present": found.count("present"),
        "missing": len(found.missing),
        "misplaced": found.count("misplaced"),
        "foreign": found.count("foreign"),
        "unread": len(found.unread),
        "sure_pct": found.sure_pct,
        "lists_age_s": lists_age_s,
        "actor": inventory.actor or None,
    }
    return Reading("inventory", SOURCE, now_ms, values)
