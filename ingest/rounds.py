"""Rounds: what is done between groups every so often, a bounded piece at a time.

While batches come a round goes slower, so that it never holds up a commit noticeably. When the store is in
the way the round rests and comes again: nothing of it is owed to anybody at once.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from typing import TYPE_CHECKING

from ingest.erasing import ask_units, erase, sweep
from ingest.history import StoreBusy, StoreRefused
from ingest.housekeeper import Housekeeper
from ingest.ledger import units
from ingest.ledger.files import cut_log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingest.alerts.news import AlertNews
    from ingest.ledger.erasures import Erasure
    from ingest.live import Live
    from ingest.metrics import Metrics
    from ingest.time_source import TimeSource
    from ingest.watchman import Watchman
    from ingest.writer import Writer

log = logging.getLogger(__name__)

LISTEN_S = 30.0  # how often it is looked who is silent
WATCH_S = 0.2  # how often it is looked whether alerts need something; twice that while batches come
SWEEP_S = 300.0
TIDY_S = 0.5  # from one piece of retention to the next while batches come
REST_S = 10.0  # and when there is nothing to do


class AlertRound:
    """What alerts need beside the records; `is_connected` says whether silence means anything."""

    def __init__(
        self,
        writer: Writer,
        watchman: Watchman,
        live: Live,
        is_connected: Callable[[], bool],
        metrics: Metrics,
        alert_news: AlertNews,
        time: TimeSource,
    ) -> None:
        self._writer = writer
        self._watchman = watchman
        self._live = live
        self._is_connected = is_connected
        self._metrics = metrics
        self._alert_news = alert_news
        self._time = time
        self._due_s = self._listen_s = 0.0

    def step(self, *, is_busy: bool) -> None:
        """A piece, if it is time."""
        now_s = self._time.mono_s()
        if now_s < self._due_s + (WATCH_S if is_busy else 0.0):
            return
        self._due_s = now_s + WATCH_S
        try:
            has_more = self._watch(self._time.utc_ms())
        except (StoreBusy, StoreRefused, sqlite3.Error) as error:
            self._writer.note_busy(error, now_s)
            return
        if has_more:
            self._due_s = self._time.mono_s()

    def _watch(self, now_ms: int) -> bool:
        self._listen(now_ms)
        ledger = self._writer.ledger
        if not self._watchman.is_due(ledger, now_ms):
            return False
        with self._writer.transaction():
            piece = self._watchman.step(ledger, now_ms)
        self._metrics.add(piece.counts)
        if piece.is_news:
            self._alert_news.changed()
        return piece.has_more

    def _listen(self, now_ms: int) -> None:
        now_s = self._time.mono_s()
        if now_s < self._listen_s:
            return
        self._listen_s = now_s + LISTEN_S
        heard_ms, is_listening = self._live.heard_ms(), self._is_connected()
        with self._writer.transaction():
            self._watchman.listen(self._writer.ledger, heard_ms, now_ms, is_listening=is_listening)


class RetentionRound:
    """What has to go: rows whose time has come, and the history of units that were erased."""

    def __init__(
        self,
        writer: Writer,
        keep_days: Mapping[str, int],
        publish: Callable[[str, bytes], bool],
        time: TimeSource,
    ) -> None:
        self._writer = writer
        self._housekeeper = Housekeeper(writer.ledger, writer.history, keep_days, writer.known.hours)
        self._publish = publish
        self._time = time
        self._due_s = time.mono_s() + REST_S
        self._sweep_s = 0.0
        self._is_log_to_cut = False

    def step(self, *, is_busy: bool) -> None:
        """A piece, if it is time: one after the other while no batches come, else two a second."""
        if self._time.mono_s() < self._due_s + (TIDY_S if is_busy else 0.0):
            return
        try:
            if self._is_log_to_cut:
                self._is_log_to_cut = not cut_log(self._writer.ledger)
            with self._writer.transaction():
                self._tend_erasures()
                has_more = self._housekeeper.step(self._time.utc_ms())
        except (StoreBusy, StoreRefused, sqlite3.Error) as error:
            log.warning("retention rests for %.0f s: %s", REST_S, error)
            has_more = False
        self._due_s = self._time.mono_s() + (0.0 if has_more else REST_S)

    def erase(self, unit: str, who: str) -> Erasure | None:
        """Erase a unit's history within the caller's transaction; None for one never heard of."""
        ledger, hours = self._writer.ledger, self._writer.known.hours
        if units.find(ledger, unit) is None:
            return None
        self._due_s = 0.0  # then the unit is asked at once
        self._is_log_to_cut = True
        hours.difference_update([hour for hour in hours if hour.unit == unit])
        return erase(ledger, self._writer.history, unit, who, secrets.token_hex(8), self._time.utc_ms())

    def _tend_erasures(self) -> None:
        ledger, history, now_ms = self._writer.ledger, self._writer.history, self._time.utc_ms()
        ask_units(ledger, history, self._publish, now_ms)
        if self._time.mono_s() >= self._sweep_s:
            self._sweep_s = self._time.mono_s() + SWEEP_S
            sweep(ledger, history, now_ms)
