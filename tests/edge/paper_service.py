"""The service as far as delivery goes: the real judgement of batches over a store in memory.

It keeps its books: every identity once, and a complaint for an identity that came with other content.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from firmware import wire
from ingest.delivery import Fork, LaneState, Store, judge, offer_of

Identity = tuple[str, str, int]  # epoch, lane, seq
Content = tuple[Any, ...]  # boot, kind, source, then the cells from time_ms on


class Conflict(NamedTuple):
    identity: Identity
    held: Content
    came: Content

    @property
    def is_only_time(self) -> bool:
        """Whether both are the same record, of which one was timed and the other not, or otherwise."""
        return _untimed(self.held) == _untimed(self.came)


def _untimed(content: Content) -> Content:
    boot, kind, source, time_ms, boot_at_ms, _clock, *values = content
    return (boot, kind, source, time_ms - boot_at_ms, *values)


class PaperService:
    def __init__(self) -> None:
        self.lanes: dict[tuple[str, str], LaneState] = {}
        self.rows: dict[Identity, Content] = {}
        self.conflicts: list[Conflict] = []
        self.forks = 0

    def take(self, batch: wire.Batch) -> None:
        """Judge and store a batch."""
        key = (batch.epoch, batch.lane)
        verdict = judge(offer_of(batch), self.lanes.get(key, LaneState()))
        self.forks += isinstance(verdict, Fork)
        above = verdict.above if isinstance(verdict, Store) else None
        for seq, content in rows_of(batch):
            identity = (*key, seq)
            if above is not None and seq > above:
                self.rows[identity] = content
            elif identity in self.rows and self.rows[identity] != content and not isinstance(verdict, Fork):
                self.conflicts.append(Conflict(identity, self.rows[identity], content))
        if isinstance(verdict, Store):
            self.lanes[key] = verdict.state

    def receipt(self, epoch: str, conn: int = 0) -> dict[str, Any]:
        """What a receipt for this epoch says, the last four runs of each lane."""
        lanes = {}
        for lane in wire.LANES:
            state = self.lanes.get((epoch, lane), LaneState())
            lanes[lane] = {"mark": state.mark, "runs": [list(run) for run in state.runs[-4:]]}
        return {"v": 1, "conn": conn, "epoch": epoch, "lanes": lanes}


def rows_of(batch: wire.Batch) -> list[tuple[int, Content]]:
    """(seq, everything else) of each row."""
    out = []
    for group in batch.groups:
        names = [name for name in group.columns if name != "seq"]
        for index, seq in enumerate(group.columns["seq"]):
            cells = tuple(group.columns[name][index] for name in names)
            out.append((seq, (batch.boot, group.kind, group.source, *cells)))
    return out
