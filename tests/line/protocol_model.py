"""The delivery protocol as a state machine: unit, broker, service and store, and what befalls them.

The unit is the real outbox (on a disk in memory), the service the real judgement of batches. Between them
messages are delayed, dropped, doubled and shuffled; the unit restarts, its card falls back to an earlier
state or is wiped; the service falls back to an old backup. At the end the world is healed, and the books
must balance: every record that was accepted is in the store, once.

In one life either the card falls back or the service does, not both: a fall of the card begins a new epoch,
and the asking for marks of older epochs is not modelled. `test_restore.py` does both on the real line.

A fork moves rows to a new epoch. A card that later falls back to before that move moves them again, to
another epoch: such a row, and no other, may be stored twice.

`FLAWS` plants one known mistake each. The model has to find them, or it proves nothing.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import apsw
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.outbox import Limits, Outbox, lanes, quota
from edge.record import Record
from firmware import wire
from tests.edge.paper_service import PaperService
from tests.edge.power_disk import File, PowerDisk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.edge.paper_service import Conflict

LANES = ("event", "sense")
LIMITS = Limits(max_mib=4, batch_rows=3)
START_MS = 1_700_000_000_000
HEALING_ROUNDS = 150  # more than twice the steps of the longest run
ONE_EPOCH = "e" * 16

FLAWS = (
    "settles on PUBACK",
    "receipt before commit",
    "no epoch",
    "seq used again",
    "mark without runs",
    "boot is a counter",
    "prev's boot unchecked",
    "overlap unchecked",
    "time not frozen",
    "any lower mark obeyed",
)

_names = itertools.count()


class Unit:
    """An outbox on a card, and what it takes for the state of its connection."""

    def __init__(self, card: dict[str, bytes], boot: str, epochs: itertools.count[int]) -> None:
        self.disk = PowerDisk(f"model-{next(_names)}")
        for name, content in card.items():
            file = self.disk.files[name] = File()
            file.write(content, 0)
            file.sync()
        connection = apsw.Connection("/card/outbox.db", vfs=self.disk.name)
        self.outbox = Outbox(connection, boot, LIMITS, new_epoch=lambda: f"{next(epochs):016x}")
        self.conn = self.outbox.next_conn()
        self.sent: dict[str, tuple[str, int]] = {}

    def card(self) -> dict[str, bytes]:
        return {name: bytes(file.now) for name, file in self.disk.files.items()}

    def numbers(self) -> set[int]:
        """Everything that stands on the card."""
        found = self.outbox._db.execute("SELECT body FROM rows").fetchall()
        return {number for (body,) in found if (number := number_of_body(body)) is not None}


def number_of_body(body: str) -> int | None:
    """The number that a test put into a record: a fault's code, a health record's uptime."""
    cells = body.strip("[]").split(",")
    text = cells[1].strip('"') if cells[0].startswith('"') else cells[0]
    return int(text) if text.isdigit() else None


class Protocol(RuleBasedStateMachine):
    flaw: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.numbers = itertools.count(1)
        self.epochs = itertools.count(1)
        self.boots = itertools.count(1)
        self.mono_ms = 0
        self.service = PaperService()
        self.backups: list[PaperService] = []
        self.cards: list[dict[str, bytes]] = []
        self.up: list[wire.Batch] = []
        self.down: list[dict[str, Any]] = []
        self.retained: dict[str, Any] | None = None
        self.promised: set[int] = set()
        self.is_restored = False
        self.has_fallen_back = False
        self.moved_again: set[int] = set()  # what may count twice, for the card forgot a change of epoch
        self.clock_ms: int | None = None
        self.unit = self._boot({})

    # --- the unit ---------------------------------------------------------------------------------------

    def _boot(self, card: dict[str, bytes]) -> Unit:
        self.clock_ms = None
        self.mono_ms = 1000
        boot = next(self.boots)
        if self.flaw == "boot is a counter":
            boot = 1 + card.get("/counter", b"").count(b".")
            card = {**card, "/counter": b"." * boot}
        return Unit(card, f"{boot:016x}", self.epochs)

    @rule(lane=st.sampled_from(LANES), count=st.integers(1, 4))
    def record(self, lane: str, count: int) -> None:
        self.mono_ms += 700
        records = [self._one(lane, next(self.numbers)) for _ in range(count)]
        self.unit.outbox.append(records)
        self.promised.update(number_of_record(record) for record in records)

    def _one(self, lane: str, number: int) -> Record:
        boot_at_ms = self.clock_ms or 0
        clock = "gnss" if boot_at_ms else "none"
        values: dict[str, Any] = {"uptime_s": number}
        kind = "health"
        if lane == "event":
            kind, values = "fault", {"part": "test", "code": str(number), "state": 0}
        boot = self.unit.outbox.boot
        return Record(kind, "unit", boot, self.mono_ms, boot_at_ms + self.mono_ms, boot_at_ms, clock, values)

    @rule(lane=st.sampled_from(LANES), is_next=st.booleans())
    def send(self, lane: str, is_next: bool) -> None:
        """A new batch, or from the mark on again."""
        outbox = self.unit.outbox
        batch = outbox.take(lane, self.unit.sent.get(lane) if is_next else None)
        if batch is None:
            return
        if self.flaw == "time not frozen":
            self._renumber(lambda entry: replace(entry, offered=entry.mark))
        self.unit.sent[lane] = (batch.epoch, batch.last_seq)
        self.up.append(batch)
        if self.flaw == "settles on PUBACK":
            mark = {"mark": batch.last_seq, "runs": []}
            outbox.settle({"epoch": batch.epoch, "conn": 0, "lanes": {lane: mark}}, self.unit.conn)

    @rule()
    def win_clock(self) -> None:
        self.clock_ms = (self.clock_ms or START_MS) + 1000
        self.unit.outbox.set_clock(self.clock_ms, "gnss")
        self.unit.outbox.tidy(self.mono_ms)

    @rule()
    def cut_power(self) -> None:
        self.unit = self._boot(self.unit.card())

    @rule()
    def connect(self) -> None:
        """A new connection: the retained receipt comes first, then the answer to the birth."""
        self.unit.conn = self.unit.outbox.next_conn()
        self.unit.sent.clear()
        if self.retained is not None:
            self._settle(self.retained)
        self._answer(self.unit.outbox.epoch)

    @rule(at=st.integers(0, 9))
    def settle(self, at: int) -> None:
        if self.down:
            self._settle(self.down[at % len(self.down)])

    def _settle(self, receipt: dict[str, Any]) -> None:
        if self.flaw == "mark without runs":
            marks = {lane: {"mark": entry["mark"], "runs": []} for lane, entry in receipt["lanes"].items()}
            receipt = {**receipt, "lanes": marks}
        if self.flaw == "any lower mark obeyed":
            receipt = {**receipt, "conn": self.unit.conn}
        outbox = self.unit.outbox
        outbox.settle(receipt, self.unit.conn)
        if self.flaw == "seq used again":
            outbox._db.execute("DELETE FROM rows WHERE seq <= (SELECT mark FROM lanes WHERE"
                               " lanes.epoch = rows.epoch AND lanes.lane = rows.lane)")  # fmt: skip
            self._renumber(lambda entry: replace(entry, seq=self._highest(entry)))

    def _renumber(self, changed: Callable[[lanes.Lane], lanes.Lane]) -> None:
        """What a program with a flaw would write of its lanes."""
        db = self.unit.outbox._db
        for index in range(len(wire.LANES)):
            for entry in lanes.lanes_of(db, index):
                lanes.save(db, changed(entry))

    def _highest(self, entry: lanes.Lane) -> int:
        last = lanes.row_before(self.unit.outbox._db, entry, entry.seq + 1)
        return 0 if last is None else last[0]

    @rule()
    def drop_black_box(self) -> None:
        outbox = self.unit.outbox
        before = self.unit.numbers()
        quota.drop_black_box(outbox._db, 4)
        if self.is_restored:  # what the service forgot and the unit no longer holds is listed, not found
            self.promised -= before - self.unit.numbers() - self._stored()

    # --- what is usual, in one step ---------------------------------------------------------------------

    @rule(
        lane=st.sampled_from(LANES), count=st.integers(1, 4), is_next=st.booleans(), is_settled=st.booleans()
    )
    def exchange(self, lane: str, count: int, is_next: bool, is_settled: bool) -> None:
        """Records, a batch or one from the mark on again, its receipt or none."""
        self.record(lane, count)
        self.send(lane, is_next)
        if self.up:
            self._take(self.up[-1])
            self._answer(self.up[-1].epoch)
        if is_settled and self.down:
            self._settle(self.down[-1])

    @precondition(lambda self: not self.is_restored)
    @rule(lane=st.sampled_from(LANES), count=st.integers(1, 4))
    def forget_what_was_sent(self, lane: str, count: int) -> None:
        """The card lied about the last syncs: what it sent is stored, and its numbers come again."""
        card = self.unit.card()
        self.exchange(lane, count, True, False)
        self._lose(card)
        self.exchange(lane, count + 1, False, True)

    # --- the card ---------------------------------------------------------------------------------------

    @rule()
    def copy_card(self) -> None:
        self.cards.append(self.unit.card())

    @precondition(lambda self: self.cards and not self.is_restored)
    @rule(at=st.integers(0, 9))
    def fall_back(self, at: int) -> None:
        """A card that lied about its syncs: what it had is gone for good, unless it was sent."""
        self._lose(self.cards[at % len(self.cards)])

    @rule()
    def wipe_card(self) -> None:
        self._lose({})

    def _lose(self, card: dict[str, bytes]) -> None:
        self.has_fallen_back = True
        epoch = self.unit.outbox.epoch
        self.unit = self._boot(dict(card))
        if self.unit.outbox.epoch != epoch:
            self.moved_again |= self.unit.numbers()
        self.promised &= self._stored() | self.unit.numbers()

    # --- the broker -------------------------------------------------------------------------------------

    @precondition(lambda self: self.up)
    @rule(at=st.integers(0, 9), is_last=st.booleans())
    def deliver(self, at: int, is_last: bool) -> None:
        """Any message, in any order, and perhaps once more later."""
        at %= len(self.up)
        batch = self.up.pop(at) if is_last else self.up[at]
        if self.flaw == "receipt before commit":
            early = self._after(batch)
            self.down.append(self._receipt(early, batch.epoch))
            if is_last:  # and then it crashed
                return
        self._take(batch)
        self._answer(batch.epoch)

    def _after(self, batch: wire.Batch) -> PaperService:
        copy = copied(self.service)
        copy.take(batch)
        return copy

    def _take(self, batch: wire.Batch) -> None:
        if self.flaw == "no epoch":
            batch = wire.Batch(ONE_EPOCH, batch.lane, batch.prev, batch.boot, batch.prev_boot, batch.groups)
        if self.flaw == "prev's boot unchecked" and batch.prev:
            state = self.service.lanes.get((batch.epoch, batch.lane))
            boot = state.boot_of(batch.prev) if state is not None else None
            batch = wire.Batch(batch.epoch, batch.lane, batch.prev, batch.boot, boot, batch.groups)
        if self.flaw == "overlap unchecked":
            state = self.service.lanes.get((batch.epoch, batch.lane))
            if state is not None and state.mark >= batch.last_seq:
                return
            if state is not None:
                batch = above(batch, state.mark)
        self.service.take(batch)

    @rule()
    def drop_all(self) -> None:
        self.up.clear()
        self.down.clear()

    @rule()
    def wipe_broker(self) -> None:
        self.drop_all()
        self.retained = None

    # --- the service ------------------------------------------------------------------------------------

    def _answer(self, epoch: str) -> None:
        self.retained = self._receipt(self.service, epoch)
        self.down.append(self.retained)

    def _receipt(self, service: PaperService, epoch: str) -> dict[str, Any]:
        known = ONE_EPOCH if self.flaw == "no epoch" else epoch
        return {**service.receipt(known, self.unit.conn), "epoch": epoch}

    @rule()
    def back_up(self) -> None:
        self.backups.append(copied(self.service))

    @precondition(lambda self: self.backups and not self.has_fallen_back)
    @rule(at=st.integers(0, 9))
    def restore(self, at: int) -> None:
        self.service = copied(self.backups[at % len(self.backups)])
        self.is_restored = True
        self.promised &= self._stored() | self.unit.numbers()

    def _stored(self) -> set[int]:
        return set(stored_numbers(self.service))

    # --- the books --------------------------------------------------------------------------------------

    @invariant()
    def nothing_counts_twice(self) -> None:
        assert not self._conflicts(), "one identity, two contents"

    def _conflicts(self) -> list[Conflict]:
        """A card that forgot when its rows were, after they were sent, sends the same rows at another time.

        They are stored once; what came is set aside and raised, as it should be with such a card.
        """
        found = self.service.conflicts
        return [one for one in found if not one.is_only_time] if self.has_fallen_back else found

    def teardown(self) -> None:
        """Heal the world, let it settle, and balance the books."""
        self.up.clear()
        self.down.clear()
        for _ in range(HEALING_ROUNDS):
            self.connect()
            self._settle(self.down[-1])
            batches = [batch for lane in LANES if (batch := self.unit.outbox.take(lane)) is not None]
            if not batches:
                break
            for batch in batches:
                self._take(batch)
                self._settle(self._receipt(self.service, batch.epoch))
        self.nothing_counts_twice()
        assert self.unit.outbox.depth(self.mono_ms).rows == 0, "something is never sent"
        missing = self.promised - self._stored()
        assert not missing, f"lost: {sorted(missing)}"
        numbers = [number for number in stored_numbers(self.service) if number not in self.moved_again]
        assert len(numbers) == len(set(numbers)), "a record is stored twice"


def number_of_record(record: Record) -> int:
    return int(record.values.get("code") or record.values.get("uptime_s") or 0)


def stored_numbers(service: PaperService) -> list[int]:
    """The number of each stored record."""
    numbers = []
    for _boot, kind, _source, *cells in service.rows.values():
        names = [field.name for field in (*wire.BASE[1:], *wire.KINDS[kind].fields)]
        values = dict(zip(names, cells, strict=True))
        if kind in ("fault", "health"):
            numbers.append(int(values.get("code") or values.get("uptime_s") or 0))
    return numbers


def copied(service: PaperService) -> PaperService:
    copy = PaperService()
    copy.lanes, copy.rows = dict(service.lanes), dict(service.rows)
    return copy


def above(batch: wire.Batch, mark: int) -> wire.Batch:
    """The batch without its rows at or below the mark."""
    groups = []
    for group in batch.groups:
        at = [index for index, seq in enumerate(group.columns["seq"]) if seq > mark]
        if at:
            columns = {name: [column[index] for index in at] for name, column in group.columns.items()}
            groups.append(wire.Group(group.kind, group.source, columns))
    return wire.Batch(batch.epoch, batch.lane, batch.prev, batch.boot, batch.prev_boot, groups)
