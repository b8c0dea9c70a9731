"""Programs of the demo end in order, keep bounded logs, and do not outlive a killed demo."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from ingest.demo.children import BoundedLog, Child
from tests.fixtures.waiting import wait_until

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER
PARENT = """
import sys, time
from pathlib import Path
from ingest.demo.children import Child
child = Child("x", [sys.executable, "-c", sys.argv[1]], Path(sys.argv[2]))
print(child._process.pid, flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    """Whether that process runs; one that ended and that nobody asked for does not count."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_full_log_is_kept_once_and_begun_anew(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "a.log", max_bytes=100)
    for number in range(30):
        log.write(b"line %02d\n" % number)
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1"]
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())
    assert list(log.tail)[-1] == "line 29"


def test_a_child_that_ends_leaves_code_and_last_words(tmp_path: Path) -> None:
    child = Child("x", [sys.executable, "-c", "print('why'); raise SystemExit(3)"], tmp_path / "x.log")
    assert wait_until(lambda: child.poll() is not None and child.tail)
    assert (child.poll(), child.tail) == (3, ["why"])
    child.end(1)


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    child = Child("x", [sys.executable, "-c", DEAF], tmp_path / "x.log")
    wait_until(lambda: child.tail == ["up"])
    child.end(0.1)
    assert child.poll() == -signal.SIGKILL


def test_a_child_ends_when_the_demo_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, SLEEPER, str(tmp_path / "x.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_until(lambda: (tmp_path / "x.log").read_text() == "up\n")
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), 15)
