"""Retention beside the line: how long a step holds up a commit, what an erasure and a year's chart cost.

A unit with a year of fixes every ten seconds is summarised, half expired, charted and erased. The reference
of the steps is the commit of one group of batches, since a step may stand before one.
"""

import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from firmware import wire
from ingest.history.chunk import Chunk
from ingest.history.sqlite import SqliteHistory
from ingest.history.summary import HOUR_MS, begin_of
from ingest.housekeeper import DAY_MS, Housekeeper
from ingest.ledger import dirty_hours
from ingest.reader import Reader
from ingest.series import Question, answered
from tests.bench.report import Report
from tests.ingest.api.parts import group_of
from tests.ingest.made import NOW_MS, A, Desk, fixes

UNIT, EPOCH = "library-01", "00112233445566aa"
BATCH, STEP_MS = 60, 10_000
DAYS = 365
T = TypeVar("T")


def run(report: Report) -> None:
    days = 30 if report.is_short else DAYS
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        commit_ms = committed_ms(desk)
        begin_ms = begin_of(NOW_MS) - days * DAY_MS
        write(desk, begin_ms, days)
        history = SqliteHistory(desk.connection)
        housekeeper = Housekeeper(desk.connection, history, {"track": days // 2}, set())
        steps_ms = timed_steps(desk.connection, housekeeper, NOW_MS - 2 * DAY_MS)
        report.row(
            "longest of 99 % of retention's steps",
            high(steps_ms, 0.99),
            "ms",
            "a commit of 500 batches",
            commit_ms,
        )
        report.row("longest step of retention", max(steps_ms), "ms", "a commit of 500 batches", commit_ms)
        chart(report, desk, days)
        began_s = time.perf_counter()
        transaction(desk.connection, lambda: history.erase(UNIT))
        erased_ms = 1000 * (time.perf_counter() - began_s)
        report.row(
            f"erasing what is left, {days // 2} days", erased_ms, "ms", "a commit of 500 batches", commit_ms
        )
        desk.connection.close()


def committed_ms(desk: Desk) -> float:
    """A full group, by the pipeline."""
    for at in range(500):
        desk.put(fixes(range(1, BATCH + 1)), f"other-{at}")
    began_s = time.perf_counter()
    desk.pipeline.step(desk.stop)
    return 1000 * (time.perf_counter() - began_s)


def write(desk: Desk, begin_ms: int, days: int) -> None:
    history = SqliteHistory(desk.connection)
    rows = days * DAY_MS // STEP_MS
    for first in range(0, rows, 500 * BATCH):
        desk.connection.execute("BEGIN")
        for prev in range(first, min(rows, first + 500 * BATCH), BATCH):
            times = [begin_ms + (prev + row) * STEP_MS for row in range(BATCH)]
            cells = {
                "lat_e7": [492_000_000 + prev + row for row in range(BATCH)],
                "lon_e7": [1_197_000_000 + prev for _ in range(BATCH)],
                "speed_cm_s": [1500 + row % 7 for row in range(BATCH)],
                "altitude_msl_dm": [6000 + row for row in range(BATCH)],
                "fix_mode": 2,
            }
            group = group_of("fix", "", times, prev, cells)
            body = bytes(wire.encode_group(group, prev))
            history.write([Chunk(UNIT, EPOCH, "track", A, prev, group, body, NOW_MS)])
        dirty_hours.add(desk.connection, history.take_touched())
        desk.connection.execute("COMMIT")


def timed_steps(connection: sqlite3.Connection, housekeeper: Housekeeper, now_ms: int) -> list[float]:
    took: list[float] = []
    while True:
        began_s = time.perf_counter()
        has_more = transaction(connection, lambda: housekeeper.step(now_ms))
        took.append(1000 * (time.perf_counter() - began_s))
        if not has_more:
            return took


def transaction(connection: sqlite3.Connection, work: Callable[[], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    done = work()
    connection.execute("COMMIT")
    return done


def high(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


def chart(report: Report, desk: Desk, days: int) -> None:
    """The speed of the days whose rows are there, by the day."""
    reader = Reader(desk.folder / "store.sqlite3", desk.histories)
    from_ms = begin_of(NOW_MS) - (days // 2 - 3) * DAY_MS
    question = Question(UNIT, "fix", "gnss", "speed_cm_s", from_ms, begin_of(NOW_MS) - 4 * HOUR_MS, DAY_MS)
    began_s = time.perf_counter()
    parts = answered(question, reader)
    took_ms = 1000 * (time.perf_counter() - began_s)
    began_s = time.perf_counter()
    plain = reader.buckets(UNIT, "fix", "gnss", "speed_cm_s", from_ms, question.to_ms - 1, DAY_MS)
    plain_ms = 1000 * (time.perf_counter() - began_s)
    assert [part.rows for part in parts] == plain.rows
    report.row(f"{len(parts)} days as a chart", took_ms, "ms", "from rows", plain_ms)
    reader.close()
