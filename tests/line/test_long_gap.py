"""Thirty days without coverage in a small outbox, and what the service then has and tells of it.

What the outbox itself keeps and drops is tested beside it (`tests/edge/outbox/test_quota.py`). Here it is
drained into the real pipeline: every event arrives, and what the unit had to drop is booked row by row.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from edge.outbox import Limits, Outbox, connect
from edge.track import Point
from firmware import wire
from ingest.ledger import marks
from tests.edge.made import BOOT, BOOT_AT_MS, fault, fix, health
from tests.edge.outbox.test_quota import DAY_MS, drive, worst_m
from tests.ingest.made import UNIT, Desk

if TYPE_CHECKING:
    from pathlib import Path

DAYS = 30
DRIVEN_S = 1800


def lived(path: Path) -> tuple[Outbox, int, list[tuple[int, int, int]]]:
    """The outbox after thirty days, how many events it took, and every fix that it was given."""
    db = connect(path)
    outbox = Outbox(db, BOOT, Limits(max_mib=1, tolerance_m=5, window_ms=120_000))
    db.execute("PRAGMA synchronous=OFF")  # thousands of syncs take their time, and no power is cut here
    events, driven = 0, []
    for day in range(DAYS):
        for minute in range(0, 1440, 2):
            ms = day * DAY_MS + minute * 60_000
            records = [health(ms, minute), health(ms + 60_000, minute + 1)]
            if minute % 20 == 0:
                records.append(fault(ms, f"{day} {minute}"))
                events += 1
            if minute * 60 < DRIVEN_S:
                part = [
                    (day * DAY_MS + at, lat, lon)
                    for at, lat, lon in drive(DRIVEN_S, seed=day)[minute * 60 : minute * 60 + 120]
                ]
                driven += part
                records += [fix(*moment) for moment in part]
            outbox.append(records)
            outbox.close_windows(ms + 120_000)
            if minute % 10 == 0:
                outbox.tidy(ms)
    outbox.close_windows(DAYS * DAY_MS, is_final=True)
    return outbox, events, driven


def drain(outbox: Outbox, desk: Desk) -> None:
    """Every lane, batch by batch, each with its receipt."""
    for lane in wire.LANES:
        while (batch := outbox.take(lane)) is not None:
            receipt = desk.send(wire.encode_batch(batch))
            outbox.settle(receipt, receipt["conn"])


def test_every_event_arrives_and_what_had_to_go_is_booked(tmp_path: Path) -> None:
    outbox, events, driven = lived(tmp_path / "outbox.db")
    desk = Desk(tmp_path)
    drain(outbox, desk)
    depth = outbox.depth(DAYS * DAY_MS)
    assert (depth.rows, desk.refused()) == (0, [])
    assert len(set(desk.stored("fault").columns["code"])) == events
    told: Counter[str] = Counter()
    thinned = desk.stored("thinned").columns
    for lane, count in zip(thinned["lane"], thinned["count"], strict=True):
        told[wire.LANES[lane]] += count
    booked = {lane.lane: lane.gone for lane in marks.lanes(desk.connection, UNIT)}
    assert booked == {"event": 0, "sense": told["sense"], "track": told["track"]}
    assert depth.dropped == told.total() > 0
    fixes = desk.stored("fix").columns
    left = [
        Point(time_ms - BOOT_AT_MS, lat, lon)
        for time_ms, lat, lon in zip(fixes["time_ms"], fixes["lat_e7"], fixes["lon_e7"], strict=True)
    ]
    assert (left[0].t_ms, left[-1].t_ms) == (driven[0][0], driven[-1][0])
    bound_m = max((bound for bound in thinned["bound_m"] if bound is not None), default=5)
    assert worst_m(driven, left) <= bound_m
    print({"events": events, "dropped": dict(told), "fixes left": len(left), "bound_m": bound_m})
    desk.connection.close()
    outbox.close()
