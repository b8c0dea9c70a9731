"""The librarian: the book shelf inside an agent. Takes readings and asks, and answers.

An answer goes out when the commit has gone through with what it tells (`memory`). So after a power cut either
all of a loan is there or none of it, and whoever got no answer asks again with the same id: what was done is
answered and not done twice.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from edge.books import lists_folder
from edge.books.desk import Desk, DeskError, Now
from edge.books.lists import ListsError
from edge.books.lists_folder import ListsFolder
from edge.books.looks import Looks
from edge.books.memory import Memory
from edge.books.pad import Pad
from edge.books.shelf import Shelf
from edge.books.shelf_check import ShelfCheck
from edge.books.tag import sighting_of
from edge.outbox import OutboxError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge.books.desk import Answer, Ask, Done, Policy
    from edge.books.door import Door
    from edge.intake import Intake
    from edge.record import Reading

log = logging.getLogger(__name__)

MAX_NAME = 64  # of an ask
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
        self._folder = ListsFolder(unit, folder)
        self._intake = intake
        self._door = door
        self._shelf = Shelf()
        self._pad = Pad(write)
        self._desk = Desk(self._shelf, self._pad, policy, key)
        self._memory = Memory(intake, self._shelf, self._pad)
        self._check = ShelfCheck(self._shelf, self._desk, self._memory, intake.take)
        self._answers: list[tuple[str, Answer]] = []  # that wait for their commit
        self._under_way: dict[str, int] = {}  # id -> the client who asked last
        self._ended: tuple[str, Answer] = ("", {})  # the last check's end
        self._has_scanner = has_scanner
        self._scans: list[tuple[int, str]] = []  # that nobody has fetched yet
        self._is_resumed = False
        looks = Looks(self._shelf, self._pad, self._desk)
        self._looks: dict[str, Callable[[Ask, Now], Answer]] = {
            "status": lambda ask, now: {**looks.status(ask, now), **self._state()},
            "holds": looks.holds,
            "conflicts": looks.conflicts,
            "reader": looks.reader,
            "copy": looks.copy,
            "lists": lambda _, now: {"is_taken": self._take_lists(now.mono_ms)},
            "check": self._check.ask,
            "scans": lambda _, now: {"scans": self._take_scans(now.mono_ms)},
        }

    def _state(self) -> dict[str, Any]:
        return {"is_checking": self._check.is_under_way, "has_scanner": self._has_scanner}

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
        sighting = sighting_of(reading.values)
        lying = None if sighting is None else self._pad.see(reading.mono_ms, reading.source, sighting)
        if lying is None:
            return
        self._check.see(reading.mono_ms, lying)
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
        self._memory.keep_repairs(now_ms)

    def _take_scans(self, now_ms: int) -> list[str]:
        """The codes of the wired scanner since somebody asked; who scanned for nobody does so again."""
        scans, self._scans = self._scans, []
        return [code for at_ms, code in scans if now_ms - at_ms < SCAN_MS]

    # --- each turn --------------------------------------------------------------------------------------

    def step(self, now_ms: int) -> None:
        """What is due by itself. To be called before the commit of each turn."""
        if self._is_resumed or self._resume(now_ms):
            self._desk.step(now_ms)
            self._check.step(now_ms)

    def settle(self) -> None:
        """Answer what is on disk. To be called behind the commit of each turn."""
        if self._answers and not self._check.is_telling and self._intake.is_settled:
            answers, self._answers = self._answers, []
            for name, answer in answers:
                self._say(name, answer)

    def _resume(self, now_ms: int) -> bool:
        outbox = self._intake.outbox
        if outbox is None:
            return False
        try:
            self._memory.recall(outbox)
        except OutboxError as error:
            self._intake.fail(error, now_ms)
            return False
        self._is_resumed = True
        lists = self._folder.in_force()
        if lists is not None:
            self._shelf.take(lists)
        if self._folder.fresh_path.exists():
            self._take_lists(now_ms)
        return True

    def _take_lists(self, now_ms: int) -> bool:
        """Go over to the lists that were brought, if they are whole and for this unit."""
        try:
            fresh = self._folder.go_over(self._shelf.lists)
        except FileNotFoundError:
            return False
        except (OSError, ListsError) as error:
            log.warning("%s: %s; the lists before stay in force", self._folder.fresh_path, error)
            self._intake.take(lists_folder.refused(str(error), now_ms))
            self._folder.drop()
            return False
        self._memory.forget_facts(self._shelf.take(fresh), now_ms)
        self._intake.take(lists_folder.taken(fresh, now_ms))
        return True

    # --- asks -------------------------------------------------------------------------------------------

    def _hear(self, reading: Reading) -> None:
        client, now_ms = int(reading.values["client"] or 0), reading.mono_ms
        ask = _ask_of(str(reading.values["text"]))
        if ask is None:
            self._door.answer(client, {"state": "wrong", "detail": "an ask is an object with an id"})
            return
        name = ask["id"]
        is_new = name not in self._under_way
        self._under_way[name] = client  # who asks again gets the answer
        if name in self._memory.asked:
            if not any(name == waiting for waiting, _ in self._answers):
                self._say(name, self._memory.asked[name])
        elif name == self._ended[0]:
            if not self._answers:
                self._say(*self._ended)
        elif is_new:
            self._do(name, ask, now_ms)

    def _do(self, name: str, ask: Ask, now_ms: int) -> None:
        if not self._is_resumed:
            self._say(name, {"state": "wrong", "detail": "not ready: the disk is in the way; ask again"})
            return
        look, now = self._looks.get(str(ask.get("what"))), self._now(now_ms)
        try:
            if look is None:
                self._desk.ask(ask, now, lambda done: self._finish(name, done, now_ms))
                return
            answer = {"state": "done", **look(ask, now)}
        except DeskError as error:
            self._say(name, {"state": "wrong", "detail": str(error)})
            return
        if "is_told" in answer:  # a check has ended: answered when all of it is on disk
            self._ended = name, answer
            self._answers.append(self._ended)
        else:
            self._say(name, answer)

    def _now(self, now_ms: int) -> Now:
        time_ms, _, word = self._intake.clock.time_of(now_ms)
        return Now(now_ms, None if word == "none" else time_ms)

    def _finish(self, name: str, done: Done, now_ms: int) -> None:
        """What an ask came to: recorded, remembered, and answered behind the commit."""
        base = self._memory.base(now_ms)
        for reading in done.readings:
            self._intake.take(reading)
        for fact in done.facts:
            self._memory.keep_fact(fact, base, now_ms)
        self._memory.keep_repairs(now_ms)
        if done.readings:
            self._memory.keep_answer(name, done.answer, now_ms)
            self._answers.append((name, done.answer))
        else:
            self._say(name, done.answer)
        if "conflict" in done.answer:
            self._memory.keep_settled(now_ms)

    def _say(self, name: str, answer: Answer) -> None:
        client = self._under_way.pop(name, None)
        if client is not None:
            self._door.answer(client, {"id": name, **answer})


def _ask_of(text: str) -> Ask | None:
    """An ask with its id; None for what is none."""
    try:
        ask = json.loads(text)
        json.dumps(ask, ensure_ascii=False).encode()  # half a character is none
    except (ValueError, RecursionError):
        return None
    name = ask.get("id") if isinstance(ask, dict) else None
    return ask if isinstance(name, str) and 0 < len(name) <= MAX_NAME else None
