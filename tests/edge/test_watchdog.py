"""The watchdog is fed by progress, at a third of its limit, over a real socket."""

import socket
from pathlib import Path

from edge.watchdog import Watchdog


def test_it_is_fed_at_a_third_of_its_limit(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(1)
        watchdog = Watchdog(str(tmp_path / "notify"), 60_000_000)
        watchdog.ready("here")
        for now_ms in range(0, 60_001, 500):
            watchdog.progress(now_ms, f"at {now_ms}")
        watchdog.stopping()
        heard = [line.recv(100).decode() for _ in range(6)]
    fed = [f"WATCHDOG=1\nSTATUS=at {ms}" for ms in (0, 20_000, 40_000, 60_000)]
    assert heard == ["READY=1\nSTATUS=here", *fed, "STOPPING=1"]


def test_without_systemd_it_does_nothing() -> None:
    watchdog = Watchdog(None, None)
    watchdog.ready("")
    watchdog.progress(0, "")
    watchdog.stopping()


def test_a_socket_that_is_gone_harms_nothing(tmp_path: Path) -> None:
    Watchdog(str(tmp_path / "gone"), None).ready("")
    Watchdog("@gone", None).progress(0, "")
