"""A library vehicle's crew: while it stands readers borrow and bring back, through the agent's own door.

Copies, cards and lists follow from the unit's id, so that a catalogue for the demo can name the same. At the
start of each day the crew brings new lists, as from the library's own network; then whoever comes is served
as `ortoo-edge shelf` would: what a rule forbids is mostly left, and now and then done all the same.
"""

import json
import os
import queue
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from edge.books import asking, card, lists
from edge.books.asking import AgentGone
from edge.books.door import SOCKET
from edge.books.lists_folder import FRESH
from edge.simulate.dice import dice
from edge.simulate.drive import Scene
from edge.simulate.fleet import Unit

MINUTE_MS, DAY_MS, ZONE_MS = 60_000, 86_400_000, 8 * 3_600_000
OPENS_H, CLOSES_H = 9, 19
VISIT_MINUTES = 5  # between two readers, on average
COPIES, READERS, MOST_OUT = 60, 40, 45
KEPT_MS = (3_600_000, 6 * DAY_MS)  # how long a book is out
WAIT_S = 10.0
MOST_ASKS = 12
Ask = dict[str, Any]
Out = dict[str, tuple[str, int]]  # label -> card, until when
OWNER = "CN-150600-1"
SHELVES = ("a1", "a2", "b1", "b2")
TITLES = (
    ("蒙古秘史", "mon"),
    ("江格尔", "mon"),
    ("一层楼", "mon"),
    ("青史演义", "mon"),
    ("成吉思汗的两匹骏马", "mon"),
    ("格萨尔", "mon"),
    ("草原医学常识", "chi"),
    ("牧区兽医手册", "chi"),
    ("红楼梦", "chi"),
    ("西游记", "chi"),
    ("骆驼祥子", "chi"),
    ("呼兰河传", "chi"),
    ("边城", "chi"),
    ("额尔古纳河右岸", "chi"),
    ("十万个为什么", "chi"),
    ("小王子", "chi"),
    ("The Secret History of the Mongols", "eng"),
    ("The Call of the Wild", "eng"),
    ("White Fang", "eng"),
    ("The Little Prince", "eng"),
)


