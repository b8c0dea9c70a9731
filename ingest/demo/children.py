"""Programs of the demo: each with a bounded log, ended in order, and gone when the demo itself is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAX_LOG_BYTES = 1 << 20  # then the log is kept once more as NAME.log.1 and begun anew
TAIL_LINES = 15


class BoundedLog:
    """A file that is set aside once it is full, so that a demo may run for months."""

    def __init__(self, path: Path, max_bytes: int = MAX_LOG_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._max_bytes = max_bytes
        self._file = path.open("ab")
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    def write(self, line: bytes) -> None:
        """Keep one line."""
        if self._file.tell() + len(line) > self._max_bytes:
            self._file.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._file = self._path.open("ab")
        self._file.write(line)
        self._file.flush()
        self.tail.append(line.decode(errors="replace").rstrip())

    def close(self) -> None:
        """Let the file go; what was written stays."""
        self._file.close()


class Child:
    """One program, in a session of its own: Ctrl-C reaches the demo alone, which ends all in order."""

    def __init__(self, name: str, command: Sequence[str], log_path: Path) -> None:
        self.name = name
        self._log = BoundedLog(log_path)
        self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
            [*_ended_with_us(), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, output: IO[bytes]) -> None:
        for line in output:
            self._log.write(line)

    @property
    def tail(self) -> list[str]:
        """The last lines it said."""
        return list(self._log.tail)

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.poll()

    def end(self, patience_s: float) -> None:
        """SIGTERM, then SIGKILL to whatever is left of its group."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience_s)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(1)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()


def _ended_with_us() -> list[str]:
    """On Linux the kernel ends a child whose parent was killed and could not say goodbye."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


def end_all(children: Sequence[Child], patience_s: float = 1.3) -> None:
    """End them in this order: who sends before who receives."""
    for child in children:
        child.end(patience_s)
