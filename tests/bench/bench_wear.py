"""What an hour costs the unit's card: syncs and bytes by the agent's own intake, outbox and courier.

Simulated time on a disk in memory that counts (tests/edge/power_disk.py); ten minutes are lived again on a
real file under strace, as reference. Online the service's receipts come at once, which makes the most marks.
Two fixes share a commit here, as they do where they come on time; one each nearly doubles syncs and bytes.

The budget: a card of 32 GB whose cells bear 3,000 erasures. A sync costs at least a flash page of 16 KiB, and
the card writes four times what it is given: a common card with a page map. A card that erases a whole block
of 4 MiB for each sync is the worst there is; then only the syncs count. The file system's own journal is not
in it: the log keeps its length between checkpoints, so a sync of it changes no metadata.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from edge.courier import Courier
from edge.mqtt import Came, Event, Opened
from edge.outbox import Limits, Outbox
from edge.sources.faults import Faults
from edge.uplink import Uplink
from firmware import wire
from tests.bench.lived import SteppedTime, intake, live
from tests.bench.tracks import BEGIN_MS, Fix, drive
from tests.edge.paper_service import PaperService
from tests.edge.power_disk import OpenFile, PowerDisk
from tests.fixtures.programs import ROOT

if TYPE_CHECKING:
    from tests.bench.report import Report

HOUR_S, WARM_S = 3600, 60
CARD_BYTES = 32e9 * 3000
FLASH_PAGE_BYTES, AMPLIFICATION, ERASE_BLOCK_BYTES = 16_384, 4, 4 << 20
HOURS_A_YEAR = 8766
TRACED_S = 600
WRITES = re.compile(r"pwrite64\(.*\)\s+= (\d+)$", re.MULTILINE)
SYNCS = re.compile(r"(?:fdatasync|fsync)\(.*\)\s+= 0$", re.MULTILINE)


class PaperLine:
    """A line to a service of paper: all arrives, and the receipt is there at the next look."""

    address = "paper:1883"

    def __init__(self) -> None:
        self._service = PaperService()
        self._events: list[Event] = []
        self._conn = 0
        self._numbers = itertools.count(1)

    def open(self, will: bytes, *, is_clock_good: bool = True) -> None:
        assert is_clock_good
        self._conn = wire.decode_json("birth", will)["conn"]
        self._events.append(Opened("5"))

    def subscribe(self) -> None:
        pass

    def publish(self, leaf: str, payload: bytes, *, is_retained: bool = False) -> int:
        assert is_retained == (leaf == "birth")
        if leaf == "batch":
            batch = wire.decode_batch(payload)
            self._service.take(batch)
            told = self._service.receipt(batch.epoch, self._conn)
            told.pop("v")
            self._events.append(Came("receipt", wire.encode_json("receipt", told)))
        return next(self._numbers)

    def publish_now(self, _leaf: str, _payload: bytes) -> bool:
        return True

    def events(self) -> list[Event]:
        found, self._events = self._events, []
        return found


def courier_on(line: PaperLine, time: SteppedTime) -> Courier:
    """The agent's own, on a line of paper, with the settings of `example.toml`."""
    uplink = Uplink(window=2, receipt_timeout_ms=30_000, live_period_ms=1000, random=lambda: 0.5)
    birth: dict[str, Any] = {"software": "bench", "name": None, "capabilities": []}
    return Courier(
        line,  # type: ignore[arg-type] # all that the courier asks of one
        uplink,
        Faults("uplink", lambda _reading: None, time.mono_ms),
        birth=birth,
        batch_rows=240,
        batch_bytes=2048,
        is_deflated=True,
    )


def parked(seconds: int) -> list[Fix]:
    """The first fix of a drive, with the noise of a receiver that stands."""
    first, *_ = drive(1)
    moving = drive(seconds, seed=2)
    return [
        {
            **first,
            "speed_cm_s": 0,
            "lat_e7": first["lat_e7"] + fix["satellites"] * 5 % 97,
            "lon_e7": first["lon_e7"] + fix["hdop_c"] % 89,
        }
        for fix in moving
    ]


class CountingFile(OpenFile):
    """As SQLite finds a file of Linux: a write damages nothing beside it, so no sector is filled up."""

    def xDeviceCharacteristics(self) -> int:
        return int(apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE)

    def xSectorSize(self) -> int:
        return 4096


