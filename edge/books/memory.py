"""The memory of a book shelf: what must outlive a power cut, as notes of the outbox.

A note is committed with the records that were taken before it, so that all of a loan is on disk or none of
it. Kept are a fact of each copy, a repair of each tag, the last answers, the conflicts that were settled, and
how many checks there were.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge.books.pad import Pad, Repair
from edge.books.shelf import Fact, Shelf, fact_of
from edge.outbox import OutboxError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.intake import Intake
    from edge.outbox import Outbox

# The notes' keys: a fact of each copy, a repair of each tag, and the rest as one each.
FACT, REPAIR = "book:", "tag:"
ASKED, CHECKS, SETTLED = "books asked", "books inventories", "books settled"
ASKS_KEPT = 32


class Memory:
    """Of one shelf and one pad, which it fills again after a start."""

    def __init__(self, intake: Intake, shelf: Shelf, pad: Pad) -> None:
        self._intake = intake
        self._shelf = shelf
        self._pad = pad
        self._checks = 0
        self.asked: dict[str, dict[str, Any]] = {}  # id of an ask -> its answer

    def recall(self, outbox: Outbox) -> None:
        """Read the notes; raises OutboxError."""
        for text in outbox.notes(FACT).values():
            fact = fact_of(text)
            if fact is not None:
                self._shelf.facts[fact.item] = fact
        for text in filter(None, outbox.notes(REPAIR).values()):
            repair = Repair(*json.loads(text))
            self._pad.repairs[repair.uid] = repair
        self.asked = json.loads(outbox.note(ASKED) or "{}")
        self._shelf.settled = set(json.loads(outbox.note(SETTLED) or "[]"))
        self._checks = int(outbox.note(CHECKS) or 0)

    def base(self, now_ms: int) -> tuple[str, int]:
        """The epoch, and the last number that is given; an epoch of "" while the disk is in the way."""
        outbox = self._intake.outbox
        if outbox is not None:
            try:
                return outbox.epoch, outbox.marks()["event"]["seq"]
            except OutboxError as error:
                self._intake.fail(error, now_ms)
        return "", 0

    def keep_fact(self, fact: Fact, base: tuple[str, int], now_ms: int) -> None:
        """Have a fact committed with the records taken so far; it stands until lists include its number."""
        fact = replace(fact, epoch=base[0], seq=base[1] + self._intake.waiting)
        self._shelf.facts[fact.item] = fact
        self._intake.keep(FACT + fact.item, fact.text(), now_ms)

    def forget_facts(self, items: Iterable[str], now_ms: int) -> None:
        """These are in the lists now."""
        for item in items:
            self._intake.keep(FACT + item, "", now_ms)

    def keep_repairs(self, now_ms: int) -> None:
        """Those that came or went since the last time."""
        for uid in self._pad.changed:
            repair = self._pad.repairs.get(uid)
            text = "" if repair is None else json.dumps([repair.uid, repair.item, repair.afi])
            self._intake.keep(REPAIR + uid, text, now_ms)
        self._pad.changed.clear()

    def keep_answer(self, name: str, answer: dict[str, Any], now_ms: int) -> None:
        """Who asks for this again is answered so."""
        self.asked = dict([*self.asked.items(), (name, answer)][-ASKS_KEPT:])
        self._intake.keep(ASKED, json.dumps(self.asked, ensure_ascii=False), now_ms)

    def keep_settled(self, now_ms: int) -> None:
        """The conflicts that the crew has answered."""
        self._intake.keep(SETTLED, json.dumps(sorted(self._shelf.settled)), now_ms)

    def next_check(self, now_ms: int) -> int:
        """The number of a new shelf check, which no other ever gets."""
        self._checks += 1
        self._intake.keep(CHECKS, str(self._checks), now_ms)
        return self._checks
