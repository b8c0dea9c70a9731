"""Receipts: what is stored of a unit's lanes, written out by hand because each group of batches needs many.

The last runs are enough: a unit whose own runs differ at the oldest one told takes nothing for stored. In
answer to a birth, which comes once per connection, all that fit are told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.delivery import LaneState
    from ingest.group import Group
    from ingest.lanes import Lanes

FEW_RUNS = 4  # a receipt must stay small on a slow link


def receipts_of(group: Group, lanes: Lanes) -> list[tuple[str, bytes]]:
    """What a committed group answers, by topic."""
    return [
        (
            wire.topic(unit, "receipt"),
            receipt(
                group.conn_of(unit),
                epoch,
                lanes.of_epoch(unit, epoch),
                wire.MAX_RUNS if is_birth else FEW_RUNS,
            ),
        )
        for (unit, epoch), is_birth in group.answers.items()
    ]


def receipt(conn: int, epoch: str, lanes: Mapping[str, LaneState], most_runs: int = FEW_RUNS) -> bytes:
    """The bytes of a receipt, as `wire.encode_json("receipt", ...)` would check them."""
    entries = ",".join(f'"{lane}":{_entry(state, most_runs)}' for lane, state in lanes.items())
    return f'{{"v":{wire.VERSION},"conn":{conn},"epoch":"{epoch}","lanes":{{{entries}}}}}'.encode()


def _entry(state: LaneState, most_runs: int) -> str:
    runs = ",".join(f'[{first_seq},"{boot}"]' for first_seq, boot in state.runs[-most_runs:])
    return f'{{"mark":{state.mark},"runs":[{runs}]}}'
