"""History: what was measured, one interface for every store.

A store takes chunks (the rows of one group of a batch) and gives back rows of a kind by time. It never
judges: which rows are new is decided by the mark in the ledger, and only those are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from firmware import wire
    from ingest.history.chunk import Chunk, Row
    from ingest.history.summary import Hour, Summary


class StoreBusy(RuntimeError):
    """The store cannot take it now, and waiting will help: nothing is acknowledged until it does.

    `wait_s` is how long the store asks to be left alone, 0 when it does not say.
    """

    def __init__(self, text: str, wait_s: float = 0.0) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class StoreMisset(StoreBusy):
    """A setting is wrong here or at the store: nothing is dropped, and only a person can help."""


class StoreRefused(RuntimeError):
    """The store will never take it: set it aside and go on."""


class Spoilt(NamedTuple):
    """Rows that the store will never take, and its reason, while it keeps the others of the same write."""

    chunk: Chunk
    reason: str


class Bucket(NamedTuple):
    """One value of a series over a stretch of time, on the wire's scale."""

    least: int
    most: int
    mean: float


class Buckets(NamedTuple):
    """A series by stretches of time, those without a row left out; equally long lists.

    `values` is by field name, None where no row of the stretch has the value.
    """

    begin_ms: list[int]
    rows: list[int]
    values: dict[str, list[Bucket | None]]


class History(Protocol):
    """Where measured rows live."""

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Keep these rows; writing the same chunk again changes nothing. Raises StoreBusy or StoreRefused.

        They are kept for sure when `settle` has returned. A `clock_set` among them corrects the time of rows
        of its boot whose clock ranks lower, those that are here and those that are still to come.
        """

    def settle(self) -> list[Spoilt]:
        """Wait until all that was written is kept; the rows that never will be. Raises as `write`."""

    def forget(self) -> None:
        """Drop what is remembered of a transaction of the ledger that was rolled back."""

    def read(
        self, unit: str, kind: str, source: str | None, from_ms: int, to_ms: int, max_rows: int | None = None
    ) -> wire.Group:
        """Rows with from_ms <= time_ms <= to_ms, sorted by (time_ms, seq), at most the first `max_rows`.

        Times are corrected as far as is known. Of `source` None come the rows of every source; the columns
        have `source` besides the kind's own. Rows that claimed to be from the future are left out.
        """

    def newest(self, unit: str, kind: str, source: str) -> wire.Group:
        """The row of the latest time, as `read` gives it; none of a series without rows."""

    def buckets(
        self,
        unit: str,
        kind: str,
        source: str,
        names: Sequence[str],
        from_ms: int,
        to_ms: int,
        bucket_ms: int,
    ) -> Buckets:
        """Rows as of `read`, down-sampled: least, most and mean of the named numbers per stretch.

        Stretches begin at multiples of `bucket_ms` since 1970, so that neighbouring questions agree.
        """

    def erase(self, unit: str, before_ms: int | None = None) -> None:
        """Delete all rows and summaries of a unit; again does nothing. Raises StoreBusy.

        With `before_ms` those that are known to be from before: what came after an erasure and is older. A
        store may then keep rows that lie in one piece with newer ones. Rows without a known time stay.
        """

    def expire(self, kind: str, before_ms: int, most: int) -> int:
        """Delete rows of a kind that are older than that, at most so many chunks in one go; how many were.

        Rows without a known time stay. 0 from a store that lets rows expire by itself.
        """

    def take_touched(self) -> set[Hour]:
        """Hours of summarised kinds (`summary.NAMES`) whose rows became other ones since the last call.

        By their true times: a correction touches the hours that its rows leave and those that they come to.
        Rows without a known time, or from the future, touch none.
        """

    def put_summaries(self, summaries: Sequence[Summary]) -> None:
        """Keep these for good, each in place of what was kept of its hour."""

    def drop_summaries(self, hours: Iterable[Hour]) -> None:
        """Let go what is kept of hours that have no rows any more, since a correction moved them."""

    def summaries(self, unit: str, kind: str, source: str, from_ms: int, to_ms: int) -> list[Summary]:
        """The hours of a series with from_ms <= begin_ms <= to_ms, in order."""

    def sources(self, unit: str) -> list[tuple[str, str]]:
        """Which (kind, source) there are of a unit."""

    def rows_between(
        self, unit: str, epoch: str, lane: str, boot: str, first_seq: int, last_seq: int
    ) -> dict[int, Row]:
        """The rows of a lane by seq, as they were sent."""
