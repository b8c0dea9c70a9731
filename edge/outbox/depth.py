"""How much waits for a receipt, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.outbox import boots, lanes, schema
from firmware import wire

if TYPE_CHECKING:
    from edge.outbox.connection import Connection


@dataclass(frozen=True, slots=True)
class Depth:
    """What still waits for a receipt; `dropped` is what was lost so far."""

    rows: int
    age_ms: int
    dropped: int
    by_lane: dict[str, int]


def depth(db: Connection, boot: int, mono_ms: int) -> Depth:
    """As of a moment of this boot."""
    by_lane, oldest = dict.fromkeys(wire.LANES, 0), []
    for index, name in enumerate(wire.LANES):
        for lane in lanes.lanes_of(db, index):
            by_lane[name] += lanes.waiting(db, lane)
            oldest += lanes.rows_between(db, lane, lane.mark, lane.seq, 1)
    now_ms = boots.ran_ms(db, boot, mono_ms)
    age_ms = max((now_ms - boots.ran_ms(db, row.boot, row.mono_ms) for row in oldest), default=0)
    dropped = int(schema.meta(db, "dropped") or 0)
    return Depth(sum(by_lane.values()), max(age_ms, 0), dropped, by_lane)
