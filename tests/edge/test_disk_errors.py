"""The intake on a real file while the kernel answers with errors at syncs and writes, or a read-only card."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from edge.outbox import Limits, open_outbox
from tests.edge.made import BOOT
from tests.fixtures.programs import ROOT, find_program

RECORDER = """
import sys
from pathlib import Path
from edge.clock import Clock
from edge.intake import Intake
from edge.outbox import Limits
from edge.record import fault
from edge.time_source import ScaledTime

class Moment(ScaledTime):
    now_ms = 0
    def mono_ms(self):
        return self.now_ms

time = Moment()
intake = Intake(Path(sys.argv[1]), Limits(max_mib=4), time, Clock, group_ms=0, anchor_radius_m=0)
for number in range(1, 41):
    intake.take(fault("test", str(number), time.now_ms))
    is_told = False
    while not is_told:
        time.now_ms += 6000
        is_told = intake.commit(time.now_ms)
    print(number, flush=True)
while intake.waiting:
    time.now_ms += 6000
    intake.commit(time.now_ms)
intake.close(time.now_ms)
"""

CHANGES = "pwrite64,fdatasync,fsync,ftruncate,unlink"


@pytest.mark.parametrize(
    "injected",
    [
        *(f"fdatasync,fsync:error=EIO:when={first}..{first + 2}" for first in range(2, 34, 4)),
        "fdatasync,fsync:error=EIO:when=5+5",
        *(f"pwrite64:error=ENOSPC:when={first}..{first + 30}" for first in (5, 40, 90, 120)),
        *(f"pwrite64:error=EIO:when={first}..{first + 5}" for first in (10, 41, 83, 140)),
        # What an ext4 does to everything once it has met an error: remounted read-only, later mounted anew.
        *(f"{CHANGES}:error=EROFS:when={first}..{first + 60}" for first in (5, 50, 100)),
    ],
)
def test_no_false_success_nothing_lost_nothing_twice(tmp_path: Path, injected: str) -> None:
    strace = find_program("strace")
    if strace is None:
        pytest.skip("strace is not installed: apt-get install strace")
    path, log = tmp_path / "unit" / "outbox.db", tmp_path / "strace.log"
    traced = ["-f", "-qq", "-o", log, "-e", f"trace={CHANGES}", "-e", f"inject={injected}"]
    done = subprocess.run(
        [strace, *traced, sys.executable, "-c", RECORDER, path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=300,
        check=False,
    )
    if "ptrace" in done.stderr and "not permitted" in done.stderr:
        pytest.skip("may not trace")
    assert done.returncode == 0, done.stderr
    assert log.read_text().count("INJECTED") >= 2, "no error came, so this proves nothing"
    outbox, salvage = open_outbox(path, BOOT, Limits(max_mib=4))
    assert salvage is None
    found: Counter[str] = Counter()
    after = None
    while (batch := outbox.take("event", after)) is not None:
        after = (batch.epoch, batch.last_seq)
        found.update(code for group in batch.groups for code in group.columns["code"])
    outbox.close()
    assert {code: count for code, count in found.items() if code.isdigit()} == {
        str(number): 1 for number in range(1, 41)
    }
