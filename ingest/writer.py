"""The writer: the one connection that writes, its transactions, and what is remembered of the committed ones.

History and ledger share a transaction. What is remembered (the marks of the lanes, units that were met, hours
that are marked) spares a look into the ledger for each message; it changes only after a commit, so that a
transaction that fails leaves nothing behind, in the file or in memory.

A store that takes nothing now is not an error of the writer: whoever finds it so notes it here, it is said
once, and shown until something is taken again.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING

from ingest.group import Group, Known
from ingest.history import StoreMisset
from ingest.history.errors import store_error
from ingest.lanes import Lanes
from ingest.ledger import units

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.alerts.watch import Supply
    from ingest.history import History
    from ingest.ledger.counters import CounterKey
    from ingest.ledger.quarantine import Bounds

log = logging.getLogger(__name__)

SAY_S = 60.0  # how often a wrong setting of the store is said


class Writer:
    """Of one ledger, and the history on it. All but `is_writable` belongs to the pipeline's thread."""

    def __init__(
        self, ledger: sqlite3.Connection, history: History, ahead_ms: int, quarantine: Bounds, supply: Supply
    ) -> None:
        self.ledger = ledger
        self.history = history
        self.lanes = Lanes(ledger)
        self.known = _known(ledger)
        self.is_writable = True
        self.pending: Counter[CounterKey] = Counter()  # counted outside of groups
        self._ahead_ms = ahead_ms
        self._quarantine = quarantine
        self._supply = supply
        self._say_s = 0.0  # when a wrong setting is said again

    def transaction(self) -> Transaction:
        """A block that is committed at its end; raises StoreBusy or StoreRefused."""
        return Transaction(self.ledger, self.history)

    def commit(self, work: Callable[[Group], object], now_ms: int) -> Group:
        """A group on which work was done, written and committed; raises StoreBusy or StoreRefused."""
        limits = self._ahead_ms, self._quarantine, self._supply
        group = Group(self.ledger, self.history, self.lanes, self.known, now_ms, *limits)
        with self.transaction():
            work(group)
            group.write()
        return group

    def remember(self, group: Group) -> None:
        """This was committed."""
        self.lanes.commit(group.lanes)
        self.known.units.update(group.units)
        self.known.births.update(group.met)
        self.known.hours.update(group.hours)
        self.known.boots.update(group.boots)

    def note_busy(self, error: Exception, now_s: float) -> None:
        """The store took nothing; said once, and a wrong setting once a minute."""
        is_misset = isinstance(error, StoreMisset)
        self.pending["waits", "settings" if is_misset else "store"] += 1
        if self.is_writable or (is_misset and now_s >= self._say_s):
            self._say_s = now_s + SAY_S
            what = "until somebody helps" if is_misset else "until it does"
            log.error("the store takes nothing, units keep their records %s: %s", what, error)
        self.is_writable = False

    def note_writable(self) -> None:
        """The store took something."""
        if not self.is_writable:
            log.warning("the store takes records again")
        self.is_writable = True


class Transaction:
    """BEGIN and COMMIT around a block; whatever goes wrong undoes it, in the file and in memory."""

    def __init__(self, ledger: sqlite3.Connection, history: History) -> None:
        self._ledger = ledger
        self._history = history

    def __enter__(self) -> None:
        try:
            self._ledger.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise store_error(error) from error

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None:
            try:
                self._ledger.execute("COMMIT")
            except sqlite3.Error as failure:
                self._undo()
                raise store_error(failure) from failure
            return
        self._undo()
        if isinstance(error, sqlite3.Error):
            raise store_error(error) from error

    def _undo(self) -> None:
        self._history.forget()
        if self._ledger.in_transaction:
            self._ledger.execute("ROLLBACK")


def _known(ledger: sqlite3.Connection) -> Known:
    met = units.all_units(ledger)
    births = {unit.unit: (unit.conn, unit.epoch) for unit in met if unit.epoch is not None}
    return Known({unit.unit for unit in met}, births, set(), set(), {})
