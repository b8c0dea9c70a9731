"""A group: the messages that one transaction stores, and what follows from them once it is committed.

Inside the transaction a message is decoded, judged against its lane's mark, and written: rows above the mark
to the history, marks and the rest to the ledger. Nothing here speaks to the broker or changes what the
service remembers; if the transaction fails, the group is thrown away and made anew from its messages.

Rows at or below the mark are compared with what is stored. The same: a repeat. Different: the same identity
with other content, which is set aside and raised, never swallowed. Missing here (a gap, or set aside by an
older program): taken after all. Resends are rare, so this may read.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from firmware import wire
from ingest import alerting
from ingest.alerts.watch import USUAL_SUPPLY
from ingest.bulk import Decoded, decode_all
from ingest.delivery import Ahead, Fork, LaneState, Store, judge, offer_of
from ingest.history.chunk import CLOCK_NONE, Chunk, picked, rows_by_seq
from ingest.intake import Message
from ingest.ledger import bookkeeping, counters, dirty_hours, erasures, last_values, marks, quarantine, units
from ingest.ledger.marks import Gap
from ingest.releases import follow
from ingest.salvage import HOPELESS_TIMES, salvaged

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ingest.alerts.watch import Supply
    from ingest.history import History
    from ingest.history.summary import Hour
    from ingest.lanes import Lanes
    from ingest.ledger.counters import CounterKey
    from ingest.ledger.marks import LaneKey
    from ingest.ledger.quarantine import Bounds

log = logging.getLogger(__name__)

MOST_COMPLAINTS = 10_000
FLUSH_CHUNKS = 50  # given to the history while the next batches are judged
_BATCH = "/batch"

_parse_topic = lru_cache(maxsize=16384)(wire.parse_topic)


class Cause(NamedTuple):
    """Why a payload is set aside."""

    code: str
    place: str
    detail: str


class Newest(NamedTuple):
    """The newest record of a series in this group; compared as a tuple up to its seq."""

    is_timed: bool
    time_ms: int
    seq: int
    chunk: Chunk

    @property
    def clock(self) -> int:
        clock: int = self.chunk.group.columns["clock"][-1]
        return clock

    @property
    def values(self) -> Mapping[str, Any]:
        """The kind's fields, on the wire's scale; each restored when it is looked at."""
        return RowValues(self.chunk.group, -1)


class Position(NamedTuple):
    """A fix that says where, and when that was."""

    time_ms: int
    clock: int
    values: Mapping[str, Any]


class RowValues(Mapping[str, Any]):
    """The fields of one row of a group."""

    __slots__ = ("_group", "_row")

    def __init__(self, group: wire.Group, row: int) -> None:
        self._group = group
        self._row = row

    def __getitem__(self, name: str) -> Any:
        return self._group.columns[name][self._row]

    def __iter__(self) -> Iterator[str]:
        return iter(wire.KINDS[self._group.kind].by_name)

    def __len__(self) -> int:
        return len(wire.KINDS[self._group.kind].fields)


class Birth(NamedTuple):
    unit: str
    message: dict[str, Any]
    is_retained: bool


class Known(NamedTuple):
    """What is remembered beside the lanes: units that the ledger has, their last birth, complaints."""

    units: set[str]
    births: dict[str, tuple[int, str]]  # conn and epoch
    complaints: set[tuple[str | None, str]]  # unit and cause: said aloud once, then quietly
    hours: set[Hour]  # marked as changed
    boots: dict[str, str]  # the boot that spoke last, of each unit


class Group:
    """One transaction's worth of messages."""

    def __init__(
        self,
        ledger: sqlite3.Connection,
        history: History,
        lanes: Lanes,
        known: Known,
        now_ms: int,
        ahead_ms: int,
        bounds: Bounds,
        supply: Supply = USUAL_SUPPLY,
    ) -> None:
        self._ledger = ledger
        self._history = history
        self._lanes = lanes
        self._known = known
        self.now_ms = now_ms
        self._ahead_after_ms = now_ms + ahead_ms
        self._bounds = bounds
        self._supply = supply
        self._chunks: list[Chunk] = []
        self._to_book: list[Chunk] = []
        self._to_watch: list[Chunk] = []
        self._to_follow: list[Chunk] = []
        self._begun: list[Chunk] = []  # with each of them a boot
        self.boots: dict[str, str] = {}
        self._stored: Counter[LaneKey] = Counter()
        self._gone: Counter[LaneKey] = Counter()
        self._runs: list[tuple[str, str, str, int, str]] = []
        self._noisy: set[str | None] = set()
        self.lanes: dict[LaneKey, LaneState] = {}
        self.units: set[str] = set()
        self.births: list[Birth] = []
        self.met: dict[str, tuple[int, str]] = {}  # conn and epoch of the births
        self.answers: dict[tuple[str, str], bool] = {}  # (unit, epoch): whether in answer to a birth
        self.newest: dict[tuple[str, str, str], Newest] = {}
        self._fixes: dict[str, list[Chunk]] = {}  # by unit, as they came
        self.counts: Counter[CounterKey] = Counter()
        self.hours: set[Hour] = set()  # that changed

    def take(self, messages: Sequence[Message]) -> None:
        """Judge the messages in their order and note what to write."""
        batches = [message.payload for message in messages if message.topic.endswith(_BATCH)]
        decoded = iter(decode_all(batches))
        for message in messages:
            found = next(decoded) if message.topic.endswith(_BATCH) else None
            try:
                unit, leaf = _parse_topic(message.topic)
            except wire.WireError as error:
                self._set_aside(None, message, _cause(error))
                continue
            self.units.add(unit)
            if found is not None:
                self._take_batch(unit, message, found)
            elif leaf == "birth":
                self._take_birth(unit, message)

    def refuse(self, message: Message, cause: Cause) -> None:
        """Set aside a message that cannot be stored for another reason than its form."""
        unit, leaf = _parse_topic(message.topic)
        self.units.add(unit)
        if leaf == "batch":
            self._refuse_batch(unit, message, cause)
        else:
            self._set_aside(unit, message, cause)

    def write(self) -> None:
        """Write all of it; the caller commits."""
        self._flush()
        for chunk, reason in self._history.settle():
            self._set_rows_aside(chunk, reason)
        self.hours = self._history.take_touched()
        dirty_hours.add(self._ledger, self.hours - self._known.hours)
        units.see(self._ledger, self.units - self._known.units, self.now_ms)
        marks.move(
            self._ledger,
            [
                (*key, state.mark, self._stored[key], self._gone[key], self.now_ms)
                for key, state in self.lanes.items()
            ],
        )
        marks.add_runs(self._ledger, self._runs)
        for birth in self.births:
            if self.met.get(birth.unit) == (birth.message["conn"], birth.message.get("epoch")):
                units.note_birth(self._ledger, birth.unit, birth.message)
                follow.met(self._ledger, birth.unit, birth.message, self.now_ms)
        last_values.put(self._ledger, self._last_rows())
        for unit in self._noisy:
            dropped = quarantine.trim(self._ledger, unit, self._bounds)
            if dropped:
                self.counts["refused_dropped", "bounds"] += dropped
        if self._to_book:
            bookkeeping.take(self._ledger, self._to_book)
        if self._begun:
            alerting.begin(self._ledger, self._begun)
        if self._to_watch:
            alerting.take(self._ledger, self._to_watch, self._supply)
        if self._to_follow:
            follow.take(self._ledger, self._to_follow, self.now_ms)
        counters.add(self._ledger, self.counts)

    def _flush(self) -> None:
        if self._chunks:
            self._history.write(self._chunks)
            self._chunks = []

    def _lane(self, key: LaneKey) -> LaneState:
        state = self.lanes.get(key)
        return self._lanes.find(key) if state is None else state

    # --- batches

    def _take_batch(self, unit: str, message: Message, decoded: Decoded | wire.WireError) -> None:
        if isinstance(decoded, wire.WireError):
            self._refuse_batch(unit, message, _cause(decoded))
            return
        batch, bodies = decoded
        key = (unit, batch.epoch, batch.lane)
        self.answers.setdefault(key[:2], False)
        state = self._lane(key)
        offer = offer_of(batch)
        verdict = judge(offer, state)
        self.counts["batches", type(verdict).__name__.lower()] += 1
        if isinstance(verdict, Ahead):
            return
        if isinstance(verdict, Fork):
            detail = f"seq {verdict.seq} is stored with another boot"
            self._set_aside(unit, message, Cause("fork", batch.lane, detail))
            return
        chunks = [
            Chunk(unit, batch.epoch, batch.lane, batch.boot, batch.prev, group, body, self.now_ms)
            for group, body in zip(batch.groups, bodies, strict=True)
        ]
        if offer.seqs[0] <= state.mark:
            chunks = self._compared(message, chunks, state.mark)
        self._chunks += chunks
        if len(self._chunks) >= FLUSH_CHUNKS:
            self._flush()
        if isinstance(verdict, Store):
            self._move(key, verdict)
            self._stored[key] += verdict.rows
        if chunks and batch.lane != "track" and self._known.boots.get(unit) != batch.boot:
            self.boots[unit] = batch.boot
            self._begun.append(chunks[0])
        for chunk in chunks:
            self._note(chunk)
            if chunk.group.kind in bookkeeping.KINDS:
                self._to_book.append(chunk)
            if chunk.group.kind in alerting.KINDS:
                self._to_watch.append(chunk)
            if chunk.group.kind in follow.KINDS:
                self._to_follow.append(chunk)

    def _move(self, key: LaneKey, verdict: Store) -> None:
        self.lanes[key] = verdict.state
        if verdict.run is not None:
            self._runs.append((*key, *verdict.run))
        if verdict.gone is not None:
            gone = verdict.gone
            self._gone[key] += gone.count
            self.counts["rows_gone", key[2]] += gone.count
            marks.add_gap(self._ledger, Gap(*key, gone.first_seq, gone.last_seq, gone.count, self.now_ms))

    def _note(self, chunk: Chunk) -> None:
        """Count the rows, and remember the newest of the series."""
        group, columns = chunk.group, chunk.group.columns
        times = columns["time_ms"]
        self.counts["rows_stored", group.kind] += len(times)
        is_timed = columns["clock"][-1] != CLOCK_NONE
        newest_ms = max(times)
        if newest_ms > self._ahead_after_ms:
            self.counts["rows_ahead", group.kind] += sum(time_ms > self._ahead_after_ms for time_ms in times)
            if times[-1] > self._ahead_after_ms:
                return
        newest = Newest(is_timed, times[-1], columns["seq"][-1], chunk)
        series = (chunk.unit, group.kind, group.source)
        known = self.newest.get(series)
        if known is None or newest[:3] > known[:3]:
            self.newest[series] = newest
        if group.kind == "fix":
            self._fixes.setdefault(chunk.unit, []).append(chunk)

    def last_position(self, unit: str) -> Position | None:
        """Where the unit was when it was last known in this group: its newest fix may say that it is not."""
        for chunk in reversed(self._fixes.get(unit, [])):
            columns = chunk.group.columns
            clocks, times, modes, lats = (
                columns[name] for name in ("clock", "time_ms", "fix_mode", "lat_e7")
            )
            for row in range(len(times) - 1, -1, -1):
                is_known = modes[row] and lats[row] is not None
                if is_known and clocks[row] != CLOCK_NONE and times[row] <= self._ahead_after_ms:
                    return Position(times[row], clocks[row], RowValues(chunk.group, row))
        return None

    def _last_rows(self) -> list[last_values.LastRow]:
        return [
            (
                *series,
                newest.time_ms,
                newest.seq,
                newest.clock,
                self.now_ms,
                newest.chunk.prev,
                newest.chunk.body,
            )
            for series, newest in self.newest.items()
        ]

    # --- rows at or below the mark

    def _compared(self, message: Message, chunks: list[Chunk], mark: int) -> list[Chunk]:
        """What is to be stored of a batch that reaches below the mark."""
        self._flush()
        wanted: list[Chunk] = []
        conflicts: list[int] = []
        for chunk in chunks:
            rows = rows_by_seq(chunk.group)
            held = self._held(chunk, [seq for seq in rows if seq <= mark])
            conflicts += [seq for seq in rows if seq in held and held[seq] != rows[seq]]
            erased = erasures.erased_up_to(self._ledger, (chunk.unit, chunk.epoch, chunk.lane))
            new = [at for at, seq in enumerate(rows) if seq not in held and seq > erased]
            filled = sum(chunk.group.columns["seq"][at] <= mark for at in new)
            if filled:
                self.counts["rows_filled", chunk.lane] += filled
            if new:
                wanted.append(picked(chunk, new))
        if conflicts:
            self._raise_conflict(message, chunks[0], sorted(conflicts))
        return wanted

    def _held(self, chunk: Chunk, seqs: list[int]) -> Mapping[int, object]:
        held: dict[int, object] = {}
        for first, last in _clusters(seqs):
            held.update(
                self._history.rows_between(chunk.unit, chunk.epoch, chunk.lane, chunk.boot, first, last)
            )
        return held

    def _raise_conflict(self, message: Message, chunk: Chunk, seqs: list[int]) -> None:
        self.counts["rows_conflicting", chunk.lane] += len(seqs)
        detail = f"{len(seqs)} rows from seq {seqs[0]} are stored with other content"
        log.error("unit %s, lane %s: %s; two units of one identity?", chunk.unit, chunk.lane, detail)
        self._set_aside(chunk.unit, message, Cause("conflict", chunk.lane, detail))

    # --- what cannot be accepted

    def _refuse_batch(self, unit: str, message: Message, cause: Cause) -> None:
        """Set a batch aside, and move its lane past it as far as its bytes tell."""
        found = salvaged(message.payload)
        self.counts["batches", "refused"] += 1
        if found is None:
            self._set_aside(unit, message, cause)
            return
        key = (unit, found.epoch, found.lane)
        self.answers.setdefault(key[:2], False)
        verdict = judge(found.offer, self._lane(key))
        if isinstance(verdict, Ahead):
            return
        times = self._set_aside(unit, message, cause)
        if isinstance(verdict, Store) and (found.is_certain or times >= HOPELESS_TIMES):
            self._move(key, verdict)

    def _set_rows_aside(self, chunk: Chunk, reason: str) -> None:
        """Rows that the history will never take, as a batch of their own."""
        rows, kind = chunk.group.rows, chunk.group.kind
        batch = wire.Batch(chunk.epoch, chunk.lane, chunk.prev, chunk.boot, None, [chunk.group])
        payload = bytes(wire.encode_batch(batch))
        message = Message(wire.topic(chunk.unit, "batch"), payload, 0, 0, False, 0, 0.0)
        self._set_aside(chunk.unit, message, Cause("store", kind, f"{rows} rows: {reason}"))
        self.counts["rows_spoilt", kind] += rows
        self.counts["rows_stored", kind] -= rows
        self._stored[chunk.unit, chunk.epoch, chunk.lane] -= rows

    def _set_aside(self, unit: str | None, message: Message, cause: Cause) -> int:
        times = quarantine.put(self._ledger, unit, message.topic, *cause, message.payload, self.now_ms)
        self.counts["refused", cause.code] += 1
        self._noisy.add(unit)
        level = logging.DEBUG if (unit, cause.code) in self._known.complaints else logging.WARNING
        log.log(level, "%s: set aside: %s: %s: %s", message.topic[:80], *cause)
        if len(self._known.complaints) < MOST_COMPLAINTS:
            self._known.complaints.add((unit, cause.code))
        return times

    # --- births

    def _take_birth(self, unit: str, message: Message) -> None:
        if not message.payload:  # somebody cleared the retained birth
            return
        try:
            birth = wire.decode_json("birth", message.payload)
        except wire.WireError as error:
            self._set_aside(unit, message, _cause(error))
            return
        self.births.append(Birth(unit, birth, message.is_retained))
        self.counts["births", birth["state"]] += 1
        if birth["state"] == "online":  # they come in the order they were said, so this is the newest
            self.met[unit] = (birth["conn"], birth["epoch"])
            self.answers[unit, birth["epoch"]] = True

    def conn_of(self, unit: str) -> int:
        """The connection that a receipt answers, whichever its epoch; 0 when none is known."""
        return (self.met.get(unit) or self._known.births.get(unit, (0, "")))[0]


def _cause(error: wire.WireError) -> Cause:
    return Cause(error.code, error.where, error.detail)


def _clusters(seqs: list[int]) -> Iterator[tuple[int, int]]:
    """Rising seqs as stretches without wide gaps, so that no look-up reads what nobody asks for."""
    first = last = None
    for seq in seqs:
        if first is None or last is None:
            first = seq
        elif seq > last + wire.MAX_ROWS:
            yield first, last
            first = seq
        last = seq
    if first is not None and last is not None:
        yield first, last
