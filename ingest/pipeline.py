"""The pipeline: one thread that takes messages in groups, stores them, and only then answers.

In this order and nowhere else, for each group: check the marks · write history · one ledger transaction ·
acknowledge to the broker · receipts · live state, from which the browsers' streams are fed. Between groups it
takes live messages, makes the changes that others ask for, and goes its rounds.

When the store cannot take a group nothing is acknowledged: the group is tried again with back-off while live
messages go on, the queue fills up to the broker's receive maximum, and the units keep their rows. When one
message cannot be stored for ever, the group is halved until that message is alone, and it is set aside.
"""

from __future__ import annotations

import gc
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ingest.alerts.news import AlertNews
from ingest.alerts.watch import USUAL_SUPPLY, Supply
from ingest.calls import CallRound
from ingest.changes import Changes
from ingest.group import Cause, Group
from ingest.history import StoreBusy, StoreRefused
from ingest.ledger import counters, units
from ingest.ledger.quarantine import Bounds
from ingest.live_messages import LiveMessages
from ingest.recall import recall
from ingest.receipts import receipts_of
from ingest.rounds import AlertRound, RetentionRound
from ingest.showing import show
from ingest.watchman import Watchman
from ingest.writer import Writer

if TYPE_CHECKING:
    import sqlite3
    import threading
    from collections.abc import Callable, Iterable, Mapping

    from ingest.history.factory import Histories
    from ingest.intake import Intake, Message
    from ingest.ledger.erasures import Erasure
    from ingest.live import Live
    from ingest.metrics import Metrics
    from ingest.time_source import TimeSource

log = logging.getLogger(__name__)

RETRY_S = (0.1, 5.0)
WAIT_S = 0.05
CHANGE_S = 5.0  # how long an asked change waits for its turn
ERASE_S = 60.0  # and an erasure, for it may delete years
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
    supply: Supply = USUAL_SUPPLY
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
        self._intake = intake
        self._broker = broker
        self._live = live
        self._metrics = metrics
        self._time = time
        self._limits = limits
        self._changes = Changes(intake.wake)
        history = histories.on(connection, limits.ahead_ms, self._take_live)
        self.writer = Writer(connection, history, limits.ahead_ms, limits.quarantine, limits.supply)
        self.live_messages = LiveMessages(intake, live, self.writer, metrics, time)
        alert_news = alert_news or AlertNews()
        self._alerts = AlertRound(
            self.writer,
            watchman or Watchman(),
            live,
            lambda: broker.is_connected,
            metrics,
            alert_news,
            time,
        )
        self._calls = CallRound(self.writer, broker.publish, alert_news, time)
        self._retention = RetentionRound(self.writer, limits.keep_days, broker.publish, time)
        self._in_hand_s: float | None = None
        recall(live, connection, history)
        metrics.add(counters.all_counts(connection))

    # --- from other threads

    @property
    def is_writable(self) -> bool:
        """Whether the store took the last that it was given."""
        return self.writer.is_writable

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
        erasure: Erasure | None = self.change(lambda _: self._retention.erase(unit, who), ERASE_S)
        if erasure is not None:
            self._live.erase(unit, erasure.erased_ms)
        return erasure

    def change(self, change: Callable[[sqlite3.Connection], Any], wait_s: float = CHANGE_S) -> Any:
        """Run it on the writing connection in a transaction; raises StoreBusy when it takes too long."""
        return self._changes.ask(change, wait_s)

    # --- the thread

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; what is committed by then is answered."""
        calm_collector()
        while not stop.is_set():
            self._intake.wait(WAIT_S)
            self.step(stop)
        self._keep_live()

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
        self._changes.make(self.writer)
        self._alerts.step(is_busy=bool(messages))
        self._calls.step()
        if self.live_messages.is_due:
            self._keep_live()
        self._retention.step(is_busy=bool(messages))

    def _take_live(self) -> None:
        self.live_messages.take()

    def _keep_live(self) -> None:
        if self.live_messages.keep() and self._in_hand_s is None:  # else the history may still take nothing
            self.writer.note_writable()

    def _settle(self, messages: list[Message], stop: threading.Event) -> None:
        """Store all of them, in as many transactions as it takes."""
        parts = [messages]
        wait_s = RETRY_S[0]
        while parts:
            part = parts[-1]
            try:
                group = self._stored(part)
            except StoreBusy as error:
                self.writer.note_busy(error, self._time.mono_s())
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
            self._changes.make(self.writer)
            if self.live_messages.is_due:
                self._keep_live()
        return False

    def _stored(self, messages: list[Message]) -> Group:
        return self.writer.commit(lambda group: group.take(messages), self._time.utc_ms())

    def _set_aside(self, message: Message, error: Exception) -> Group | None:
        """Into quarantine what no transaction takes. None: not even that, so it will come again."""
        log.error("%s: cannot be stored", message.topic[:80], exc_info=error)
        code = "store" if isinstance(error, StoreRefused) else "internal"
        cause = Cause(code, type(error).__name__, str(error)[:200])
        try:
            return self.writer.commit(lambda group: group.refuse(message, cause), self._time.utc_ms())
        except Exception:
            log.exception("%s: cannot be set aside either", message.topic[:80])
            return None

    def _answer(self, messages: list[Message], group: Group) -> None:
        """What follows from a commit, in its order."""
        self.writer.note_writable()
        self.writer.remember(group)
        self._broker.ack(messages)
        self._send_receipts(group)
        show(self._live, group)
        self._calls.born(birth.unit for birth in group.births if not birth.is_retained)
        self._metrics.add(group.counts)
        self._metrics.commit_s.observe(max(0.0, self._time.mono_s() - messages[0].came_s))

    def _send_receipts(self, group: Group) -> None:
        receipts = receipts_of(group, self.writer.lanes)
        if receipts:
            is_sent = self._broker.publish_receipts(receipts)
            group.counts["receipts", "sent" if is_sent else "dropped"] += len(receipts)


def calm_collector() -> None:
    """Let the search for cycles pass over what lives for ever, and begin beyond what a group holds.

    A group's thousands of objects all go when it is answered; by default they are searched ten times before.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_OF_A_GROUP, *gc.get_threshold()[1:])
