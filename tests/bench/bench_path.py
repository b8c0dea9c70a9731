"""Where the time goes from a packet to the receipt, and from a question to its text: step by step.

No network: processor time of this process for groups of a thousand batches of 60 fixes from a hundred units,
as a service takes them that catches up; each step with the service's own parts. What is left of the whole is
judging, booking and showing. The reference of every step is the whole that it is a part of.
"""

import tempfile
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from ingest.api.asked import AskedTrack
from ingest.api.formats import json_text
from ingest.api.track import read_fixes
from ingest.bulk import decode_all
from ingest.frames import cut
from ingest.history.chunk import AHEAD_MS, Chunk, pieces
from ingest.history.influx_lines import lines
from ingest.history.influx_server import LEVEL
from ingest.history.sqlite import SqliteHistory
from ingest.history.sqlite_schema import prepare
from ingest.intake import Message
from ingest.ledger.files import open_store
from ingest.pipeline import Limits, calm_collector
from tests.bench.bench_query import DAY_MS, STEP_S, UNIT, month
from tests.bench.flood import payloads, text
from tests.bench.report import Report
from tests.bench.stopwatch import taken_ms
from tests.bench.stores import END_MS, Store, bare_bodies
from tests.fixtures.packets import packet
from tests.ingest.api.parts import Parts
from tests.ingest.made import Desk, PaperBroker

UNITS, ROWS, EACH = 100, 60, 10  # batches of a unit in one group
RUNS = 7
FIXES = UNITS * ROWS * EACH


class Deaf(PaperBroker):
    """Is told, and remembers nothing."""

    def ack(self, messages: Iterable[Message]) -> None:
        pass

    def publish_receipts(self, receipts: list[tuple[str, bytes]]) -> bool:
        return True


def taken_us(works: Iterable[Callable[[], object]]) -> list[float]:
    """Processor time for a fix, of each."""
    out = []
    for work in works:
        began_s = time.process_time()
        work()
        out.append(1e6 * (time.process_time() - began_s) / FIXES)
    return out


def whole_groups(folder: Path, groups: list[list[bytes]]) -> list[float]:
    """The pipeline's own round: decoded, judged, stored, committed, answered, shown."""
    desk = Desk(folder, Limits(group_messages=UNITS * EACH, group_ms=0))
    desk.time.now_ms = time.time_ns() // 1_000_000  # else the flood's fixes are from the future
    desk.broker = desk.pipeline._broker = Deaf()

    def fill(group: list[bytes]) -> Callable[[], object]:
        for payload in group:
            for unit in range(UNITS):
                desk.put(payload, f"u-{unit}")
        return lambda: desk.pipeline.step(desk.stop)

    taken = taken_us(map(fill, groups))
    desk.connection.close()
    return taken[1:]  # without the group in which every unit is met for the first time


def packets(group: list[bytes]) -> bytes:
    """As they come from the socket."""
    return b"".join(
        packet(0x32, text(f"ortoo/v1/u-{unit}/batch") + b"\0\1" + payload)
        for payload in group
        for unit in range(UNITS)
    )


def chunks(group: list[bytes]) -> list[Chunk]:
    found = []
    for decoded in decode_all(group * UNITS):
        assert isinstance(decoded, tuple)
        batch, bodies = decoded
        unit = f"u-{len(found) // EACH}"
        head = (unit, batch.epoch, batch.lane, batch.boot, batch.prev)
        found.append(Chunk(*head, batch.groups[0], bodies[0], END_MS))
    return found


def written(folder: Path, groups: list[list[bytes]]) -> list[float]:
    """Chunks into SQLite, committed."""
    connection = open_store(folder / "bare.sqlite3")
    prepare(connection)
    history = SqliteHistory(connection)

    def put(some: list[Chunk]) -> None:
        connection.execute("BEGIN")
        history.write(some)
        connection.execute("COMMIT")

    taken = taken_us(lambda own=own: put(own) for own in map(chunks, groups))  # type: ignore[misc]
    connection.close()
    return taken


def formed(some: list[Chunk]) -> str:
    return "\n".join(lines(piece, AHEAD_MS) for chunk in some for piece in pieces(chunk, AHEAD_MS))


def arriving(folder: Path, report: Report) -> None:
    calm_collector()
    made = payloads(EACH * (RUNS + 1), ROWS)
    groups = [made[at : at + EACH] for at in range(0, len(made), EACH)]
    whole, name = whole_groups(folder, groups), "the whole group"
    report.row(f"{name}: decoded, stored, answered, shown", whole, "us/fix")
    streams = [packets(group) for group in groups]
    steps = {
        "before it: packets cut": taken_us(lambda own=own: cut(own, is_5=False) for own in streams),  # type: ignore[misc]
        "of it: decoded and checked": taken_us(lambda own=own: decode_all(own * UNITS) for own in groups),  # type: ignore[misc]
        "of it: chunks in SQLite, committed": written(folder, groups),
    }
    for step, taken in steps.items():
        report.row(step, taken, "us/fix", name, whole)
    some = [chunks(group) for group in groups]
    report.row(
        "with InfluxDB instead: lines formed",
        taken_us(lambda own=own: formed(own) for own in some),  # type: ignore[misc]
        "us/fix",
        name,
        whole,
    )
    bodies = [formed(own).encode() for own in some]
    report.row(
        "with InfluxDB: packed",
        taken_us(lambda own=own: zlib.compress(own, LEVEL, wbits=31) for own in bodies),  # type: ignore[misc]
        "us/fix",
        name,
        whole,
    )


def asking(folder: Path, report: Report) -> None:
    """A day's track of a month."""
    store = Store(folder / "month.sqlite3")
    month(store)
    store.close()
    parts = Parts(store.path, now_ms=END_MS)
    asked = AskedTrack(UNIT, END_MS - DAY_MS, END_MS, 0, None)
    ready = list(read_fixes(parts.context.reader, asked))
    whole = taken_ms(lambda: b"".join(json_text(asked, read_fixes(parts.context.reader, asked))))
    name = f"a day's track of {DAY_MS // 1000 // STEP_S:,} fixes as JSON"
    report.row(name, whole, "ms")
    steps: dict[str, Callable[[], object]] = {
        "of it: blobs fetched": lambda: bare_bodies(store.path, UNIT, "fix", asked.from_ms, asked.to_ms),
        "of it: blobs fetched and decoded": lambda: list(read_fixes(parts.context.reader, asked)),
        "of it: text": lambda: b"".join(json_text(asked, iter(ready))),
    }
    for step, work in steps.items():
        report.row(step, taken_ms(work), "ms", "the whole answer", whole)
    parts.close()


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as name:
        arriving(Path(name), report)
        asking(Path(name), report)
