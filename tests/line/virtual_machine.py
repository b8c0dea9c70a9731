"""A machine whose power can be cut: user-mode Linux, a kernel that runs as a process.

Killing its process group drops the guest's page cache, as a cut of power does: what was not synced is gone.
Only the block device forgets; a write to the host's file system survives. Torn sectors, reordered writes and
cards that lie are not seen here (`tests/edge/test_power_cut.py` makes those).

Needs root, Debian's user-mode-linux, kmod, iproute2 and e2fsprogs; on a host with AMX a C compiler too.
"""

from __future__ import annotations

import contextlib
import os
import platform
import queue
import shlex
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.programs import ROOT, find_program
from tests.fixtures.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOST_ADDRESS = "10.77.0.1"
GUEST_ADDRESS = "10.77.0.2"
DISK = "/run/disk"  # in the guest
NETEM = "delay 100ms 30ms loss 3%"  # in each direction
PROGRAMS = {
    "linux.uml": "user-mode-linux",
    "insmod": "kmod",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "debugfs": "e2fsprogs",
}

INIT = """\
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
mkdir -p {disk} /dev/pts
mount -t devpts -o ptmxmode=666 devpts /dev/pts
[ -e /dev/ptmx ] || ln -s pts/ptmx /dev/ptmx
mount -t ext4 /dev/ubda {disk} || {{ echo NO DISK; exec sleep 1000; }}
date -s @{now_s} >/dev/null
ip link set lo up
{network}
export HOME=/run TMPDIR=/run PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={root}
cd /run
{command}
echo EXITED $?
exec sleep 1000
"""

# The kernel delays and loses what leaves; what arrives has to leave through another device first.
NETWORK = """\
ip addr add {address}/24 dev vec0
ip link set vec0 up
modules=/usr/lib/uml/modules/$(uname -r)/kernel
insmod $modules/drivers/net/ifb.ko
for name in sch_netem sch_ingress cls_matchall act_mirred; do insmod $modules/net/sched/$name.ko; done
ip link set ifb0 up
tc qdisc add dev vec0 root netem {netem} &&
tc qdisc add dev vec0 ingress &&
tc filter add dev vec0 parent ffff: matchall action mirred egress redirect dev ifb0 &&
tc qdisc add dev ifb0 root netem {netem} || {{ echo NO NETEM; exec sleep 1000; }}
"""


def require_virtual_machine() -> None:
    """Skip the test where no machine can be made; what is only not installed is a gap."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        pytest.skip("other platform: user-mode Linux is for amd64")
    if os.geteuid() != 0:
        pytest.skip("other platform: not root, who alone may make a network for a virtual machine")
    wanted = {**PROGRAMS, "cc": "gcc libc6-dev"} if _has_amx() else PROGRAMS
    missing = [package for program, package in wanted.items() if find_program(program) is None]
    if missing:
        pytest.skip(f"no virtual machine: apt-get install {' '.join(dict.fromkeys(missing))}")


def _has_amx() -> bool:
    return " amx_tile" in Path("/proc/cpuinfo").read_text()


def _xstate_shim(folder: Path) -> Path:
    built = folder / "xstate_shim.so"
    if not built.exists():
        source = Path(__file__).with_name("xstate_shim.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", built, source], check=True)
    return built


@contextmanager
def namespace() -> Iterator[tuple[str, ...]]:
    """A network of its own with a tap device for one guest; gives what runs a command in it."""
    name = f"ortoo-{os.getpid()}"
    prefix = ("ip", "netns", "exec", name)
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"other platform: no network namespace can be made: {made.stderr.strip()}")
    try:
        for line in (
            "link set lo up",
            "tuntap add tap0 mode tap",
            f"addr add {HOST_ADDRESS}/24 dev tap0",
            "link set tap0 up",
        ):
            subprocess.run([*prefix, "ip", *line.split()], check=True)
        yield prefix
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


class VirtualMachine:
    """One disk, on which a machine is booted and cut again and again."""

    def __init__(
        self, folder: Path, prefix: Sequence[str] = (), *, disk_mib: int = 64, memory_mib: int = 192
    ) -> None:
        self.folder = folder
        self.image = folder / "disk.img"
        self._prefix = list(prefix)
        self._memory_mib = memory_mib
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._seen: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        with self.image.open("wb") as file:
            file.truncate(disk_mib << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True)

    def boot(self, module: str, *arguments: str) -> None:
        """Start the machine; `python -m module` is its only program."""
        assert self._process is None, "it runs"
        self._lines, self._seen = queue.SimpleQueue(), []
        init = self.folder / "init.sh"
        init.write_text(self._init([sys.executable, "-m", module, *arguments]))
        init.chmod(0o755)
        self._process = subprocess.Popen(
            [*self._prefix, *self._kernel(init)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            env=self._environment(),
        )
        self._reader = threading.Thread(target=self._read, args=(self._process, self._lines), daemon=True)
        self._reader.start()

    def _init(self, command: list[str]) -> str:
        network = NETWORK.format(address=GUEST_ADDRESS, netem=NETEM) if self._prefix else ""
        now_s = int(time.time())
        return INIT.format(disk=DISK, now_s=now_s, network=network, root=ROOT, command=shlex.join(command))

    def _kernel(self, init: Path) -> list[str]:
        words = [
            "linux.uml",
            f"mem={self._memory_mib}M",
            "root=/dev/root",
            "rootfstype=hostfs",
            "rootflags=/",
        ]
        words += [
            "ro",
            "quiet",
            f"ubda={self.image}",
            f"init={init}",
            "con=null",
            "con0=null,fd:1",
            "con1=null",
        ]
        return [*words, "vec0:transport=tap,ifname=tap0,depth=64"] if self._prefix else words

    def _environment(self) -> dict[str, str]:
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder),
            "TMPDIR": "/dev/shm",
        }
        return {**environment, "LD_PRELOAD": str(_xstate_shim(self.folder))} if _has_amx() else environment

    @staticmethod
    def _read(process: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if line.endswith("\n"):  # else the cut was in the middle of it
                    lines.put(line.rstrip())

    def wait_for(self, text: str, timeout_s: float) -> None:
        """Read on until a line has `text`; AssertionError with what the machine said instead."""
        deadline_s = time.monotonic() + PATIENCE * timeout_s
        while text not in self._next(deadline_s - time.monotonic()):
            assert time.monotonic() < deadline_s, f"no {text!r} in {timeout_s} s:\n" + "\n".join(self._seen)

    def _next(self, timeout_s: float) -> str:
        with contextlib.suppress(queue.Empty):
            self._seen.append(self._lines.get(timeout=max(timeout_s, 0.01)))
            return self._seen[-1]
        return ""

    def cut(self) -> list[str]:
        """Power off: what was not synced is gone. Every whole line that the machine got out."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE * 10)
            self._reader.join()
            self._process = None
        while not self._lines.empty():
            self._seen.append(self._lines.get())
        return self._seen

    def disk(self, folder: Path) -> Path:
        """What is on the disk, copied into a new folder; the machine must be off."""
        assert self._process is None, "it runs"
        folder.mkdir()
        image = folder.with_suffix(".img")
        image.write_bytes(self.image.read_bytes())
        # As a mount would: the file system's journal is played back. 1: something was corrected.
        checked = subprocess.run(["e2fsck", "-fy", image], check=False, capture_output=True, text=True)
        assert checked.returncode in (0, 1), checked.stdout
        subprocess.run(["debugfs", "-R", f"rdump / {folder}", image], check=True, capture_output=True)
        image.unlink()
        return folder
