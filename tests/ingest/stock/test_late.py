"""A day delivered late, in any order and repeated, gives the book, excursions and verdicts of the day live.

The unit's first boot had no clock until it won one; its items are named before, between or after.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from firmware import wire
from ingest.exposure import held_lots, places, verdicts
from ingest.ledger import book, bookkeeping, excursions, items, sites, unbooked
from ingest.ledger.items import Item
from ingest.ledger.sites import Site
from ingest.reader import Reader
from tests.ingest.made import BOOT_AT_MS, GNSS, NONE, NOW_MS, UNIT, A, B, Desk, batch_of, group

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
NOON_MS = BOOT_AT_MS + 12 * HOUR_MS
RECEIVE, DISPENSE, TRANSFER = range(3)


class Sent(NamedTuple):
    """A batch, and when it was made."""

    at_ms: int
    lane: str
    payload: bytes


class Day:
    """What a unit says in a day: moves, counts and an excursion as events, a temperature a minute."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._seq = {"event": 0, "sense": 0}
        self._boots: dict[str, str] = {}
        self.batches = sorted(self._events() + self._climate())

    def _say(self, at_ms: int, kind: str, rows: int = 1, source: str = "cabinet", **cells: Any) -> Sent:
        boot = A if at_ms < NOON_MS else B
        lane = wire.KINDS[kind].lane
        first = self._seq[lane] + 1
        self._seq[lane] += rows
        is_timed = boot == B or at_ms >= BOOT_AT_MS + 4 * HOUR_MS
        begin_ms = (BOOT_AT_MS if boot == A else NOON_MS) if is_timed else 0
        time_ms = at_ms if is_timed else at_ms - BOOT_AT_MS
        base = {
            "boot_at_ms": begin_ms,
            "clock": GNSS if is_timed else NONE,
            "time_ms": lambda seq: time_ms + (seq - first) * MINUTE_MS,
        }
        made = group(kind, range(first, first + rows), source, **{**base, **cells})
        batch = batch_of([made], first - 1, boot, self._boots.get(lane))
        self._boots[lane] = boot
        return Sent(at_ms + rows * MINUTE_MS, lane, bytes(wire.encode_batch(batch)))

    def _events(self) -> list[Sent]:
        begin = BOOT_AT_MS
        found = [self._say(begin + MINUTE_MS, "move", move=RECEIVE, item="opv", pieces=90, lot="L1")]
        for hour in range(1, 23):
            at_ms = begin + hour * HOUR_MS + self._dice.randrange(30) * MINUTE_MS
            if hour == 4:
                found.append(self._won(begin + 4 * HOUR_MS))
            elif hour == 3:
                found.append(self._excursion(begin + 3 * HOUR_MS))
            elif hour % 5 == 0:
                found.append(self._say(at_ms, "count", method=1, item="opv", pieces=self._dice.randrange(90)))
            else:
                kind = self._dice.choice((RECEIVE, DISPENSE, DISPENSE, TRANSFER))
                more = {"to_site": "shelf"} if kind == TRANSFER else {}
                lot, item = self._dice.choice((("L1", "opv"), ("L2", "opv"), ("", "ors")))
                pieces = self._dice.randrange(1, 9)
                found.append(
                    self._say(at_ms, "move", move=kind, item=item, pieces=pieces, lot=lot or None, **more)
                )
        return found

    def _won(self, at_ms: int) -> Sent:
        return self._say(at_ms, "clock_set", source="clock", was=NONE, step_ms=BOOT_AT_MS)

    def _excursion(self, at_ms: int) -> Sent:
        rule = {"direction": 1, "judgement": 0, "comparator": 2, "limit_cc": 800, "limit_s": 3600}
        about = {"number": 1, "state": 1, "began_ago_ms": 2 * HOUR_MS, "ended_ago_ms": 0, "outside_s": 7200}
        return self._say(
            at_ms, "excursion", source="fridge", profile="tight", profile_version=1, **rule, **about
        )

    def _climate(self) -> list[Sent]:
        cells = {"temperature_cc": lambda seq: 950 if 780 <= seq < 900 else 450 + seq % 60}
        return [
            self._say(BOOT_AT_MS + at * MINUTE_MS, "climate", 60, "fridge", **cells)
            for at in range(0, 1440, 60)
        ]


