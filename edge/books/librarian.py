"""The librarian: the book shelf inside an agent. Takes readings and asks, keeps its state, answers.

Facts, repairs and what was asked are notes of the outbox, committed with the records they belong to; an
answer goes out when its commit has gone through. So after a power cut either all of a loan is there or none
of it, and whoever got no answer asks again with the same id: what was done is answered and not done twice.

    folder/lists.jsonl    the lists in force (`edge.books.lists`)
    folder/fresh.jsonl    lists that were brought; looked at when asked (`{"what":"lists"}`) and at the start
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge.books import lists as lists_file
from edge.books.desk import SOURCE, Desk, DeskError, Now, number, text_of
from edge.books.inventory import Inventory
from edge.books.lists import ListsError
from edge.books.pad import Pad, Repair
from edge.books.shelf import GONE, HERE, LENT, Fact, Shelf, fact_of, local_day, plain
from edge.books.tag import Sighting
from edge.outbox import OutboxError
from edge.record import Reading
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from edge.books.desk import Done, Policy
    from edge.books.door import Door
    from edge.books.inventory import Found
    from edge.books.lists import Lists
    from edge.intake import Intake
    from edge.outbox import Outbox
    from edge.record import Values

log = logging.getLogger(__name__)

# Notes of the outbox: a fact of each copy, a repair of each tag, and the rest as one each.
FACT, REPAIR = "book:", "tag:"
ASKED, COUNTED, SETTLED = "books asked", "books inventories", "books settled"
LISTS, FRESH = "lists.jsonl", "fresh.jsonl"
ASKS_KEPT = 32
MOST_SHOWN = 200  # of one list in one answer
MISSING_SURE_PCT = 95  # below, a copy that was not read is not told as gone
AT_ONCE = 1000  # records of a check that are made in one turn
MAX_ID = 64
MOST_SCANS, SCAN_MS = 16, 10_000


class Librarian:
    """Runs in the agent's main thread. `write` asks a reader's source to write an AFI."""

    def __init__(
        self,
        unit: str,
        folder: Path,
        policy: Policy,
        key: bytes | None,
        intake: Intake,
        door: Door,
        write: Callable[[str, str, int], None],
        *,
        has_scanner: bool = False,
    ) -> None:
        self._unit = unit
        self._folder = folder
        self._policy = policy
        self._intake = intake
        self._door = door
        self._shelf = Shelf()
        self._pad = Pad(write)
        self._desk = Desk(self._shelf, self._pad, policy, key)
        self._asked: dict[str, dict[str, Any]] = {}  # id -> answer
        self._answers: list[tuple[str, dict[str, Any]]] = []  # that wait for their commit
        self._under_way: dict[str, int] = {}  # id -> the client who asked last
        self._inventory: Inventory | None = None
        self._to_tell: list[tuple[Reading, Fact]] = []
        self._ended: tuple[str, dict[str, Any]] = ("", {})  # the last check's end
        self._has_scanner = has_scanner
        self._scans: list[tuple[int, str]] = []  # that nobody has fetched yet
        self._checks = 0
        self._is_resumed = False
        self._looks = {
            "status": self._status,
            "holds": self._holds,
            "conflicts": self._conflicts,
            "reader": self._reader,
            "copy": self._copy,
            "lists": self._bring,
            "check": self._check_shelf,
            "scans": self._give_scans,
        }

    # --- readings ---------------------------------------------------------------------------------------

    def take(self, reading: Reading) -> bool:
        """Take a reading that is the librarian's own; False for all others."""
        if reading.kind == "ask":
            self._hear(reading)
        elif reading.kind == "tag":
            self._see(reading)
        elif reading.kind == "tag_written":
            self._written(reading)
        elif reading.kind == "scan" and self._has_scanner:
            self._scans = [*self._scans[1 - MOST_SCANS :], (reading.mono_ms, str(reading.values.get("code")))]
        else:
            return False
        return True

    def _see(self, reading: Reading) -> None:
        sighting = _sighting(reading.values)
        lying = None if sighting is None else self._pad.see(reading.mono_ms, reading.source, sighting)
        if lying is None:
            return
        if self._inventory is not None and self._inventory.method == "tag":
            self._inventory.see(reading.mono_ms, lying.tag.item, lying.tag.uid)
        repair = self._pad.repairs.get(lying.tag.uid)
        if repair is not None and lying.afi == repair.afi:
            self._prove(lying.tag.uid, lying.afi, reading.mono_ms)

    def _written(self, reading: Reading) -> None:
        uid, afi = reading.values.get("uid"), reading.values.get("afi")
        if isinstance(uid, str):
            self._prove(uid, afi if isinstance(afi, int) else None, reading.mono_ms)

    def _prove(self, uid: str, afi: int | None, now_ms: int) -> None:
        repaired = self._desk.written(uid, afi, now_ms)
        if repaired is not None:
            self._intake.take(repaired)
        self._keep_repairs(now_ms)

    # --- each turn --------------------------------------------------------------------------------------

    def step(self, now_ms: int) -> None:
        """What is due by itself. To be called before the commit of each turn."""
        if not self._is_resumed and not self._resume(now_ms):
            return
        self._desk.step(now_ms)
        if self._inventory is not None:
            self._inventory.step(now_ms)
        if self._to_tell:
            base = self._base(now_ms)
            for reading, fact in self._to_tell[:AT_ONCE]:
                self._intake.take(reading)
                self._remember(fact, base, now_ms)
            del self._to_tell[:AT_ONCE]

    def settle(self) -> None:
        """Answer what is on disk. To be called behind the commit of each turn."""
        if self._answers and not self._to_tell and self._intake.is_settled:
            answers, self._answers = self._answers, []
            for name, answer in answers:
                self._say(name, answer)

    def _resume(self, now_ms: int) -> bool:
        outbox = self._intake.outbox
        if outbox is None:
            return False
        try:
            self._recall(outbox)
        except OutboxError as error:
            self._intake.fail(error, now_ms)
            return False
        self._is_resumed = True
        with contextlib.suppress(OSError, ListsError):
            self._shelf.take(lists_file.parsed((self._folder / LISTS).read_bytes()))
        if (self._folder / FRESH).exists():
            self._take_lists(now_ms)
        return True

    def _recall(self, outbox: Outbox) -> None:
        for text in outbox.notes(FACT).values():
            fact = fact_of(text)
            if fact is not None:
                self._shelf.facts[fact.item] = fact
        for text in filter(None, outbox.notes(REPAIR).values()):
            repair = Repair(*json.loads(text))
            self._pad.repairs[repair.uid] = repair
        self._asked = json.loads(outbox.note(ASKED) or "{}")
        self._shelf.settled = set(json.loads(outbox.note(SETTLED) or "[]"))
        self._checks = int(outbox.note(COUNTED) or 0)

    # --- what has to survive ----------------------------------------------------------------------------

    def _base(self, now_ms: int) -> tuple[str, int]:
        """The epoch, and the last number that is given; an epoch of "" while the disk is in the way."""
        outbox = self._intake.outbox
        if outbox is not None:
            try:
                return outbox.epoch, outbox.marks()["event"]["seq"]
            except OutboxError as error:
                self._intake.fail(error, now_ms)
        return "", 0

    def _remember(self, fact: Fact, base: tuple[str, int], now_ms: int) -> None:
        """Have a fact committed with the records taken so far; it stands until lists include its number."""
        fact = replace(fact, epoch=base[0], seq=base[1] + self._intake.waiting)
        self._shelf.facts[fact.item] = fact
        self._intake.keep(FACT + fact.item, fact.text(), now_ms)

    def _keep_repairs(self, now_ms: int) -> None:
        for uid in self._pad.changed:
            repair = self._pad.repairs.get(uid)
            text = "" if repair is None else json.dumps([repair.uid, repair.item, repair.afi])
            self._intake.keep(REPAIR + uid, text, now_ms)
        self._pad.changed.clear()

    def _finish(self, name: str, done: Done, now_ms: int) -> None:
        """What an ask came to: recorded, remembered, and answered behind the commit."""
        base = self._base(now_ms)
        for reading in done.readings:
            self._intake.take(reading)
        for fact in done.facts:
            self._remember(fact, base, now_ms)
        self._keep_repairs(now_ms)
        if done.readings:
            self._asked = dict([*self._asked.items(), (name, done.answer)][-ASKS_KEPT:])
            self._intake.keep(ASKED, json.dumps(self._asked, ensure_ascii=False), now_ms)
            self._answers.append((name, done.answer))
        else:
            self._say(name, done.answer)
        if "conflict" in done.answer:
            self._intake.keep(SETTLED, json.dumps(sorted(self._shelf.settled)), now_ms)

    def _say(self, name: str, answer: dict[str, Any]) -> None:
        client = self._under_way.pop(name, None)
        if client is not None:
            self._door.answer(client, {"id": name, **answer})

    # --- asks -------------------------------------------------------------------------------------------

    def _hear(self, reading: Reading) -> None:
        client, now_ms = int(reading.values["client"] or 0), reading.mono_ms
        try:
            ask = json.loads(str(reading.values["text"]))
            json.dumps(ask, ensure_ascii=False).encode()  # half a character is none
        except (ValueError, RecursionError):
            ask = None
        name = ask.get("id") if isinstance(ask, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= MAX_ID:
            self._door.answer(client, {"state": "wrong", "detail": "an ask is an object with an id"})
            return
        is_new = name not in self._under_way
        self._under_way[name] = client  # who asks again gets the answer
        if name in self._asked:
            if not any(name == waiting for waiting, _ in self._answers):
                self._say(name, self._asked[name])
        elif name == self._ended[0]:
            if not self._answers:
                self._say(*self._ended)
        elif is_new:
            self._do(name, ask, now_ms)

    def _do(self, name: str, ask: dict[str, Any], now_ms: int) -> None:
        if not self._is_resumed:
            self._say(name, {"state": "wrong", "detail": "not ready: the disk is in the way; ask again"})
            return
        look = self._looks.get(str(ask.get("what")))
        try:
            if look is not None:
                answer = {"state": "done", **look(ask, now_ms)}
                if "is_told" not in answer:
                    self._say(name, answer)
                else:  # a check has ended: answered when all of it is on disk
                    self._ended = name, answer
                    self._answers.append(self._ended)
            else:
                self._desk.ask(ask, self._now(now_ms), lambda done: self._finish(name, done, now_ms))
        except DeskError as error:
            self._say(name, {"state": "wrong", "detail": str(error)})

    def _now(self, now_ms: int) -> Now:
        time_ms, _, word = self._intake.clock.time_of(now_ms)
        return Now(now_ms, None if word == "none" else time_ms)

    def _today(self, now_ms: int) -> int | None:
        time_ms = self._now(now_ms).time_ms
        return None if time_ms is None else local_day(time_ms, self._policy.utc_offset_min)

    # --- looking ----------------------------------------------------------------------------------------

    def _status(self, ask: dict[str, Any], now_ms: int) -> dict[str, Any]:
        del ask
        now, lists = self._now(now_ms), self._shelf.lists
        lent = [fact for fact in self._shelf.facts.values() if fact.state == LENT]
        return {
            "revision": None if lists is None else lists.head.revision,
            "lists_age_s": self._desk.age_s(now),
            "is_old": self._desk.are_lists_old(now),
            "today": self._today(now_ms),
            "has_clock": now.time_ms is not None,
            "copies": 0 if lists is None else len(lists.copies),
            "blocks": 0 if lists is None else len(lists.blocks),
            "here": len(self._shelf.expected()),
            "lent": len(lent),
            "holds": sum(1 for _ in self._shelf.holds()),
            "conflicts": len(self._shelf.conflicts()),
            "repairs": len(self._pad.repairs),
            "is_checking": self._inventory is not None,
            "has_scanner": self._has_scanner,
            "pad": [self._of_pad(lying.tag.item) for lying in self._pad.tags(now_ms) if lying.tag.item][:40],
        }

    def _give_scans(self, ask: dict[str, Any], now_ms: int) -> dict[str, Any]:
        """The codes of the wired scanner since somebody asked; who scanned for nobody does so again."""
        del ask
        scans, self._scans = self._scans, []
        return {"scans": [code for at_ms, code in scans if now_ms - at_ms < SCAN_MS]}

    def _of_pad(self, item: str) -> dict[str, Any]:
        known = self._shelf.known(item)
        return {"item": item, "title": self._shelf.title_of(item), "is_lent": bool(known.lent_to)}

    def _holds(self, ask: dict[str, Any], now_ms: int) -> dict[str, Any]:
        del ask, now_ms
        found = [
            {
                "hold": hold.hold,
                "item": hold.item,
                "title": self._shelf.title_of(hold.item),
                "stop": hold.stop,
                "shelf": self._shelf.home_of(hold.item),
                "is_here": is_here,
            }
            for hold, is_here in self._shelf.holds()
        ]
        return {"holds": found[:MOST_SHOWN], "more": max(len(found) - MOST_SHOWN, 0)}

    def _conflicts(self, ask: dict[str, Any], now_ms: int) -> dict[str, Any]:
        del ask, now_ms
        found = [{**plain(one), "title": self._shelf.title_of(one.item)} for one in self._shelf.conflicts()]
        return {"conflicts": found[:MOST_SHOWN], "more": max(len(found) - MOST_SHOWN, 0)}

    def _reader(self, ask: dict[str, Any], now_ms: int) -> dict[str, Any]:
        """What a reader has and may do, without a word of who that is."""
        reader = self._desk.reader_of(text_of(ask, "card"))
        found = [
            {"item": item, "title": self._shelf.title_of(item), "due_on": self._shelf.due_of(item)}
            for item in self._shelf.loans_of(reader)
        ]
        held = [hold.item for hold, is_here in self._shelf.holds() if is_here and hold.reader == reader]
        return {
            "rules": self._desk.against(reader, self._now(now_ms)),
            "loans": found[:MOST_SHOWN],
            "held": [{"item": item, "title": self._shelf.title_of(item)} for item in held],
        }

    def _copy(self, ask: dict[str, Any], now_ms: int) -> dict[str, Any]:
        item = text_of(ask, "item")
        known = self._shelf.known(item, "", self._today(now_ms))
        fact = known.fact
        return {
            "item": item,
            "title": self._shelf.title_of(item),
            "is_known": known.copy is not None or fact is not None,
            "is_here": self._shelf.is_here(item),
            "is_lent": bool(known.lent_to),
            "is_gone": fact is not None and fact.state == GONE,
            "due_on": self._shelf.due_of(item),
            "shelf": self._shelf.home_of(item),
        }

    # --- lists ------------------------------------------------------------------------------------------

    def _bring(self, ask: dict[str, Any], now_ms: int) -> dict[str, Any]:
        del ask
        return {"is_taken": self._take_lists(now_ms)}

    def _take_lists(self, now_ms: int) -> bool:
        """Go over to the lists that were brought, if they are whole and for this unit."""
        path = self._folder / FRESH
        try:
            with path.open("rb") as file:
                fresh = lists_file.parsed(file.read(lists_file.MAX_BYTES + 1))
            self._check(fresh)
            os.replace(path, self._folder / LISTS)  # noqa: PTH105 - says what it does
        except FileNotFoundError:
            return False
        except (OSError, ListsError) as error:
            log.warning("%s: %s; the lists before stay in force", path, error)
            self._tell_lists("refused", now_ms, detail=str(error))
            with contextlib.suppress(OSError):
                path.unlink()
            return False
        for item in self._shelf.take(fresh):
            self._intake.keep(FACT + item, "", now_ms)
        self._tell_lists("taken", now_ms, fresh)
        return True

    def _check(self, fresh: Lists) -> None:
        if fresh.head.unit != self._unit:
            raise ListsError(f"the lists are for {fresh.head.unit}, this is {self._unit}")
        now = self._shelf.lists
        if now is not None and fresh.head.as_of_ms < now.head.as_of_ms:
            raise ListsError(f"{fresh.head.revision} is older than {now.head.revision}, which is in force")

    def _tell_lists(self, state: str, now_ms: int, fresh: Lists | None = None, detail: str = "") -> None:
        words = wire.KINDS["lists"].by_name["state"].words
        values: Values = {"state": words.index(state)}
        if fresh is not None:
            values |= {
                "revision": fresh.head.revision[:64],
                "as_of_ms": max(fresh.head.as_of_ms, 0),
                "items": len(fresh.copies),
                "blocks": len(fresh.blocks),
                "holds": len(fresh.holds),
                "conflicts": len(fresh.conflicts),
            }
        if detail:
            values["detail"] = detail.encode()[: wire.MAX_TEXT_BYTES].decode(errors="ignore")
        self._intake.take(Reading("lists", SOURCE, now_ms, values))

    # --- checking the shelf -----------------------------------------------------------------------------

    def _check_shelf(self, ask: dict[str, Any], now_ms: int) -> dict[str, Any]:
        """step: begin (shelf, method), scan (item), look, end, stop."""
        step = ask.get("step")
        if step == "begin":
            return self._seen(self._begin(ask, now_ms))
        inventory = self._inventory
        if inventory is None:
            raise DeskError("no shelf check is under way: begin one")
        if step in {"end", "stop"}:
            return self._end(inventory, now_ms, is_ended=step == "end")
        if step == "scan":
            inventory.see(now_ms, self._desk.item_of(ask))
        elif step != "look":
            raise DeskError(f"step = {step!r}: must be begin, scan, look, end or stop")
        return self._seen(inventory)

    def _begin(self, ask: dict[str, Any], now_ms: int) -> Inventory:
        if self._inventory is not None:
            raise DeskError("a shelf check is under way: end it first")
        shelf, method, actor = (text_of(ask, name) for name in ("shelf", "method", "actor"))
        self._checks += 1
        self._intake.keep(COUNTED, str(self._checks), now_ms)
        lists = self._shelf.lists
        self._inventory = made = Inventory(
            self._checks,
            now_ms,
            shelf,
            "barcode" if method == "barcode" else "tag",
            frozenset(self._shelf.expected(shelf)),
            {} if lists is None else {item: copy.shelf for item, copy in lists.copies.items()},
            actor,
        )
        return made

    def _seen(self, inventory: Inventory) -> dict[str, Any]:
        found = inventory.found()
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
            "others": [
                {**self._line(item), "place": place}
                for item, place in found.places.items()
                if place != "present"
            ][:MOST_SHOWN],
        }

    def _line(self, item: str) -> dict[str, Any]:
        return {"item": item, "title": self._shelf.title_of(item), "shelf": self._shelf.home_of(item)}

    def _end(self, inventory: Inventory, now_ms: int, *, is_ended: bool) -> dict[str, Any]:
        """Have what was found told: what lies there, what does not, and the check as a whole."""
        found = inventory.found()
        is_sure = is_ended and (inventory.method != "tag" or inventory.is_stable)
        is_telling = is_sure and found.missing_sure_pct >= MISSING_SURE_PCT
        self._intake.take(self._whole(inventory, found, now_ms, is_sure=is_sure))
        self._to_tell += [self._tell_seen(inventory, item, found, now_ms) for item in self._news(found)]
        if is_telling:
            self._to_tell += [self._tell_gone(inventory, item, found, now_ms) for item in found.missing]
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

    def _tell_seen(self, inventory: Inventory, item: str, found: Found, now_ms: int) -> tuple[Reading, Fact]:
        values = self._checked("seen", inventory, item, 100)
        values["place"] = wire.KINDS["book"].by_name["place"].words.index(found.places[item])
        at_ms = self._now(now_ms).time_ms
        fact = Fact(item=item, state=HERE, at_ms=at_ms, shelf=inventory.shelf, place=found.places[item])
        return Reading("book", SOURCE, now_ms, values), fact

    def _tell_gone(self, inventory: Inventory, item: str, found: Found, now_ms: int) -> tuple[Reading, Fact]:
        values = self._checked("gone", inventory, item, found.missing_sure_pct)
        fact = Fact(item=item, state=GONE, at_ms=self._now(now_ms).time_ms)
        return Reading("book", SOURCE, now_ms, values), fact

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

    def _whole(self, inventory: Inventory, found: Found, now_ms: int, *, is_sure: bool) -> Reading:
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
            "lists_age_s": self._desk.age_s(self._now(now_ms)),
            "actor": inventory.actor or None,
        }
        return Reading("inventory", SOURCE, now_ms, values)


def _sighting(values: Mapping[str, int | str | None]) -> Sighting | None:
    """A tag reading's sighting; None for one that makes no sense."""
    uid, data, user = values.get("uid"), values.get("data"), values.get("user")
    if not isinstance(uid, str) or not 0 < len(uid) <= MAX_ID:
        return None
    try:
        memory = None if data is None else bytes.fromhex(str(data))
        bank = b"" if user is None else bytes.fromhex(str(user))
    except ValueError:
        return None
    eas = values.get("eas")
    afi, dsfid = (_byte(values.get(name)) for name in ("afi", "dsfid"))
    protocol = "uhf" if values.get("protocol") == "uhf" else "hf"
    return Sighting(uid, memory, protocol, afi, dsfid, None if eas is None else bool(eas), bank)


def _byte(value: int | str | None) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= 255 else None
