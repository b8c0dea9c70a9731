"""Calls for help, the way back: whoever pressed a button learns what became of it.

    alert ──▶ due ──▶ command `help` ──▶ broker ──▶ unit ──▶ the light at the button

What is told follows from the alert alone, whoever changed it, so nothing is to be remembered but what was
told last. A command bears the same id each time it goes out: a unit does it once.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING

from firmware import wire
from ingest.history import StoreBusy
from ingest.ledger import help_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ingest.alerts.news import AlertNews
    from ingest.time_source import TimeSource
    from ingest.writer import Writer

log = logging.getLogger(__name__)

AGAIN_S = 2.0  # after a broker or a store that was not there


class CallRound:
    """Looks whenever some alert has changed, and when a unit has come back."""

    def __init__(
        self, writer: Writer, publish: Callable[[str, bytes], bool], alert_news: AlertNews, time: TimeSource
    ) -> None:
        self._writer = writer
        self._publish = publish
        self._alert_news = alert_news
        self._time = time
        self._seen: int | None = None  # the revision of alerts that all buttons know of
        self._born: set[str] = set()
        self._due_s = 0.0

    def born(self, units: Iterable[str]) -> None:
        """These units are there anew."""
        self._born.update(units)

    def step(self) -> None:
        """Tell what is to be told."""
        revision = self._alert_news.revision
        if (revision == self._seen and not self._born) or self._time.mono_s() < self._due_s:
            return
        try:
            is_told = self._tell()
        except (StoreBusy, sqlite3.Error) as error:
            log.warning("calls for help: their buttons wait: %s", error)
            is_told = False
        if is_told:
            self._seen = revision
            self._born.clear()
        else:
            self._due_s = self._time.mono_s() + AGAIN_S

    def _tell(self) -> bool:
        """Whether everybody was told."""
        with self._writer.transaction():
            for unit in self._born:
                help_calls.tell_again(self._writer.ledger, unit)
            due = help_calls.due(self._writer.ledger)
            sent = [answer for answer in due if self._is_sent(answer)]
            for answer in sent:
                help_calls.note_told(self._writer.ledger, answer, self._time.utc_ms())
        if sent:
            self._alert_news.changed()
        return len(sent) == len(due)

    def _is_sent(self, answer: help_calls.Answer) -> bool:
        command = {
            "id": f"help-{answer.call}-{answer.state}",
            "what": "help",
            "source": answer.source,
            "call": answer.call,
            "state": answer.state,
        }
        return self._publish(wire.topic(answer.unit, "command"), wire.encode_json("command", command))
