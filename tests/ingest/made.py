"""Batches made by hand, and the pipeline's real parts around a broker on paper."""

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from firmware import wire
from ingest.alerting import Terms
from ingest.history.factory import Histories, SqliteHistories
from ingest.intake import Intake, Message
from ingest.ledger import quarantine
from ingest.ledger.files import open_store
from ingest.ledger.quarantine import Refused
from ingest.live import Live
from ingest.metrics import Metrics
from ingest.pipeline import Limits, Pipeline
from ingest.telling import Manners
from ingest.watchman import Watchman

NOW_MS = 1_795_251_600_000  # 2026-11-21T09:00:00Z
BOOT_AT_MS = NOW_MS - 86_400_000
UNIT = "library-01"
EPOCH, OTHER_EPOCH = "00112233445566aa", "ffeeddccbbaa9988"
A, B, C = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc"
NONE, RTC, GNSS = (wire.CLOCKS.index(word) for word in ("none", "rtc", "gnss"))

LEAST: dict[str, dict[str, Any]] = {
    "fix": {"fix_mode": 2, "lat_e7": 492122000, "lon_e7": 1197658000, "speed_cm_s": 100},
    "fault": {"part": "gnss", "code": "silent", "state": 0},
    "clock_set": {"step_ms": 0, "was": 0},
}


def group(kind: str, seqs: Iterable[int], source: str = "", **cells: Any) -> wire.Group:
    """Rows of these seqs, a second apart; a cell is a value for all rows or a function of the seq."""
    rows = list(seqs)
    base = {"time_ms": lambda seq: NOW_MS - 3_600_000 + 1000 * seq, "boot_at_ms": BOOT_AT_MS, "clock": GNSS}
    known: dict[str, Any] = {**base, **LEAST.get(kind, {}), **cells}
    columns: dict[str, list[Any]] = {"seq": rows}
    for field in (*wire.BASE[1:], *wire.KINDS[kind].fields):
        cell = known.get(field.name)
        columns[field.name] = [cell(seq) if callable(cell) else cell for seq in rows]
    return wire.Group(kind, source or wire.KINDS[kind].source, columns)


def batch_of(
    groups: Sequence[wire.Group],
    prev: int | None = None,
    boot: str = A,
    prev_boot: str | None = None,
    epoch: str = EPOCH,
) -> wire.Batch:
    """A batch that follows the row just before its first, unless told otherwise."""
    lane = wire.KINDS[groups[0].kind].lane
    before = min(group.columns["seq"][0] for group in groups) - 1 if prev is None else prev
    return wire.Batch(epoch, lane, before, boot, prev_boot, list(groups))


def fixes(
    seqs: Iterable[int],
    prev: int | None = None,
    boot: str = A,
    prev_boot: str | None = None,
    epoch: str = EPOCH,
    **cells: Any,
) -> bytes:
    """A batch of the track lane."""
    return wire.encode_batch(batch_of([group("fix", seqs, **cells)], prev, boot, prev_boot, epoch))


def birth(conn: int, state: str = "online", epoch: str = EPOCH, **more: Any) -> bytes:
    """A birth, or a will."""
    said = {"conn": conn, "state": state}
    if state == "online":
        said |= {"epoch": epoch, "boot": A, "software": "test", **more}
    return wire.encode_json("birth", said)


class PaperTime:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def utc_ms(self) -> int:
        return self.now_ms

    def mono_s(self) -> float:
        return self.now_ms / 1000


class PaperBroker:
    """Writes down what the pipeline tells the broker."""

    def __init__(self) -> None:
        self.acked: list[int] = []
        self.published: list[tuple[str, dict[str, Any]]] = []
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.is_connected = True

    def ack(self, messages: Iterable[Message]) -> None:
        self.acked += [message.mid for message in messages]

    def publish_receipts(self, receipts: list[tuple[str, bytes]]) -> bool:
        self.published += [(topic, wire.decode_json("receipt", payload)) for topic, payload in receipts]
        return True

    def publish(self, topic: str, payload: bytes) -> bool:
        self.commands.append((topic, wire.decode_json("command", payload)))
        return self.is_connected

    def tend(self) -> None:
        pass


class Desk:
    """A pipeline on a store in a folder, fed by hand."""

    def __init__(
        self,
        folder: Path,
        limits: Limits | None = None,
        histories: Histories | None = None,
        manners: Manners | None = None,
    ) -> None:
        self.folder, self.limits = folder, limits or Limits(group_ms=0)
        self.manners = manners or Manners()
        self.histories = histories or SqliteHistories()
        self.time, self.broker, self.mid = PaperTime(), PaperBroker(), 0
        self.stop = threading.Event()
        self.open()

    def store(self) -> sqlite3.Connection:
        connection = open_store(self.folder / "store.sqlite3")
        self.histories.prepare(connection)
        return connection

    def open(self) -> None:
        self.connection = self.store()
        self.intake, self.live, self.metrics = Intake(), Live(), Metrics()
        self.pipeline = Pipeline(
            self.connection,
            self.intake,
            self.broker,
            self.live,
            self.metrics,
            self.time,
            self.limits,
            self.histories,
            Watchman(Terms(), self.manners),
        )

    def kill(self) -> None:
        """Lose whatever is not committed, as a killed process does, and start again."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.connection.close()
        self.open()

    def put(self, payload: bytes, unit: str = UNIT, leaf: str = "batch", *, is_retained: bool = False) -> int:
        self.mid += 1
        topic = wire.topic(unit, leaf)
        message = Message(topic, payload, self.mid, 1, is_retained, 1, self.time.mono_s())
        if leaf == "live":
            self.intake.put_live(message)
        else:
            self.intake.put(message)
        return self.mid

    def send(self, *payloads: bytes, unit: str = UNIT, leaf: str = "batch") -> dict[str, Any]:
        """Store these in one group; the receipt that follows, empty when there is none."""
        before = len(self.broker.published)
        for payload in payloads:
            self.put(payload, unit, leaf)
        self.pipeline.step(self.stop)
        return self.broker.published[-1][1] if len(self.broker.published) > before else {}

    def mark(self, receipt: dict[str, Any], lane: str = "track") -> int:
        mark: int = receipt["lanes"][lane]["mark"]
        return mark

    def stored(self, kind: str = "fix", unit: str = UNIT, *, to_ms: int = wire.MAX_TIME_MS) -> wire.Group:
        return self.histories.on(self.connection).read(unit, kind, None, 0, to_ms)

    def seqs(self, kind: str = "fix", unit: str = UNIT) -> list[int]:
        return sorted(self.stored(kind, unit).columns["seq"])

    def refused(self) -> list[Refused]:
        return quarantine.newest(self.connection, 1000)

    def refused_payload(self, refused_id: int) -> bytes:
        return quarantine.payload(self.connection, refused_id) or b""

    def count(self, name: str, cause: str) -> float:
        return self.metrics.registry.get_sample_value(f"ortoo_{name}_total", _labels(name, cause)) or 0.0


def _labels(name: str, cause: str) -> dict[str, str]:
    from ingest.metrics import COUNTERS

    return {COUNTERS[name][0]: cause}
