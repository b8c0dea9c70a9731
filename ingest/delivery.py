"""What becomes of a batch: judged by the lane's mark and runs, and by nothing else. Pure.

The mark alone would not do. A card that lied about a sync falls back, and its unit issues the same numbers
again for other rows: the mark then covers rows that were never sent. So the ledger keeps the runs of a lane
(first seq, boot), and a batch must agree with them wherever it touches what is stored, as a follower's log
must in Raft, with the boot as the term:

    prev > mark                               Ahead: rows are missing between; the unit goes back
    the boot of prev differs from ours        Fork: two histories under the same numbers; the unit
    a row at or below the mark differs         compares the runs in the receipt and begins a new epoch
    all rows at or below the mark             Repeat
    else                                      Store the rows above the mark

Between the mark and `prev` nothing can be missing, and what a batch skips no longer exists on the unit: that
is booked as gone, and the mark moves on.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firmware import wire

Run = tuple[int, str]  # first seq, boot
_first_seq = itemgetter(0)


class LaneState(NamedTuple):
    """What is stored of one lane of one outbox."""

    mark: int = 0
    runs: tuple[Run, ...] = ()

    def boot_of(self, seq: int) -> str | None:
        """The boot in which a stored row was made."""
        if self.runs and self.runs[-1][0] <= seq:  # nearly always
            return self.runs[-1][1]
        at = bisect_right(self.runs, seq, key=_first_seq)
        return self.runs[at - 1][1] if at else None


class Offer(NamedTuple):
    """What of a batch the judgement needs; `seqs` rise."""

    prev: int
    prev_boot: str
    boot: str
    seqs: Sequence[int]


@dataclass(frozen=True, slots=True)
class Gone:
    """Rows that the unit no longer had: `count` of them within first..last."""

    first_seq: int
    last_seq: int
    count: int


class Store(NamedTuple):
    """Take the rows above `above`, of which there are `rows`; then the lane stands at `state`."""

    above: int
    rows: int
    state: LaneState
    run: Run | None  # that begins with this batch
    gone: Gone | None


@dataclass(frozen=True, slots=True)
class Repeat:
    """All of it lies at or below the mark."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Rows between the mark and `prev` have not come."""


@dataclass(frozen=True, slots=True)
class Fork:
    """At `seq` the unit has another boot than what is stored."""

    seq: int


Verdict = Store | Repeat | Ahead | Fork


def offer_of(batch: wire.Batch) -> Offer:
    """What is judged of a decoded batch."""
    columns = [group.columns["seq"] for group in batch.groups]
    seqs = columns[0] if len(columns) == 1 else sorted(chain.from_iterable(columns))
    return Offer(batch.prev, batch.prev_boot or batch.boot, batch.boot, seqs)


def judge(offer: Offer, state: LaneState) -> Verdict:
    """What to do with a batch."""
    if offer.prev > state.mark:
        return Ahead()
    fork_seq = _fork(offer, state)
    if fork_seq is not None:
        return Fork(fork_seq)
    if offer.seqs[-1] <= state.mark:
        return Repeat()
    return _store(offer, state)


def _fork(offer: Offer, state: LaneState) -> int | None:
    """The first row that is stored with another boot than the batch gives it."""
    if offer.prev and state.boot_of(offer.prev) != offer.prev_boot:
        return offer.prev
    if offer.seqs[0] > state.mark:
        return None
    for seq in offer.seqs[: bisect_right(offer.seqs, state.mark)]:
        if state.boot_of(seq) != offer.boot:
            return seq
    return None


def _store(offer: Offer, state: LaneState) -> Store:
    mark, last_seq = state.mark, offer.seqs[-1]
    old = 0 if offer.seqs[0] > mark else bisect_right(offer.seqs, mark)
    rows = len(offer.seqs) - old
    is_new_run = not state.runs or state.runs[-1][1] != offer.boot
    run = (offer.seqs[old], offer.boot) if is_new_run else None
    return Store(
        above=mark,
        rows=rows,
        state=LaneState(last_seq, state.runs if run is None else (*state.runs, run)),
        run=run,
        gone=_gone(offer.seqs[old:], mark) if last_seq - mark > rows else None,
    )


def _gone(seqs: Sequence[int], mark: int) -> Gone:
    """What is missing between the mark and the last of these rows."""
    first = next(before + 1 for before, seq in zip([mark, *seqs], seqs, strict=False) if seq > before + 1)
    last = next(
        seq - 1 for before, seq in zip([*seqs[-2::-1], mark], seqs[::-1], strict=True) if seq > before + 1
    )
    return Gone(first, last, seqs[-1] - mark - len(seqs))
