"""A unit with a book shelf, its lists, and what stands in its outbox."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edge.agent import Agent
from edge.books import asking, card, lists
from edge.books.asking import AgentGone
from edge.config import settings_of
from edge.outbox import Limits, open_outbox
from edge.replay.paced_time import PacedTime
from firmware import wire
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Literal

    from edge.settings import Settings
    from edge.sources import Source

KEY = bytes(range(32))
UTC_MS = 1_795_251_600_000  # 2026-11-21 09:00 UTC
TODAY = 20778  # of which it is 17:00 where the unit is
SARAN, BAT = card.hashed(KEY, "R1"), card.hashed(KEY, "R2")
DAY_MS = 86_400_000


class KnownTime(PacedTime):
    """A unit's time that knows UTC from its start on, and stands still where a test works under the clock."""

    def evidence(self) -> tuple[Literal["ntp", "rtc"], int] | None:
        return "ntp", UTC_MS + self.mono_ms()

    @contextmanager
    def standing(self) -> Iterator[None]:
        """A tag seen now lies on the pad until the end of this, and a write is in time."""
        self.hold(self.mono_ms())
        yield
        self.hold(None)


def copies(*more: lists.Copy) -> dict[str, lists.Copy]:
    known = (
        lists.Copy(item="QL1", title="蒙古秘史", language="mn", shelf="a1", owner="CN-150600-1"),
        lists.Copy(item="QL2", title="骆驼祥子", language="zh", shelf="a1"),
        lists.Copy(item="QL3", title="Held", shelf="a2", held_for=BAT),
        lists.Copy(item="QL4", title="Out", shelf="a2", lent_to=SARAN, due_on=TODAY + 3, loan="l4"),
        lists.Copy(item="QL5", title="Withdrawn", shelf="a2", is_withdrawn=True),
        *more,
    )
    return {copy.item: copy for copy in known}


def some_lists(**head: Any) -> lists.Lists:
    values = {"revision": "r1", "unit": "library-01", "as_of_ms": UTC_MS - DAY_MS, **head}
    return lists.Lists(
        lists.Head(**values),
        copies(),
        {BAT: lists.Block(block=BAT, why="expired", until_on=TODAY)},
        {"h1": lists.Hold(hold="h1", item="QL3", reader=BAT, stop="查干苏木")},
        {"c1": lists.Conflict(conflict="c1", class_="on_loan_elsewhere", item="QL2", ours="x", theirs="y")},
    )


class Unit:
    """An agent with a book shelf, and no line to any broker."""

    def __init__(
        self, folder: Path, sources: Sequence[Source] = (), wired: Sequence[Any] = (), **books: Any
    ) -> None:
        self.folder = folder
        self.books = folder / "books"
        self.books.mkdir(parents=True, exist_ok=True)
        (folder / "key").write_bytes(KEY)
        self.settings: Settings = settings_of(
            {
                "unit": {"id": "library-01"},
                "broker": {"host": "127.0.0.1", "port": 9},
                "outbox": {"path": str(folder / "outbox.db"), "group_ms": 50},
                "source": list(wired),
                "books": {
                    "folder": str(self.books),
                    "key_file": str(folder / "key"),
                    "item_prefixes": ["QL"],
                    "card_prefixes": ["R"],
                    **books,
                },
            },
            "unit",
        )
        self.sources = sources
        self.time = KnownTime()

    def bring(self, brought: lists.Lists | None = None) -> None:
        (self.books / "fresh.jsonl").write_bytes(lists.written(brought or some_lists()))

    def start(self) -> None:
        self.stop = threading.Event()
        self.agent = Agent(self.settings, self.time, sources=self.sources)
        self.thread = threading.Thread(target=self.agent.run, args=(self.stop,))
        self.thread.start()
        wait_until(self.is_ready, 10)

    def is_ready(self) -> bool:
        try:
            answer = asking.ask(self.books / "books.sock", {"what": "status"})
        except AgentGone:
            return False
        return answer["state"] == "done" and bool(answer["has_clock"])

    def end(self) -> None:
        self.stop.set()
        self.agent.wake()
        self.thread.join(30)
        assert not self.thread.is_alive()

    def ask(self, what: str, **more: Any) -> dict[str, Any]:
        return asking.ask(self.books / "books.sock", {"what": what, **more}, 30)

    def rows(self) -> list[tuple[str, dict[str, Any]]]:
        """The events in the outbox with their words, by a second look at the file; only while it is off."""
        outbox, _ = open_outbox(self.folder / "outbox.db", self.time.boot, Limits())
        found: list[tuple[str, dict[str, Any]]] = []
        after = None
        while (batch := outbox.take("event", after)) is not None:
            after = (batch.epoch, batch.last_seq)
            rows = [
                (group.kind, dict(zip(group.columns, cells, strict=True)))
                for group in batch.groups
                for cells in zip(*group.columns.values(), strict=True)
            ]
            found += sorted(rows, key=lambda row: row[1]["seq"])
        outbox.close()
        return [(kind, worded(kind, values)) for kind, values in found]

    def books_of(self, kind: str = "book") -> list[dict[str, Any]]:
        return [values for found, values in self.rows() if found == kind]


def worded(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """Present values alone, enumerations by their words."""
    fields = wire.KINDS[kind].by_name
    return {
        name: fields[name].words[value] if name in fields and fields[name].words else value
        for name, value in values.items()
        if value is not None
    }
