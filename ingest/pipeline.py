"""The pipeline: one thread that takes messages in groups, stores them, and only then answers.

In this order and nowhere else, for each group: check the marks · write history · one ledger transaction ·
acknowledge to the broker · receipts · live state, from which the browsers' streams are fed. The thread owns
the one writing connection; history and ledger share its transaction.

When the store cannot take a group nothing is acknowledged: the group is tried again with back-off while live
messages go on, the queue fills up to the broker's receive maximum, and the units keep their rows. When one
message cannot be stored for ever, the group is halved until that message is alone, and it is set aside.
"""

from __future__ import annotations

import gc
import logging
import queue
import secrets
import sqlite3
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from firmware import wire
from ingest.alerts.news import AlertNews
from ingest.erasing import ask_units, erase, sweep
from ingest.group import Cause, Group, Known
from ingest.history import StoreBusy, StoreMisset, StoreRefused
from ingest.history.sqlite import store_error
from ingest.housekeeper import Housekeeper
from ingest.lanes import Lanes
from ingest.ledger import counters, live_states, units
from ingest.ledger.files import cut_log
from ingest.ledger.quarantine import Bounds
from ingest.recall import recall
from ingest.receipts import FEW_RUNS, receipt
from ingest.watchman import Watchman

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Mapping

    from ingest.history import History
    from ingest.history.factory import Histories
    from ingest.intake import Intake, Message
    from ingest.ledger.counters import CounterKey
    from ingest.ledger.erasures import Erasure
    from ingest.live import Live
    from ingest.metrics import Metrics
    from ingest.time_source import TimeSource

log = logging.getLogger(__name__)

KEEP_LIVE_S = 1.0  # how often the live state goes to the disk
RETRY_S = (0.1, 5.0)
WAIT_S = 0.05
CHANGE_S = 5.0  # how long an asked change waits for its turn
ERASE_S = 60.0  # and an erasure, for it may delete years
SWEEP_S = 300.0
LISTEN_S = 30.0  # how often it is looked who is silent
WATCH_S = 0.2  # how often it is looked whether alerts need something; twice that while batches come
SAY_S = 60.0  # how often a wrong setting of the store is said
TIDY_S = 0.5  # from one piece of retention to the next while batches come
REST_S = 10.0  # and when there is nothing to do
MOST_BAD_LIVE = 100  # kept per second
OBJECTS_OF_A_GROUP = 50_000
FULL = 4  # a group that is full by one part in so many does not wait for more