def copies(unit_id: str) -> dict[str, lists.Copy]:
    """The copies that belong on a unit's shelf, by their labels."""
    found = {}
    for number in range(COPIES):
        title, language = TITLES[(number + len(unit_id)) % len(TITLES)]
        label = f"QL-{unit_id}-{number + 1:03d}"
        shelf = SHELVES[number * len(SHELVES) // COPIES]
        found[label] = lists.Copy(item=label, owner=OWNER, title=title, language=language, shelf=shelf)
    return found


def cards(unit_id: str) -> list[str]:
    """The cards of those who live along a unit's way; the last of them is blocked."""
    return [f"R-{unit_id}-{number + 1:03d}" for number in range(READERS)]


def card_key(path: Path) -> bytes:
    """The demo's key of cards, made by whoever needs it first."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(secrets.token_hex(16))
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return card.load_key(path)


def key_path(folder: Path) -> Path:
    """Where the units of a fleet share their key."""
    return folder.parent / "card.key"


def settings_of(folder: Path) -> dict[str, Any]:
    """What the unit's settings say of its shelf."""
    card_key(key_path(folder))
    return {
        "folder": str(folder / "books"),
        "key_file": str(key_path(folder)),
        "item_prefixes": ["QL-"],
        "card_prefixes": ["R-"],
    }


def bring(folder: Path, unit_id: str, key: bytes, utc_ms: int) -> None:
    """Lay down lists of a moment, for the librarian to take when it is asked to."""
    blocked = card.hashed(key, cards(unit_id)[-1])
    head = lists.Head(
        revision=f"{unit_id}-{(utc_ms + ZONE_MS) // DAY_MS}",
        unit=unit_id,
        as_of_ms=utc_ms,
        reader_key=card.name_of(key),
    )
    made = lists.Lists(head, copies(unit_id), {blocked: lists.Block(block=blocked)})
    fresh = folder / f"{FRESH}.new"
    fresh.write_bytes(lists.written(made))
    os.replace(fresh, folder / FRESH)  # noqa: PTH105


def visit(unit_id: str, out: Out, chance: Random, utc_ms: int) -> list[Ask]:
    """What one reader asks: to bring back what is due, or to borrow some."""
    due = [label for label, (_, until_ms) in out.items() if until_ms <= utc_ms]
    if due:
        return [{"what": "return", "item": label} for label in due[:3]]
    if len(out) >= MOST_OUT:
        return []
    who = chance.choice(cards(unit_id))
    here = sorted(set(copies(unit_id)) - set(out))
    chosen = chance.sample(here, min(chance.randint(1, 3), len(here)))
    return [
        {"what": "lend", "item": label, "card": who, "until_ms": utc_ms + chance.randint(*KEPT_MS)}
        for label in chosen
    ]


def learn(out: Out, ask: Ask) -> None:
    """What is out after an ask that was done."""
    if ask["what"] == "lend":
        out[ask["item"]] = (ask["card"], ask["until_ms"])
    elif ask["what"] == "return":
        out.pop(ask["item"], None)


def state_path(folder: Path) -> Path:
    """Where a crew keeps what is out."""
    return folder / "crew.json"


def save(path: Path, out: Out) -> None:
    """Replace the file as a whole."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(list(out.items())))
    os.replace(fresh, path)  # noqa: PTH105 (one call that is known to be atomic)


class Crew:
    """Serves the readers of one unit. `step` belongs to the world's thread; asking has one of its own."""

    def __init__(self, unit: Unit, folder: Path) -> None:
        self._id = unit.id
        self._folder = folder / "books"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._key = card_key(key_path(folder))
        self._path = state_path(folder)
        self._out: Out = {}
        if self._path.exists():
            self._out = {label: (who, until) for label, (who, until) in json.loads(self._path.read_text())}
        self._minute = self._day = 0
        self._asks: queue.Queue[Ask | None] = queue.Queue(MOST_ASKS)
        self._thread = threading.Thread(target=self._work, name="crew", daemon=True)
        self._thread.start()

    def step(self, scene: Scene, utc_ms: int) -> None:
        """Live on to a moment."""
        minute = utc_ms // MINUTE_MS
        if not scene.is_powered or minute == self._minute:
            return
        self._minute = minute
        local_ms = utc_ms + ZONE_MS
        if local_ms // DAY_MS != self._day:
            self._day = local_ms // DAY_MS
            self._bring(utc_ms)
        hour = local_ms // 3_600_000 % 24
        chance = dice(self._id, "reader", minute)
        if scene.speed_m_s == 0 and OPENS_H <= hour < CLOSES_H and chance.random() < 1 / VISIT_MINUTES:
            self._serve(chance, utc_ms)

    def save(self) -> None:
        """Keep what has to outlast a restart."""
        save(self._path, dict(self._out))

    def close(self) -> None:
        """End the thread that asks."""
        with suppress(queue.Full):
            self._asks.put_nowait(None)

    def _bring(self, utc_ms: int) -> None:
        """Lists of this morning."""
        bring(self._folder, self._id, self._key, utc_ms)
        self._ask({"what": "lists"})

    def _serve(self, chance: Random, utc_ms: int) -> None:
        for ask in visit(self._id, dict(self._out), chance, utc_ms):
            self._ask(ask)

    def _ask(self, ask: Ask) -> None:
        with suppress(queue.Full):  # a day that goes very fast has more readers than anybody can serve
            self._asks.put_nowait(ask)

    def _work(self) -> None:
        while (ask := self._asks.get()) is not None:
            with suppress(AgentGone):
                answer = asking.ask(self._folder / SOCKET, ask, WAIT_S)
                self._learn(ask, answer)

    def _learn(self, ask: Ask, answer: dict[str, Any]) -> None:
        if answer["state"] not in {"done", "already"}:
            return
        learn(self._out, ask)
