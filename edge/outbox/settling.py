"""What a receipt changes: rows are marked, and a fork or a store that is ahead begins a new epoch.

`firmware.receipt` judges; here its verdict is done, in one transaction for each lane. The runs that the
service tells are compared with the unit's own before any row is marked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edge.outbox import lanes
from edge.outbox.connection import transaction
from firmware import wire
from firmware.receipt import judge

if TYPE_CHECKING:
    from edge.outbox.connection import Connection
    from edge.outbox.identity import Identity
    from edge.outbox.lanes import Lane
    from firmware.receipt import Stretch


@dataclass(frozen=True, slots=True)
class Settled:
    """What a receipt changed in one lane of one epoch."""

    epoch: str
    lane: str
    mark: int
    was: int
    moved: int | None = None  # rows that got a new identity after a fork; None: no fork
    is_ahead: bool = False

    @property
    def is_lowered(self) -> bool:
        return self.mark < self.was


def settle(db: Connection, identity: Identity, receipt: dict[str, Any], conn: int) -> list[Settled]:
    """Do what a receipt says of each lane; nothing for an epoch that nobody here knows."""
    epoch_id = identity.epochs.get(receipt["epoch"])
    if epoch_id is None:
        return []
    is_current = receipt["conn"] == conn
    return [
        _settle(
            db,
            identity,
            lanes.lane_of(db, epoch_id, wire.LANES.index(name)),
            told,
            is_current=is_current,
        )
        for name, told in receipt["lanes"].items()
    ]


def _settle(
    db: Connection, identity: Identity, entry: Lane, told: dict[str, Any], *, is_current: bool
) -> Settled:
    runs = [(int(first), str(boot)) for first, boot in told["runs"]]
    own = _stretches(db, entry, told["mark"])
    verdict = judge(entry.seq, entry.mark, own, told["mark"], runs, is_current)
    is_own = entry.epoch == identity.epoch_id
    is_ahead = verdict.is_ahead and is_own
    epoch, lane = identity.word_of(entry.epoch), wire.LANES[entry.lane]
    settled = Settled(epoch, lane, verdict.mark, entry.mark, None, is_ahead)
    if verdict.mark == entry.mark and verdict.fork_seq is None and not is_ahead:
        return settled
    with identity.kept(db), transaction(db):
        lanes.save(db, replace(entry, mark=verdict.mark))
        if is_ahead or (is_own and verdict.fork_seq is not None):
            identity.begin_epoch(db)
        if verdict.fork_seq is None:
            return settled
        moved = lanes.move(db, entry, verdict.fork_seq, identity.epoch_id)
        return replace(settled, moved=moved)


def _stretches(db: Connection, entry: Lane, told_mark: int) -> list[Stretch]:
    """The unit's own runs, each from the first to the last row that still exists."""
    runs = lanes.runs_of(db, entry, 2 * wire.MAX_RUNS)
    ends = [first - 1 for first, _ in runs[1:]] + [max(entry.seq, told_mark)]
    found = []
    for (first, boot), end in zip(runs, ends, strict=False):
        low = lanes.rows_between(db, entry, first - 1, end, 1)
        high = lanes.row_before(db, entry, end + 1)
        if low and high is not None:
            found.append((low[0].seq, high[0], boot))
    return found
