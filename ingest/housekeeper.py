"""The housekeeper: summarises hours that changed, then lets rows go whose time has come.

It works in the pipeline's thread, in steps that are bounded by what they touch, so that no commit waits
noticeably; nothing here depends on how long a step took. Age is event time: a row that came late goes when
its own time has come, and rows without a known time stay. What the ledger keeps up, the last value of each
series and the live state, never goes with the rows.

A summary is computed from all rows of its hour, so rows may only go when no hour among them waits to be
summarised, and from then on the hour is closed: `horizons` says how far, per kind. What comes later than
that of a closed hour is let go without being counted in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware import wire
from ingest.history.classes import class_of
from ingest.history.summary import HOUR_MS, NAMES, Hour, begin_of, summarised
from ingest.ledger import dirty_hours, horizons

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from ingest.history import History

DAY_MS = 86_400_000
QUIET_MS = 600_000  # after an hour is over: most of what it holds has come by then
MOST_HOURS = 50  # summarised in a step
MOST_ROWS = 2000  # read in a step, but for one hour that has more
MOST_EXPIRED = 500  # chunks let go in a step


class Housekeeper:
    """Retention of one history; `hours` is what the pipeline remembers as marked already.

    `keep_days` says by class how long rows stay, 0 for ever.
    """

    def __init__(
        self,
        ledger: sqlite3.Connection,
        history: History,
        keep_days: Mapping[str, int],
        hours: set[Hour],
    ) -> None:
        self._ledger = ledger
        self._history = history
        self._hours = hours
        self._keep_ms = {kind: keep_days.get(class_of(kind), 0) * DAY_MS for kind in wire.KINDS_IN_ORDER}
        self._clean_before_ms: dict[str, int] = {}  # by kind: nothing older is there to expire

    def step(self, now_ms: int) -> bool:
        """One piece of work within the caller's transaction; False when there was none."""
        return self._summarise(now_ms) or any(
            [self._expire(kind, now_ms) for kind, keep_ms in self._keep_ms.items() if keep_ms]
        )

    def _summarise(self, now_ms: int) -> bool:
        waiting = dirty_hours.oldest(self._ledger, now_ms - HOUR_MS - QUIET_MS, MOST_HOURS)
        closed = horizons.all_horizons(self._ledger)
        done, found, rows = [], [], 0
        for hour in waiting:
            if rows >= MOST_ROWS:
                break
            done.append(hour)
            if hour.begin_ms >= closed.get(hour.kind, 0):
                summary = summarised(hour, self._read(hour))
                found.append((hour, summary))
                rows += 0 if summary is None else summary.rows
        self._history.put_summaries([summary for _, summary in found if summary is not None])
        self._history.drop_summaries([hour for hour, summary in found if summary is None])
        dirty_hours.remove(self._ledger, done)
        self._hours.difference_update(done)
        return bool(done)

    def _read(self, hour: Hour) -> dict[str, list[int | None]]:
        end_ms = hour.begin_ms + HOUR_MS - 1
        return self._history.read(hour.unit, hour.kind, hour.source, hour.begin_ms, end_ms).columns

    def _expire(self, kind: str, now_ms: int) -> bool:
        before_ms = begin_of(max(0, now_ms - self._keep_ms[kind]))
        if self._clean_before_ms.get(kind, 0) >= before_ms:
            return False
        known_ms = horizons.all_horizons(self._ledger).get(kind, 0)
        if NAMES[kind]:
            first_ms = dirty_hours.first_ms(self._ledger, kind, known_ms, before_ms)
            before_ms = before_ms if first_ms is None else first_ms
        if before_ms > known_ms:
            horizons.move(self._ledger, kind, before_ms)
        expired = self._history.expire(kind, before_ms, MOST_EXPIRED)
        if not expired:
            self._clean_before_ms[kind] = before_ms
        return expired > 0