class CountingDisk(PowerDisk):
    def xOpen(self, name: Any, flags: list[int]) -> Any:
        super().xOpen(name, flags)
        path = name.filename() if hasattr(name, "filename") else str(name)
        return CountingFile(self, path, self.files[path])


class Hour:
    """Syncs and bytes on a disk that counts, of all but the first `warm_s` seconds."""

    def __init__(self, fixes: list[Fix], *, is_online: bool, warm_s: int = WARM_S) -> None:
        self._disk = CountingDisk("wear")
        time = SteppedTime()
        taken = intake(Path("/wear/outbox.db"), time, open_file=self._open)
        courier = courier_on(PaperLine(), time) if is_online else None
        self._begin = (0, 0)

        def after(now_ms: int) -> None:
            if now_ms == warm_s * 1000:
                self._begin = self._disk.syncs, self._disk.written_bytes
            if courier is not None:
                for _ in range(2):  # sends, then hears
                    courier.step(
                        taken.outbox or self._missing(), now_ms, is_waiting=False, is_clock_good=True
                    )

        live(taken, time, fixes, BEGIN_MS, after)
        self.syncs = self._disk.syncs - self._begin[0]
        self.written_bytes = self._disk.written_bytes - self._begin[1]
        taken.close(time.now_ms)
        self._disk.unregister()

    def _open(self, path: Path, boot: str, limits: Limits, _damage: str | None) -> tuple[Outbox, None]:
        return Outbox(apsw.Connection(str(path), vfs=self._disk.name), boot, limits), None

    @staticmethod
    def _missing() -> Outbox:
        raise AssertionError("the outbox is not open")


def on_a_file(seconds: int) -> tuple[int, int]:
    """(syncs, bytes) of a real process on a real file, as the kernel was asked for them."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "strace"
        command: list[str | Path] = ["strace", "-f", "-o", log, "-e", "trace=pwrite64,fdatasync,fsync"]
        unit = [sys.executable, "-m", "tests.bench.bench_wear", folder, str(seconds)]
        subprocess.run([*command, *unit], cwd=ROOT, check=True)
        text = log.read_text()
        return len(SYNCS.findall(text)), sum(map(int, WRITES.findall(text)))


def live_on_a_file(folder: Path, seconds: int) -> None:
    time = SteppedTime()
    taken = intake(folder / "outbox.db", time)
    live(taken, time, drive(seconds), BEGIN_MS)


def years(syncs: int, written_bytes: int) -> tuple[float, float]:
    """How long a common card lasts, and the worst, if the vehicle never stopped."""
    common_bytes = max(written_bytes, syncs * FLASH_PAGE_BYTES) * AMPLIFICATION
    worst_bytes = syncs * ERASE_BLOCK_BYTES
    return CARD_BYTES / common_bytes / HOURS_A_YEAR, CARD_BYTES / worst_bytes / HOURS_A_YEAR


def run(report: Report) -> None:
    seconds = WARM_S + HOUR_S
    for name, fixes, is_online in (
        ("driving, offline", drive(seconds), False),
        ("driving, online", drive(seconds), True),
        ("parked, offline", parked(seconds), False),
        ("parked, online", parked(seconds), True),
    ):
        hour = Hour(fixes, is_online=is_online)
        common, worst = years(hour.syncs, hour.written_bytes)
        report.row(f"{name}: syncs", hour.syncs / HOUR_S, "/s", "fixes", 1, "<= 2")
        report.row(f"{name}: written", hour.written_bytes / 1e6, "MB/h", "fixes as JSON", HOUR_S * 140 / 1e6)
        report.row(f"{name}: a common card lasts", common, "years", "the worst card", worst, ">= 10")
    syncs, written = on_a_file(TRACED_S)
    counted = Hour(drive(TRACED_S), is_online=False, warm_s=0)
    report.row("strace of a real file: syncs", syncs, "", "counting disk", counted.syncs)
    report.row(
        "strace of a real file: written", written / 1e6, "MB", "counting disk", counted.written_bytes / 1e6
    )


if __name__ == "__main__":
    live_on_a_file(Path(sys.argv[1]), int(sys.argv[2]))
