"""The outbox loses nothing when power is cut, wherever it is cut.

The real outbox code runs on a disk that forgets what was not synced. Before every single call that changes
the disk an image is made of what a cut would leave there, and opened again: once with no pending write
surviving, once with a random part of them, torn at sectors. Nothing that was promised may be missing, nothing
that was offered for sending may have changed.

The controls run the same with weaker settings of SQLite, and must lose; else the rig would prove nothing.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from edge.outbox import Limits, Outbox, OutboxError, connect
from edge.record import Record
from firmware import wire
from tests.edge.paper_service import Identity, PaperService, rows_of
from tests.edge.power_disk import PowerDisk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMITS = Limits(max_mib=4, tolerance_m=0.0, window_ms=4_000, batch_rows=7)
START_MS = 1_700_000_000_000
SEEDS = range(10)
STEPS = 110
FAILING_STEPS = 50

_names = itertools.count()


@pytest.fixture
def images() -> Iterator[Path]:
    """A folder in memory, where there is such a place: ten thousand images are written to it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


class Promises:
    """What the crew was told, and what went on the air."""

    def __init__(self) -> None:
        self.kept: set[tuple[str, int]] = set()  # (kind, its number)
        self.offered: dict[Identity, tuple[Any, ...]] = {}


class Workload:
    """A unit that records, sends and settles at random, with a service that answers late or never."""

    def __init__(self, seed: int, disk: PowerDisk, promises: Promises, service: PaperService) -> None:
        self.rng = random.Random(seed)
        self.disk = disk
        self.promises = promises
        self.service = service
        self.mono_ms = 0
        self.number = itertools.count(1)
        self.boots = itertools.count(1)
        self.is_timed = False
        self.open()

    def open(self) -> None:
        connection = apsw.Connection("/card/outbox.db", vfs=self.disk.name)
        self.mono_ms = 1000
        try:
            self.outbox = Outbox(connection, f"{next(self.boots):016x}", LIMITS)
        except OutboxError:
            with contextlib.suppress(apsw.Error):
                connection.close()
            raise

    def step(self) -> None:
        self.mono_ms += self.rng.randrange(1, 1500)
        actions: list[tuple[Callable[[], object], int]] = [
            (self.record, 12),
            (lambda: self.outbox.close_windows(self.mono_ms), 4),
            (self.send, 8),
            (self.settle, 5),
            (self.win_clock, 1),
            (lambda: self.outbox.tidy(self.mono_ms), 1),
            (self.outbox.next_conn, 1),
            (self.restart, 1),
        ]
        self.rng.choices([action for action, _ in actions], [weight for _, weight in actions])[0]()

    def record(self) -> None:
        records = [self.one() for _ in range(self.rng.randrange(1, 5))]
        self.outbox.append(records)
        self.promises.kept.update((record.kind, number_of(record.kind, record.values)) for record in records)

    def one(self) -> Record:
        number = next(self.number)
        kind = self.rng.choice(["fix", "fix", "health", "fault"])
        values: dict[str, dict[str, Any]] = {
            "fix": {"lat_e7": number, "lon_e7": 5, "fix_mode": 2},
            "health": {"uptime_s": number},
            "fault": {"part": "test", "code": str(number), "state": 0},
        }
        boot_at_ms = START_MS if self.is_timed else 0
        clock = "gnss" if self.is_timed else "none"
        time_ms = boot_at_ms + self.mono_ms
        source = wire.KINDS[kind].source
        return Record(kind, source, self.outbox.boot, self.mono_ms, time_ms, boot_at_ms, clock, values[kind])

    def send(self) -> None:
        batch = self.outbox.take(self.rng.choice(wire.LANES))
        if batch is None:
            return
        for seq, content in rows_of(batch):
            identity = (batch.epoch, batch.lane, seq)
            assert self.promises.offered.setdefault(identity, content) == content, "a resend differs"
        if self.rng.random() < 0.7:
            self.service.take(batch)

    def settle(self) -> None:
        for epoch in {epoch for epoch, _ in self.service.lanes}:
            self.outbox.settle(self.service.receipt(epoch), conn=1)

    def win_clock(self) -> None:
        self.is_timed = True
        self.outbox.set_clock(START_MS, "gnss")

    def restart(self) -> None:
        self.outbox.close()
        self.is_timed = False
        self.open()


def number_of(kind: str, values: dict[str, Any]) -> int:
    return int(values[{"fix": "lat_e7", "health": "uptime_s", "fault": "code"}[kind]])


def drained(outbox: Outbox) -> dict[Identity, tuple[Any, ...]]:
    """Everything that is still on the unit, black box and unsent fixes too."""
    outbox.close_windows(1 << 40, is_final=True)
    found: dict[Identity, tuple[Any, ...]] = {}
    outbox._db.execute("UPDATE lanes SET mark = 0")  # the black box is handed out again, as after a restore
    for lane in wire.LANES:
        after = None
        while (batch := outbox.take(lane, after)) is not None:
            found.update({(batch.epoch, lane, seq): content for seq, content in rows_of(batch)})
            after = (batch.epoch, batch.last_seq)
    return found


def numbers_in(found: dict[Identity, tuple[Any, ...]]) -> list[tuple[str, int]]:
    out = []
    for _boot, kind, _source, *cells in found.values():
        if kind in ("fix", "health", "fault"):
            names = [field.name for field in (*wire.BASE[1:], *wire.KINDS[kind].fields)]
            out.append((kind, number_of(kind, dict(zip(names, cells, strict=True)))))
    return out


