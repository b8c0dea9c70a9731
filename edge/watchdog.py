"""systemd's watchdog, fed by progress: by a loop that went round and a commit that went through, never by a
timer.

`sd_notify` is a datagram to the socket that systemd names; without one all of this does nothing.
"""

from __future__ import annotations

import contextlib
import socket


class Watchdog:
    """`address` and `timeout_us` are the environment's NOTIFY_SOCKET and WATCHDOG_USEC."""

    def __init__(self, address: str | None, timeout_us: int | None) -> None:
        self._address = None if not address else "\0" + address[1:] if address[0] == "@" else address
        # Fed at a third of the limit: one lost turn is no reason to restart.
        self._period_ms = None if not timeout_us else timeout_us // 3000
        self._fed_ms: int | None = None

    def ready(self, status: str) -> None:
        self._tell(f"READY=1\nSTATUS={status}")

    def stopping(self) -> None:
        self._tell("STOPPING=1")

    def progress(self, now_ms: int, status: str) -> None:
        """The loop went round and nothing is stuck."""
        if self._period_ms is None and self._address is None:
            return
        period_ms = 30_000 if self._period_ms is None else self._period_ms
        if self._fed_ms is None or now_ms - self._fed_ms >= period_ms:
            self._fed_ms = now_ms
            self._tell(f"WATCHDOG=1\nSTATUS={status}")

    def _tell(self, text: str) -> None:
        if self._address is None:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(text.encode(), self._address)
