"""What a library vehicle has been through before the demo begins: some loans that were forgotten, days of
lending, and last evening's check of the shelves, in which one copy was missing and one lay on a wrong shelf.

The real librarian of a unit that starts for the first time is asked faster than the day, and the outbox holds
what came of it. What is still out then is the crew's, who lives on with it.
"""

import json
from pathlib import Path

from edge.books import card
from edge.books.desk import Policy
from edge.books.door import Door
from edge.books.librarian import Librarian
from edge.books.lists_folder import FRESH, LISTS
from edge.intake import Intake
from edge.record import Reading
from edge.settings import Settings
from edge.simulate.bygone import PastTime, bygone
from edge.simulate.dice import dice
from edge.simulate.fleet import Unit
from edge.simulate.library import (
    CLOSES_H,
    DAY_MS,
    MINUTE_MS,
    OPENS_H,
    SHELVES,
    ZONE_MS,
    Ask,
    Out,
    bring,
    cards,
    copies,
    learn,
    save,
    state_path,
    visit,
)

DAYS = 10
FORGOTTEN_DAYS = (39, 36, 32)  # ago: longer than a loan lasts
VISITED = 0.5  # of the hours
LISTS_MINUTE = 8 * 60 + 30
MIXED_UP_MINUTE, CHECK_MINUTE = CLOSES_H * 60 - 10, CLOSES_H * 60 + 10
LOST_DAYS = 9  # from now on, before what is missing or forgotten turns up
SCAN_MS = 2000
MIXED_UP = "library-01"  # has lent a copy that came back and was not scanned, as no one else has
WHY = "书在架上，上次归还时漏扫"
COMMIT_READINGS = 200


def live_through(unit: Unit, settings: Settings, until_ms: int) -> None:
    """Fill the outbox of a unit that has none."""
    path, folder = Path(settings.outbox.path), Path(settings.books.folder)
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in (LISTS, FRESH):  # of a past that did not come to its end
        (folder / name).unlink(missing_ok=True)
    asks, out = asked(unit.id, until_ms)
    time = PastTime(asks[0][0])
    with bygone(settings, time) as intake:
        desk = _Desk(unit.id, settings, intake, time)
        for at_ms, ask in asks:
            desk.ask(at_ms, ask)
        save(state_path(path.parent), out)


def asked(unit_id: str, until_ms: int) -> tuple[list[tuple[int, Ask]], Out]:
    """What the crew asked until a moment, each with its own, in order; and what is out then. Pure."""
    diary = _Diary(unit_id, until_ms)
    today = (until_ms + ZONE_MS) // DAY_MS
    for days in FORGOTTEN_DAYS:
        diary.forget(today - days)
    for day in range(today - DAYS, today + 1):
        diary.lend(day)
        if day == today - 1:
            if unit_id == MIXED_UP:
                diary.mix_up(day)
            diary.check(day)
    return diary.asks, diary.out


class _Diary:
    """A crew's days; everything asked is done, since no rule speaks against it."""

    def __init__(self, unit_id: str, until_ms: int) -> None:
        self.asks: list[tuple[int, Ask]] = []
        self.out: Out = {}
        self._id, self._until_ms = unit_id, until_ms
        self._copies, self._readers = sorted(copies(unit_id)), cards(unit_id)[:-1]

    def forget(self, day: int) -> None:
        """Somebody borrows a copy and never comes back."""
        self._say(_at_ms(day, LISTS_MINUTE), {"what": "lists"})
        chance = dice(self._id, "forgets", day)
        label = chance.choice([label for label in self._copies if label not in self.out])
        self._lend(_at_ms(day, OPENS_H * 60), label, chance.choice(self._readers))

    def lend(self, day: int) -> None:
        """A day of readers."""
        self._say(_at_ms(day, LISTS_MINUTE), {"what": "lists"})
        for hour in range(OPENS_H, CLOSES_H):
            chance = dice(self._id, "past", day, hour)
            at_ms = _at_ms(day, hour * 60 + chance.randrange(45))
            if chance.random() < VISITED:
                for ask in visit(self._id, self.out, chance, at_ms):
                    if ask.get("card") != cards(self._id)[-1]:  # which is blocked
                        self._say(at_ms, ask)

    def mix_up(self, day: int) -> None:
        """A copy that is lent is found on the shelf, and lent once more."""
        label = max(self.out, key=lambda label: self.out[label][1] if self._is_short(label) else 0)
        who = next(reader for reader in self._readers if reader != self.out[label][0])
        self._lend(_at_ms(day, MIXED_UP_MINUTE), label, who, override=True, reason=WHY)

    def check(self, day: int) -> None:
        """Every shelf is scanned: one copy is missing, and one of the first shelf lies on a later one."""
        belongs = {label: copy.shelf for label, copy in copies(self._id).items() if label not in self.out}
        chance, at_ms = dice(self._id, "check", day), _at_ms(day, CHECK_MINUTE)
        missing = chance.choice([label for label in belongs if belongs[label] == SHELVES[1]])
        stray = chance.choice([label for label in belongs if belongs[label] == SHELVES[0]])
        lies = {**belongs, missing: "", stray: SHELVES[2]}
        for shelf in SHELVES:
            scans: list[Ask] = [{"step": "scan", "item": label} for label in lies if lies[label] == shelf]
            for step in [{"step": "begin", "shelf": shelf, "method": "barcode"}, *scans, {"step": "end"}]:
                self._say(at_ms, {"what": "check", **step})
                at_ms += SCAN_MS
        self.out[missing] = ("", self._lost_ms)  # nobody can borrow it

    @property
    def _lost_ms(self) -> int:
        return self._until_ms + LOST_DAYS * DAY_MS

    def _is_short(self, label: str) -> bool:
        return self.out[label][1] < self._lost_ms

    def _lend(self, at_ms: int, label: str, who: str, **more: object) -> None:
        self._say(at_ms, {"what": "lend", "item": label, "card": who, "until_ms": self._lost_ms, **more})

    def _say(self, at_ms: int, ask: Ask) -> None:
        if at_ms < self._until_ms:
            self.asks.append((at_ms, ask))
            learn(self.out, ask)


class _Desk:
    """The unit from its desk to its outbox."""

    def __init__(self, unit_id: str, settings: Settings, intake: Intake, time: PastTime) -> None:
        books = settings.books
        self._id, self._folder, self._key = unit_id, Path(books.folder), card.load_key(Path(books.key_file))
        self._intake, self._time, self._asks = intake, time, 0
        self._librarian = Librarian(
            unit_id,
            self._folder,
            Policy(item_prefixes=books.item_prefixes, card_prefixes=books.card_prefixes),
            self._key,
            intake,
            Door(self._folder, time.mono_ms),  # which never opens: nobody waits for an answer
            lambda *_: None,
        )
        self._librarian.step(0)

    def ask(self, at_ms: int, ask: Ask) -> None:
        """Have the librarian hear it, and do at once what comes of it."""
        self._time.utc_ms = at_ms
        now_ms = self._time.mono_ms()
        self._asks += 1
        if ask["what"] == "lists":
            bring(self._folder, self._id, self._key, at_ms)
        text = json.dumps({"id": f"past {self._asks}", **ask})
        self._librarian.take(Reading("ask", "past", now_ms, {"client": 0, "text": text}))
        self._librarian.step(now_ms)
        if self._intake.waiting >= COMMIT_READINGS:
            self._intake.commit(now_ms)
            self._librarian.settle()


def _at_ms(day: int, minute: int) -> int:
    return day * DAY_MS - ZONE_MS + minute * MINUTE_MS
