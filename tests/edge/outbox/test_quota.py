"""At the quota: what goes first, what never goes, what is told of it."""

import contextlib
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

from edge.outbox import Limits, Outbox, OutboxFull, connect
from edge.track import Point, distance_m
from firmware import wire
from tests.edge.made import BOOT, BOOT_AT_MS, fault, fix, health, receipt

DAY_MS = 86_400_000


def opened(path: Path, **limits: Any) -> Outbox:
    db = connect(path)
    outbox = Outbox(db, BOOT, Limits(**limits))
    db.execute(
        "PRAGMA synchronous=OFF"
    )  # the cap is what is tested here, and thousands of syncs take their time
    return outbox


def rows_of_lane(outbox: Outbox, lane: str) -> list[tuple[str, dict[str, Any]]]:
    found, after = [], None
    while (batch := outbox.take(lane, after, most=1000)) is not None:
        for group in batch.groups:
            names = list(group.columns)
            rows = zip(*group.columns.values(), strict=True)
            found += [(group.kind, dict(zip(names, cells, strict=True))) for cells in rows]
        after = (batch.epoch, batch.last_seq)
    return sorted(found, key=lambda row: row[1]["seq"])


def used(outbox: Outbox) -> float:
    pages, free, cap = (
        outbox._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "max_page_count")
    )
    return float((pages - free) / cap)


def drive(seconds: int, seed: int = 5) -> list[tuple[int, int, int]]:
    """(ms, lat, lon) at 1 Hz: stretches at all sorts of speed, turns, stops."""
    rng = random.Random(seed)
    lat, lon, course, speed, out = 411_000_000.0, 1_070_000_000.0, 0.0, 15.0, []
    for second in range(seconds):
        if rng.random() < 0.03:
            course, speed = rng.uniform(0, 6.28), rng.choice([0, 0, 5, 15, 25])
        lat += math.cos(course) * speed * 90
        lon += math.sin(course) * speed * 120
        out.append((second * 1000, round(lat), round(lon)))
    return out


def test_the_black_box_goes_first_then_the_raw_track(tmp_path: Path) -> None:
    outbox = opened(tmp_path / "o.db", max_mib=1, tolerance_m=0, window_ms=1000)
    for ms, lat, lon in drive(3000):
        outbox.append([fix(ms, lat, lon)])
        outbox.close_windows(ms)
    outbox.settle(receipt(outbox.epoch, track=(1500, [(1, BOOT)])), 1)
    while not outbox.make_room() and used(outbox) < 0.9:
        start = outbox.heights.raw_id
        outbox.append([fix(start * 1000 + more, 411_000_000, 1_070_000_000) for more in range(100)])
    assert outbox.depth(0).dropped == 0
    assert outbox._db.execute("SELECT count(*) FROM rows WHERE seq <= 1500").fetchone()[0] < 1500
    assert outbox._db.execute("SELECT count(*) FROM rows WHERE seq > 1500").fetchone()[0] == 1500


def test_a_thinned_track_holds_the_bound_that_is_told(tmp_path: Path) -> None:
    outbox = opened(tmp_path / "o.db", max_mib=0.25, tolerance_m=5, window_ms=60_000)
    original = drive(40_000)
    for start in range(0, len(original), 60):
        outbox.append([fix(*moment) for moment in original[start : start + 60]])
        outbox.close_windows(original[min(start + 59, len(original) - 1)][0] + 1000)
        outbox.tidy(original[start][0])
    outbox.close_windows(1 << 40, is_final=True)
    outbox.make_room()
    told = [row for kind, row in rows_of_lane(outbox, "event") if kind == "thinned"]
    assert told, "nothing had to go: the test is too small"
    bound_m = max(row["bound_m"] for row in told)
    left = [
        Point(row["time_ms"] - BOOT_AT_MS, row["lat_e7"], row["lon_e7"])
        for _, row in rows_of_lane(outbox, "track")
    ]
    assert outbox.depth(0).dropped == sum(row["count"] for row in told)
    assert (left[0].t_ms, left[-1].t_ms) == (original[0][0], original[-1][0])
    assert worst_m(original, left) <= bound_m


