"""History: what was measured, one interface for every store.

A store takes chunks (the rows of one group of a batch) and gives back rows of a kind by time. It never
judges: which rows are new is decided by the mark in the ledger, and only those are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firmware import wire
    from ingest.history.chunk import Chunk, Row


class StoreBusy(RuntimeError):
    """The store cannot take it now, and waiting will help: nothing is acknowledged until it does."""


class StoreRefused(RuntimeError):
    """The store will never take it: set it aside and go on."""


class History(Protocol):
    """Where measured rows live."""

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Keep these rows; writing the same chunk again changes nothing. Raises StoreBusy or StoreRefused.

        A `clock_set` among them corrects the time of rows of its boot whose clock ranks lower, those that
        are here and those that are still to come.
        """

    def read(
        self, unit: str, kind: str, source: str | None, from_ms: int, to_ms: int, max_rows: int | None = None
    ) -> wire.Group:
        """Rows with from_ms <= time_ms <= to_ms, sorted by (time_ms, seq), at most the first `max_rows`.

        Times are corrected as far as is known. Of `source` None come the rows of every source; the columns
        have `source` besides the kind's own. Rows that claimed to be from the future are left out.
        """

    def sources(self, unit: str) -> list[tuple[str, str]]:
        """Which (kind, source) there are of a unit."""

    def rows_between(
        self, unit: str, epoch: str, lane: str, boot: str, first_seq: int, last_seq: int
    ) -> dict[int, Row]:
        """The rows of a lane by seq, as they were sent."""
