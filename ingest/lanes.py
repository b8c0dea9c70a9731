"""The state of every lane, as the ledger has it: remembered, because one process writes them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware import wire
from ingest.delivery import LaneState
from ingest.ledger import marks

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from ingest.ledger.marks import LaneKey

MAX_KNOWN = 100_000


class Lanes:
    """Lane states by (unit, epoch, lane), as committed."""

    def __init__(self, ledger: sqlite3.Connection) -> None:
        self._ledger = ledger
        self._known: dict[LaneKey, LaneState] = {}

    def find(self, key: LaneKey) -> LaneState:
        """The state of a lane; one never heard of stands at 0."""
        state = self._known.get(key)
        if state is None:
            mark, runs = marks.mark_and_runs(self._ledger, key)
            state = self._known[key] = LaneState(mark, tuple(runs))
        return state

    def of_epoch(self, unit: str, epoch: str) -> dict[str, LaneState]:
        """Every lane of an outbox."""
        return {lane: self.find((unit, epoch, lane)) for lane in wire.LANES}

    def commit(self, states: Mapping[LaneKey, LaneState]) -> None:
        """These were committed."""
        if len(self._known) > MAX_KNOWN:
            self._known.clear()
        self._known.update(states)