def worst_m(original: list[tuple[int, int, int]], left: list[Point]) -> float:
    worst, at = 0.0, 0
    for ms, lat, lon in original:
        while at + 2 < len(left) and left[at + 1].t_ms < ms:
            at += 1
        a, b = left[at], left[at + 1]
        share = (ms - a.t_ms) / (b.t_ms - a.t_ms)
        there = Point(
            ms,
            round(a.lat_e7 + share * (b.lat_e7 - a.lat_e7)),
            round(a.lon_e7 + share * (b.lon_e7 - a.lon_e7)),
        )
        worst = max(worst, distance_m(there, Point(ms, lat, lon)))
    return worst


def test_thirty_days_without_coverage_keep_every_event(tmp_path: Path) -> None:
    """Ten hours of driving, readings each minute, an event every ten: each day of thirty, in 2 MiB."""
    outbox = opened(tmp_path / "o.db", max_mib=2, tolerance_m=5, window_ms=120_000)
    day = drive(1800)
    events, hottest = 0, Counter[int]()
    for number in range(30):
        for minute in range(1440):
            ms = number * DAY_MS + minute * 60_000
            records = [health(ms, minute, soc_temperature_cc=4000 + (minute * 7919 + number * 31) % 3000)]
            if minute % 10 == 0:
                records.append(fault(ms, f"{number} {minute}"))
                events += 1
            if minute < 30:
                records += [
                    fix(ms + at % 60_000, lat, lon) for at, lat, lon in day[minute * 60 : minute * 60 + 60]
                ]
            hottest[number] = max(hottest[number], 4000 + (minute * 7919 + number * 31) % 3000)
            outbox.append(records)
            outbox.close_windows(ms + 60_000)
            if minute % 10 == 0:
                outbox.tidy(ms)
    assert used(outbox) <= 0.95
    assert (tmp_path / "o.db").stat().st_size <= 2 * 1024 * 1024
    kept = [row["code"] for kind, row in rows_of_lane(outbox, "event") if kind == "fault"]
    assert len(kept) == events
    sense = [row for kind, row in rows_of_lane(outbox, "sense") if kind == "health"]
    left = Counter[int]()
    for row in sense:
        day_number = (row["time_ms"] - BOOT_AT_MS) // DAY_MS
        left[day_number] = max(left[day_number], row["soc_temperature_cc"])
    assert left == hottest
    gone = sum(row["count"] for kind, row in rows_of_lane(outbox, "event") if kind == "thinned")
    assert outbox.depth(0).dropped == gone > 0


def test_prev_spans_what_was_thinned(tmp_path: Path) -> None:
    outbox = opened(tmp_path / "o.db", max_mib=1)
    outbox.append([health(second * 1000, second) for second in range(64)])
    outbox._db.execute("DELETE FROM rows WHERE seq BETWEEN 3 AND 60")
    first = outbox.take("sense", most=2)
    assert first is not None
    second = outbox.take("sense", (first.epoch, first.last_seq))
    assert second is not None
    assert (second.prev, second.groups[0].columns["seq"][0]) == (2, 61)


def test_events_alone_fill_it_and_are_refused_not_dropped(tmp_path: Path) -> None:
    outbox = opened(tmp_path / "o.db", max_mib=1)
    accepted = 0
    with contextlib.suppress(OutboxFull):
        while accepted < 100_000:
            outbox.append([fault(accepted, "x" * 100)])
            accepted += 1
    assert accepted < 100_000
    assert sum(kind == "fault" for kind, _ in rows_of_lane(outbox, "event")) == accepted


def test_old_rows_go_by_running_time_and_never_by_the_wall_clock(tmp_path: Path) -> None:
    outbox = opened(
        tmp_path / "o.db", max_mib=4, black_box_days=1, raw_track_days=2, tolerance_m=0, window_ms=1000
    )
    outbox.append([fix(1000), fix(2000), fix(3000), health(1000), health(2000)])
    outbox.close_windows(10_000)
    outbox.settle(receipt(outbox.epoch, sense=(1, [(1, BOOT)]), track=(3, [(1, BOOT)])), 1)
    outbox.set_clock(wire.MAX_TIME_MS - DAY_MS, "gnss")  # a spoofed date
    outbox.tidy(DAY_MS // 2)
    assert count(outbox, "rows") == 5
    outbox.tidy(DAY_MS + 5000)
    outbox.tidy(DAY_MS + 5000)
    assert (count(outbox, "rows"), count(outbox, "raw")) == (1, 3)  # what has no receipt stays
    outbox.tidy(2 * DAY_MS + 5000)
    assert count(outbox, "raw") == 1


def count(outbox: Outbox, table: str) -> int:
    found: int = outbox._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return found
