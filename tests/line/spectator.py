"""Reads the service's stream as a browser does: when each new position came, and how old it was."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from datetime import datetime


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Spectator:
    """`ages_ms` grows with each position that is newer than the unit's last: (arrived, age in ms)."""

    def __init__(self, url: str) -> None:
        self.ages_ms: list[tuple[int, int]] = []
        self._newest_ms: dict[str, int] = {}
        host, port = url.removeprefix("http://").split(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=120)
        self._connection.request("GET", "/api/v1/stream")
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        self._thread = threading.Thread(target=self._read, name="spectator", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while text := self._answer.readline():
                if text.startswith(b"data:"):
                    arrived_ms = now_ms()
                    for unit in json.loads(text[5:]).get("units", []):
                        self._see(unit["unit"], unit["sampled_at"], arrived_ms)

    def _see(self, unit: str, sampled_at: str | None, arrived_ms: int) -> None:
        """An update may also tell of something else, with the position of before."""
        sampled_ms = 0 if sampled_at is None else int(datetime.fromisoformat(sampled_at).timestamp() * 1000)
        if sampled_ms > self._newest_ms.get(unit, 0):
            self._newest_ms[unit] = sampled_ms
            self.ages_ms.append((arrived_ms, arrived_ms - sampled_ms))

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()

    def between(self, begin_ms: int, end_ms: int) -> list[int]:
        return [age for at, age in list(self.ages_ms) if begin_ms <= at < end_ms]