def live(desk: Desk, day: Day) -> None:
    """Each batch when it was made."""
    for sent in day.batches:
        desk.time.now_ms = sent.at_ms
        desk.send(sent.payload)
    desk.time.now_ms = NOW_MS


def late(seed: int) -> Callable[[Desk, Day], None]:
    """All of it on the next day: out of order, again and again, until the last one of each lane is in."""

    def deliver(desk: Desk, day: Day) -> None:
        dice = random.Random(seed)
        waiting = {
            lane: [one.payload for one in day.batches if one.lane == lane] for lane in ("event", "sense")
        }
        every = [one.payload for one in day.batches]
        while any(waiting.values()):
            lane = dice.choice([lane for lane, left in waiting.items() if left])
            taken = [waiting[lane].pop(0) for _ in range(min(len(waiting[lane]), dice.randrange(1, 6)))]
            desk.send(*dice.sample(every, 3), *taken, *dice.sample(taken, 1))
        desk.send(*dice.sample(every, len(every)))

    return deliver


def name_places(desk: Desk) -> None:
    ledger = desk.connection
    sites.put(ledger, Site("van", level="vehicle", unit=UNIT, probes=("fridge",)))
    sites.put(ledger, Site("shelf", "van"))
    items.put(ledger, Item("opv", profile="tight", vvm="vvm2"))
    items.put(ledger, Item("ors"))
    bookkeeping.book_waiting(ledger)


def outcome(folder: Path, deliver: Callable[[Desk, Day], None], day: Day, *, is_named_first: bool) -> Any:
    """What stands in the end: the book, excursions, and what the lots went through."""
    folder.mkdir()
    desk = Desk(folder)
    if is_named_first:
        name_places(desk)
    deliver(desk, day)
    if not is_named_first:
        name_places(desk)
    assert unbooked.count(desk.connection) == 0
    found = list(_shown(desk))
    reader = Reader(folder / "store.sqlite3", desk.histories)
    keys = book.lots_on_hand(desk.connection, None, None, None)
    held = held_lots(desk.connection, keys, NOW_MS)
    found.append(verdicts(reader, places(desk.connection), held, NOW_MS))
    reader.close()
    desk.connection.close()
    return found


def _shown(desk: Desk) -> Iterator[Any]:
    for site in ("van", "shelf"):
        yield book.balances(desk.connection, site)
        entries = [entry for _, entry in book.history(desk.connection, site, None, 999)]
        yield sorted((e.identity, e.item, e.lot, e.quantity, e.time_ms, e.clock, e.pieces) for e in entries)
    for one in excursions.of_unit(desk.connection, UNIT, None, 99):
        yield one.number, one.seq, one.state, one.began_ms, one.ended_ms, one.clock


@pytest.mark.parametrize("seed", range(3))
def test_a_day_delivered_late_is_the_day_delivered_live(tmp_path: Path, seed: int) -> None:
    day = Day(seed)
    said = outcome(tmp_path / "live", live, day, is_named_first=True)
    assert said[-2] == (1, said[-2][1], "ended", BOOT_AT_MS + HOUR_MS, BOOT_AT_MS + 3 * HOUR_MS, "gnss")
    assert any(verdict.reasons for verdict in said[-1])
    assert {entry[5] for entry in said[1]} == {"gnss"}
    assert outcome(tmp_path / "late", late(seed), day, is_named_first=True) == said
    assert outcome(tmp_path / "later", late(~seed), day, is_named_first=False) == said