class Broker(Protocol):
    """What the pipeline tells the broker."""

    @property
    def is_connected(self) -> bool:
        """Whether messages can come."""

    def ack(self, messages: Iterable[Message]) -> None:
        """These are stored."""

    def publish_receipts(self, receipts: list[tuple[str, bytes]]) -> bool:
        """Send these by topic; False when there is no connection."""

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send this; False when it could not be taken."""

    def tend(self) -> None:
        """What has to be done now and then."""


@dataclass(frozen=True, slots=True)
class Limits:
    group_messages: int = 1000
    group_ms: int = 5
    ahead_ms: int = 300_000
    quarantine: Bounds = field(default_factory=Bounds)
    keep_days: Mapping[str, int] = field(
        default_factory=dict
    )  # by class of ingest.history.classes, 0: for ever


class Pipeline:
    """The one writer. `run` is its thread; the other methods are called from any thread."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        intake: Intake,
        broker: Broker,
        live: Live,
        metrics: Metrics,
        time: TimeSource,
        limits: Limits,
        histories: Histories,
        watchman: Watchman | None = None,
        alert_news: AlertNews | None = None,
    ) -> None:
        self._connection = connection
        self._intake = intake
        self._broker = broker
        self._live = live
        self._metrics = metrics
        self._time = time
        self._limits = limits
        self._history = histories.on(connection, limits.ahead_ms, self._take_live)
        self._lanes = Lanes(connection)
        self._known = Known(set(), {}, set(), set(), {})
        self._changes: queue.SimpleQueue[tuple[Callable[[sqlite3.Connection], Any], Future[Any]]]
        self._changes = queue.SimpleQueue()
        self._pending: Counter[CounterKey] = Counter()  # counted outside of groups
        self._bad_live: list[tuple[Message, Cause]] = []
        self._new_units: set[str] = set()
        self._housekeeper = Housekeeper(connection, self._history, limits.keep_days, self._known.hours)
        self._watchman = watchman or Watchman()
        self._alert_news = alert_news or AlertNews()
        self._watch_s = self._listen_s = 0.0
        self._tidy_s = time.mono_s() + REST_S
        self._sweep_s = 0.0
        self._is_log_to_cut = False
        self._kept_s = time.mono_s()
        self._in_hand_s: float | None = None
        self._say_s = 0.0  # when a wrong setting is said again
        self.is_writable = True
        self._load()

    def _load(self) -> None:
        known = units.all_units(self._connection)
        self._known.units.update(unit.unit for unit in known)
        self._known.births.update({u.unit: (u.conn, u.epoch) for u in known if u.epoch is not None})
        self._live.load(live_states.all_states(self._connection))
        for unit in known:
            if self._live.find(unit.unit) is None:
                self._live.add(
                    unit.unit, unit.name, list(unit.capabilities), is_registered=unit.is_registered
                )
            recall(self._live, self._connection, self._history, unit.unit)
        self._metrics.add(counters.all_counts(self._connection))

    # --- from other threads

    def lag_s(self) -> float:
        """The age of the oldest message that waits for its commit."""
        came = [moment for moment in (self._in_hand_s, self._intake.oldest_s()) if moment is not None]
        return max(0.0, self._time.mono_s() - min(came)) if came else 0.0

    def register_unit(self, unit: str, name: str | None, capabilities: list[str]) -> bool:
        """A person names a unit; False for one never heard of. Raises StoreBusy when it takes too long."""
        is_known: bool = self.change(lambda ledger: units.register(ledger, unit, name, capabilities))
        if is_known:
            self._live.register(unit, name, capabilities)
        return is_known

    def erase_unit(self, unit: str, who: str) -> Erasure | None:
        """Erase a unit's history; None for one never heard of. Raises StoreBusy, then nothing is erased."""

        def change(ledger: sqlite3.Connection) -> Erasure | None:
            if units.find(ledger, unit) is None:
                return None
            self._tidy_s = 0.0  # then the unit is asked at once
            self._is_log_to_cut = True
            self._known.hours.difference_update([hour for hour in self._known.hours if hour.unit == unit])
            return erase(ledger, self._history, unit, who, secrets.token_hex(8), self._time.utc_ms())

        erasure: Erasure | None = self.change(change, ERASE_S)
        if erasure is not None:
            self._live.erase(unit, erasure.erased_ms)
        return erasure

    def change(self, change: Callable[[sqlite3.Connection], Any], wait_s: float = CHANGE_S) -> Any:
        """Run it on the writing connection in a transaction; raises StoreBusy when it takes too long."""
        future: Future[Any] = Future()
        self._changes.put((change, future))
        self._intake.wake()
        try:
            return future.result(wait_s)
        except TimeoutError:
            future.cancel()
            raise StoreBusy(f"the store did not take the change within {wait_s:.0f} s: try again") from None

    # --- the thread

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; what is committed by then is answered."""
        _calm_collector()
        while not stop.is_set():
            self._intake.wait(WAIT_S)
            self.step(stop)
        self._housekeep()

    def step(self, stop: threading.Event) -> None:
        """One round: live first, then a group, then what else is to be written."""
        self._broker.tend()
        self._take_live()
        if 0 < self._intake.waiting < self._limits.group_messages // FULL and self._limits.group_ms:
            stop.wait(self._limits.group_ms / 1000)
        messages = self._intake.take(self._limits.group_messages)
        if messages:
            self._in_hand_s = messages[0].came_s
            self._settle(messages, stop)
            self._in_hand_s = None
        self._make_changes()
        if self._time.mono_s() >= self._watch_s + (WATCH_S if messages else 0.0):
            self._watch()
        if self._time.mono_s() - self._kept_s >= KEEP_LIVE_S:
            self._housekeep()
        if self._time.mono_s() >= self._tidy_s + (TIDY_S if messages else 0.0):
            self._tidy()

    def _settle(self, messages: list[Message], stop: threading.Event) -> None:
        """Store all of them, in as many transactions as it takes."""
        parts = [messages]
        wait_s = RETRY_S[0]
        while parts:
            part = parts[-1]
            try:
                group = self._stored(part)
            except StoreBusy as error:
                self._note_busy(error)
                if self._is_stopped_within(max(wait_s, error.wait_s), stop):
                    return
                wait_s = min(2 * wait_s, RETRY_S[1])
                continue
            except Exception as error:  # noqa: BLE001 - whatever one message breaks, the others must pass
                parts.pop()
                if len(part) > 1:
                    parts += [part[len(part) // 2 :], part[: len(part) // 2]]
                    continue
                aside = self._set_aside(part[0], error)
                if aside is not None:
                    self._answer(part, aside)
                continue
            parts.pop()
            self._answer(part, group)

    def _is_stopped_within(self, wait_s: float, stop: threading.Event) -> bool:
        """Wait, and do meanwhile what needs no history; whether it is time to end."""
        for _ in range(max(1, round(wait_s / WAIT_S))):
            if stop.wait(WAIT_S):
                return True
            self._take_live()
            self._make_changes()
            if self._time.mono_s() - self._kept_s >= KEEP_LIVE_S:
                self._housekeep()
        return False

    def _stored(self, messages: list[Message]) -> Group:
        return self._in_transaction(lambda group: group.take(messages))

    def _set_aside(self, message: Message, error: Exception) -> Group | None:
        """Into quarantine what no transaction takes. None: not even that, so it will come again."""
        log.error("%s: cannot be stored", message.topic[:80], exc_info=error)
        code = "store" if isinstance(error, StoreRefused) else "internal"
        cause = Cause(code, type(error).__name__, str(error)[:200])
        try:
            return self._in_transaction(lambda group: group.refuse(message, cause))
        except Exception:
            log.exception("%s: cannot be set aside either", message.topic[:80])
            return None

    def _in_transaction(self, work: Callable[[Group], object]) -> Group:
        now_ms = self._time.utc_ms()
        limits = self._limits
        group = Group(
            self._connection,
            self._history,
            self._lanes,
            self._known,
            now_ms,
            limits.ahead_ms,
            limits.quarantine,
        )
        with self._transaction():
            work(group)
            group.write()
        return group

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection, self._history)

    def _answer(self, messages: list[Message], group: Group) -> None:
        """What follows from a commit, in its order."""
        self._note_writable()
        self._lanes.commit(group.lanes)
        self._known.units.update(group.units)
        self._known.births.update(group.met)
        self._known.hours.update(group.hours)
        self._known.boots.update(group.boots)
        self._broker.ack(messages)
        self._send_receipts(group)
        self._show(group)
        self._metrics.add(group.counts)
        self._metrics.commit_s.observe(max(0.0, self._time.mono_s() - messages[0].came_s))

    def _send_receipts(self, group: Group) -> None:
        receipts = [
            (
                wire.topic(unit, "receipt"),
                receipt(
                    group.conn_of(unit),
                    epoch,
                    self._lanes.of_epoch(unit, epoch),
                    wire.MAX_RUNS if is_birth else FEW_RUNS,
                ),
            )
            for (unit, epoch), is_birth in group.answers.items()
        ]
        if receipts:
            is_sent = self._broker.publish_receipts(receipts)
            group.counts["receipts", "sent" if is_sent else "dropped"] += len(receipts)

    def _show(self, group: Group) -> None:
        for birth in group.births:
            self._live.apply_birth(birth.unit, birth.message, group.now_ms, birth.is_retained)
        quiet = {unit for unit, _ in group.answers}
        for (unit, kind, _), newest in group.newest.items():
            told = (newest.time_ms, newest.clock, newest.values, group.now_ms)
            if kind == "fix":
                self._show_last_position(group, unit, newest.values)
                self._live.apply_fix(unit, *told)
            elif kind in wire.LIVE_KINDS:
                self._live.apply_vitals(unit, kind, *told)
            else:
                continue
            quiet.discard(unit)
        self._live.note_news(quiet, group.now_ms)

    def _show_last_position(self, group: Group, unit: str, values: Mapping[str, Any]) -> None:
        """A unit that lost its position within the group is to be seen where that was."""
        position = None if values["fix_mode"] else group.last_position(unit)
        if position is not None:
            self._live.apply_fix(unit, *position, group.now_ms)

    # --- live messages

    def _take_live(self) -> None:
        now_ms = self._time.utc_ms()
        for message in self._intake.take_live():
            try:
                unit, _ = wire.parse_topic(message.topic)
                live = wire.decode_json("live", message.payload)
            except wire.WireError as error:
                self._pending["live", "refused"] += 1
                if len(self._bad_live) < MOST_BAD_LIVE:
                    self._bad_live.append((message, Cause(error.code, error.where, error.detail)))
                continue
            is_taken = self._live.apply_live(unit, live, now_ms)
            self._pending["live", "taken" if is_taken else "ahead"] += 1
            if unit not in self._known.units:
                self._new_units.add(unit)

    # --- what else is written

    def _make_changes(self) -> None:
        while not self._changes.empty():
            change, future = self._changes.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                with self._transaction():
                    result = change(self._connection)
            except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                future.set_exception(error)
            else:
                future.set_result(result)

    def _housekeep(self) -> None:
        """Keep the live state, and what was counted outside of groups."""
        self._kept_s = self._time.mono_s()
        taken = self._live.take_unkept()
        pending, self._pending = self._pending, Counter()
        bad_live, self._bad_live = self._bad_live, []
        if not (taken or pending or bad_live):
            return

        def work(group: Group) -> None:
            live_states.put(self._connection, taken)
            group.units |= self._new_units
            group.counts += pending
            for message, cause in bad_live:
                group.refuse(message, cause)

        try:
            group = self._in_transaction(work)
        except (StoreBusy, StoreRefused) as error:
            self._live.give_back(taken)
            self._pending += pending
            self._note_busy(error)
            return
        self._known.units.update(group.units)
        self._new_units.clear()
        self._metrics.add(group.counts)
        if self._in_hand_s is None:  # else the ledger takes something, but the history may not
            self._note_writable()

    def _watch(self) -> None:
        """A piece of what alerts need."""
        now_ms = self._time.utc_ms()
        self._watch_s = self._time.mono_s() + WATCH_S
        try:
            if self._time.mono_s() >= self._listen_s:
                self._listen_s = self._time.mono_s() + LISTEN_S
                self._listen(now_ms)
            if not self._watchman.is_due(self._connection, now_ms):
                return
            with self._transaction():
                piece = self._watchman.step(self._connection, now_ms)
        except (StoreBusy, StoreRefused, sqlite3.Error) as error:
            self._note_busy(error)
            return
        self._metrics.add(piece.counts)
        if piece.is_news:
            self._alert_news.changed()
        if piece.has_more:
            self._watch_s = self._time.mono_s()

    def _listen(self, now_ms: int) -> None:
        heard_ms, is_listening = self._live.heard_ms(), self._broker.is_connected
        with self._transaction():
            self._watchman.listen(self._connection, heard_ms, now_ms, is_listening=is_listening)

    def _tidy(self) -> None:
        """A piece of retention: one after the other while no batches come, else two a second."""
        try:
            if self._is_log_to_cut:
                self._is_log_to_cut = not cut_log(self._connection)
            with self._transaction():
                self._tend_erasures()
                has_more = self._housekeeper.step(self._time.utc_ms())
        except (StoreBusy, StoreRefused, sqlite3.Error) as error:
            log.warning("retention rests for %.0f s: %s", REST_S, error)
            has_more = False
        self._tidy_s = self._time.mono_s() + (0.0 if has_more else REST_S)

    def _tend_erasures(self) -> None:
        now_ms = self._time.utc_ms()
        ask_units(self._connection, self._history, self._broker.publish, now_ms)
        if self._time.mono_s() >= self._sweep_s:
            self._sweep_s = self._time.mono_s() + SWEEP_S
            sweep(self._connection, self._history, now_ms)

    def _note_busy(self, error: Exception) -> None:
        is_misset = isinstance(error, StoreMisset)
        self._pending["waits", "settings" if is_misset else "store"] += 1
        now_s = self._time.mono_s()
        if self.is_writable or (is_misset and now_s >= self._say_s):
            self._say_s = now_s + SAY_S
            what = "until somebody helps" if is_misset else "until it does"
            log.error("the store takes nothing, units keep their records %s: %s", what, error)
        self.is_writable = False

    def _note_writable(self) -> None:
        if not self.is_writable:
            log.warning("the store takes records again")
        self.is_writable = True


def _calm_collector() -> None:
    """Let the search for cycles pass over what lives for ever, and begin beyond what a group holds.

    A group's thousands of objects all go when it is answered; by default they are searched ten times before.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_OF_A_GROUP, *gc.get_threshold()[1:])


class _Transaction:
    """BEGIN and COMMIT around a block; whatever goes wrong undoes it, in the file and in memory."""

    def __init__(self, connection: sqlite3.Connection, history: History) -> None:
        self._connection = connection
        self._history = history

    def __enter__(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise store_error(error) from error

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error as failure:
                self._undo()
                raise store_error(failure) from failure
            return
        self._undo()
        if isinstance(error, sqlite3.Error):
            raise store_error(error) from error

    def _undo(self) -> None:
        self._history.forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
