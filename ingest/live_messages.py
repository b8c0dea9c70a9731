"""Live messages: shown at once, and kept in the ledger a second later.

They only say what is so now, and the same fix comes through its lane as well, so none of them is acknowledged
or waited for. The state that they make goes to the disk every second; with it goes what else has no group of
its own: units that were never heard of before, messages that could not be read, and what was counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from firmware import wire
from ingest.group import Cause, Group
from ingest.history import StoreBusy, StoreRefused
from ingest.ledger import live_states

if TYPE_CHECKING:
    from ingest.intake import Intake, Message
    from ingest.live import Live
    from ingest.metrics import Metrics
    from ingest.time_source import TimeSource
    from ingest.writer import Writer

KEEP_S = 1.0  # how often the live state goes to the disk
MOST_BAD = 100  # kept per second


class LiveMessages:
    """From the intake to the live state, and from there to the ledger."""

    def __init__(
        self, intake: Intake, live: Live, writer: Writer, metrics: Metrics, time: TimeSource
    ) -> None:
        self._intake = intake
        self._live = live
        self._writer = writer
        self._metrics = metrics
        self._time = time
        self._bad: list[tuple[Message, Cause]] = []
        self._new_units: set[str] = set()
        self.kept_s = time.mono_s()

    def take(self) -> None:
        """Show what came."""
        now_ms = self._time.utc_ms()
        for message in self._intake.take_live():
            try:
                unit, _ = wire.parse_topic(message.topic)
                live = wire.decode_json("live", message.payload)
            except wire.WireError as error:
                self._writer.pending["live", "refused"] += 1
                if len(self._bad) < MOST_BAD:
                    self._bad.append((message, Cause(error.code, error.where, error.detail)))
                continue
            is_taken = self._live.apply_live(unit, live, now_ms)
            self._writer.pending["live", "taken" if is_taken else "ahead"] += 1
            if unit not in self._writer.known.units:
                self._new_units.add(unit)

    @property
    def is_due(self) -> bool:
        """Whether it is time to keep."""
        return self._time.mono_s() - self.kept_s >= KEEP_S

    def keep(self) -> bool:
        """Keep the live state, and what was counted outside of groups; whether the ledger took something."""
        self.kept_s = self._time.mono_s()
        taken = self._live.take_unkept()
        pending, self._writer.pending = self._writer.pending, Counter()
        bad, self._bad = self._bad, []
        if not (taken or pending or bad):
            return False

        def work(group: Group) -> None:
            live_states.put(self._writer.ledger, taken)
            group.units |= self._new_units
            group.counts += pending
            for message, cause in bad:
                group.refuse(message, cause)

        try:
            group = self._writer.commit(work, self._time.utc_ms())
        except (StoreBusy, StoreRefused) as error:
            self._live.give_back(taken)
            self._writer.pending += pending
            self._writer.note_busy(error, self._time.mono_s())
            return False
        self._writer.known.units.update(group.units)
        self._new_units.clear()
        self._metrics.add(group.counts)
        return True