def check_image(folder: Path, promises: Promises) -> str | None:
    """What is wrong with what a cut left, or None."""
    path = folder / "outbox.db"
    if not path.exists():
        return None if not promises.kept else "the file is gone"
    try:
        outbox = Outbox(connect(path), "f" * 16, LIMITS)
        found = drained(outbox)
        outbox.close()
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a complaint)
        return f"will not open: {error!r}"
    numbers = numbers_in(found)
    if len(numbers) != len(set(numbers)):
        return "something stands there twice"
    missing = promises.kept - set(numbers)
    if missing:
        return f"{len(missing)} lost"
    for identity, content in promises.offered.items():
        if found.get(identity) != content:
            return f"{identity} was offered, and is now another"
    return None


def cut_everywhere(
    seed: int, folder: Path, pragma: str | None = None
) -> tuple[int, list[str], PowerDisk, PaperService]:
    """(cuts, what went wrong, the disk, the service) of one workload cut before each call."""
    rng = random.Random(seed)
    disk = PowerDisk(f"power-{next(_names)}")
    promises, wrong, cuts = Promises(), [], 0

    def cut(_what: str) -> None:
        nonlocal cuts
        for survive in ("none", "some"):
            disk.image(folder, rng, survive)
            cuts += 1
            if (complaint := check_image(folder, promises)) is not None:
                wrong.append(f"cut {cuts}: {complaint}")

    service = PaperService()
    workload = Workload(seed, disk, promises, service)
    disk.before_call = cut
    for _ in range(STEPS):
        if pragma is not None:
            workload.outbox._db.execute(pragma)
        workload.step()
    disk.before_call = lambda _what: None
    workload.outbox.close()
    return cuts, wrong, disk, service


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_wherever_power_is_cut(seed: int, images: Path) -> None:
    cuts, wrong, _, service = cut_everywhere(seed, images)
    assert wrong == []
    assert service.conflicts == []
    assert cuts >= 1000


@pytest.mark.parametrize("pragma", ["PRAGMA synchronous=NORMAL", "PRAGMA synchronous=OFF"])
def test_weaker_settings_do_lose(pragma: str, images: Path) -> None:
    _, wrong, _, _ = cut_everywhere(1, images, pragma)
    assert any("lost" in complaint or "open" in complaint for complaint in wrong)


# What SQLite closes after the cut has nobody to tell of its failure.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_unit_goes_on_after_each_cut(images: Path) -> None:
    """Cut, boot, go on, forty times over; in the end the service has every promise, once."""
    rng = random.Random(7)
    disk = PowerDisk(f"power-{next(_names)}")
    promises, service = Promises(), PaperService()
    workload = Workload(7, disk, promises, service)
    for _ in range(40):
        for _ in range(rng.randrange(1, 40)):
            workload.step()
        at = disk.calls + rng.randrange(1, 30)
        disk.before_call = functools.partial(_raise_at, disk, at)
        while disk.calls < at:
            try:
                workload.step()
            except OutboxError:
                break
        disk.before_call = lambda _what: None
        disk.image(images, rng, rng.choice(["none", "some", "all"]))
        disk = workload.disk = PowerDisk(f"power-{next(_names)}")
        disk.load(images, "/card")
        workload.is_timed = False
        workload.open()
    for _ in range(400):
        workload.outbox.close_windows(1 << 40, is_final=True)
        for lane in wire.LANES:
            if (batch := workload.outbox.take(lane)) is not None:
                service.take(batch)
        workload.settle()
    assert workload.outbox.depth(workload.mono_ms).rows == 0
    numbers = numbers_in(service.rows)
    assert len(numbers) == len(set(numbers))
    assert promises.kept - set(numbers) == set()
    assert service.conflicts == []
    assert service.forks == 0


# What SQLite closes after an error has nobody to tell of its own.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("what", "error", "most"),
    [
        ("write", apsw.FullError, 1),
        ("write", apsw.IOError, 2),
        ("sync", apsw.IOError, 1),
        ("sync", apsw.IOError, 3),
    ],
)
def test_any_write_and_sync_may_fail(what: str, error: type[apsw.Error], most: int, images: Path) -> None:
    """Each of a workload in turn, and those behind it; the unit reopens, goes on, then its power is cut."""
    calls, complaint = failing_at(0, what, error, most, images)
    assert complaint is None
    assert calls > (200 if what == "write" else 30)
    wrong = {at: failing_at(at, what, error, most, images)[1] for at in range(1, calls + 1)}
    assert {at: complaint for at, complaint in wrong.items() if complaint is not None} == {}


def failing_at(
    at: int, what: str, error: type[apsw.Error], most: int, folder: Path
) -> tuple[int, str | None]:
    """(calls of that sort, what is wrong after a cut) when so many fail from one on; at 0 none does."""
    disk = PowerDisk(f"power-{next(_names)}")
    promises, service = Promises(), PaperService()
    workload = Workload(3, disk, promises, service)
    calls = 0

    def failing(call: str) -> type[apsw.Error] | None:
        nonlocal calls
        calls += call == what
        return error if call == what and 0 < at <= calls < at + most else None

    disk.failing = failing
    for _ in range(FAILING_STEPS):
        try:
            workload.step()
        except OutboxError:
            reopen(workload)
    disk.failing = lambda _call: None
    assert (disk.injected > 0) == (at > 0)
    disk.image(folder, random.Random(at), "none")
    return calls, "a resend differed" if service.conflicts else check_image(folder, promises)


def reopen(workload: Workload) -> None:
    while True:
        try:
            workload.restart()
            return
        except OutboxError:
            continue


def _raise_at(disk: PowerDisk, at: int, _what: str) -> None:
    if disk.calls >= at:
        raise apsw.IOError("power is gone")
