"""The watchman: does in the pipeline's thread, piece by piece, what alerts need beside the records.

A piece is one transaction and bounded by what it touches, so that no commit waits noticeably: it follows the
book, judges what is due, and writes whom to tell. Time is an argument; nothing depends on how long it took.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from ingest import alerting, telling
from ingest.alerting import Terms
from ingest.ledger import alert_looks, book, counters
from ingest.ledger.spared import spared
from ingest.silence import USUAL, Limits, Silence
from ingest.telling import Manners

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from ingest.ledger.counters import CounterKey

MOST_LOOKS = 100  # in a piece
MOST_PAIRS = 500
AGAIN_MS = 3_600_000  # after a look that failed


class Piece(NamedTuple):
    """What a piece did: what to count, whether people see something new, and whether there is more."""

    counts: Counter[CounterKey]
    is_news: bool
    has_more: bool


class Watchman:
    """Of one ledger."""

    def __init__(
        self, terms: Terms | None = None, manners: Manners | None = None, silent: Limits = USUAL
    ) -> None:
        self._terms = terms or Terms()
        self._manners = manners or Manners()
        self._silence = Silence(silent)

    def is_due(self, ledger: sqlite3.Connection, now_ms: int) -> bool:
        """Whether there is anything to do; asks without a transaction."""
        row = ledger.execute(
            "SELECT EXISTS (SELECT 1 FROM alert_look WHERE due_ms <= ?1)"
            " OR EXISTS (SELECT 1 FROM alert WHERE tell_ms <= ?1)"
            " OR EXISTS (SELECT 1 FROM alert WHERE escalate_ms <= ?1)",
            (now_ms,),
        ).fetchone()
        at = alert_looks.cursor(ledger)
        return bool(row[0]) or at.site is not None or book.state(ledger) != (at.revision, at.entry)

    def listen(
        self, ledger: sqlite3.Connection, heard_ms: Mapping[str, int], now_ms: int, *, is_listening: bool
    ) -> None:
        """Note who is silent, by when each unit was last heard; within the caller's transaction."""
        with spared(ledger, "listening for silence"):
            self._silence.listen(ledger, heard_ms, now_ms, is_listening=is_listening)

    def step(self, ledger: sqlite3.Connection, now_ms: int) -> Piece:
        """One piece, within the caller's transaction."""
        counts: Counter[CounterKey] = Counter()
        has_more = alert_looks.follow_book(ledger, MOST_PAIRS)
        is_news = False
        due = alert_looks.due(ledger, now_ms, MOST_LOOKS)
        for look in due:
            alert_looks.settle(ledger, look, now_ms + AGAIN_MS)  # should it fail
            with spared(ledger, f"the look at {look}"):
                outcome = alerting.judged(ledger, look, now_ms, self._terms)
                alert_looks.settle(ledger, look, outcome.due_ms)
                counts["alert_looks", look.kind] += 1
                counts.update(("alerts", rule) for rule in outcome.news)
                is_news = is_news or outcome.is_changed
        told = telling.tell(ledger, self._manners, now_ms)
        counters.add(ledger, counts)
        return Piece(counts, is_news or told > 0, has_more or len(due) == MOST_LOOKS)
