"""A receiver for the tests: bytes on a pty, many times a second, each fix at a place of its own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from edge.simulate.pty_line import PtyLine
from edge.simulate.sentences import Solution, sentences

if TYPE_CHECKING:
    from pathlib import Path

DAY_S = 86_400


class Driver:
    """Drives north-east without end; `fixes` counts the epochs that went to a port with a reader."""

    def __init__(self, link: Path, period_s: float = 0.2, speed: float = 1.0) -> None:
        """With `speed` its clock runs so many times faster, from yesterday on."""
        self.line = PtyLine(link)
        self.fixes = 0
        self._period_s = period_s
        self._speed = speed
        self._begin_s = time.time() - (0 if speed == 1 else DAY_S)
        self._begin_mono_s = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"driver {link.name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(self._period_s):
            number += 1
            if self.line.has_reader:
                self.line.send(self._epoch(number))
                self.fixes += 1

    def _epoch(self, number: int) -> bytes:
        degrees = number * 1e-5
        now_s = self._begin_s + (time.monotonic() - self._begin_mono_s) * self._speed
        solution = Solution(
            round(now_s * 100) * 10, 43.9 + degrees, 116.0 + degrees, 1000.0, 6.9, 35.8, 12, 0.8, 3
        )
        return b"".join(sentences(solution, "GN", decimals=5))

    def halt(self) -> None:
        """Say nothing more."""
        self._stop.set()
        self._thread.join()

    def close(self) -> None:
        self.halt()
        self.line.close()
