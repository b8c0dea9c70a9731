"""A slow link between two machines: a network namespace whose only way out is a pair of rate-limited devices.

The kernel's `tbf` holds each direction at the rate and queues what comes faster, as a modem does, so TCP, its
acknowledgements and its buffers are the real ones. Needs root and iproute2.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST_ADDRESS, FAR_ADDRESS = "10.78.0.1", "10.78.0.2"
BURST_BYTES = 3000
LONGEST_QUEUE_S = 3
ETHERNET_BYTES = 14  # of each packet; a modem sends none of them
DEVICE_LETTERS = 15  # the kernel's most


@dataclass(frozen=True)
class SlowLink:
    """`prefix` runs a command on the far side, which reaches this side at `host`."""

    prefix: tuple[str, ...]
    near: str
    far: str
    host: str = HOST_ADDRESS

    def up_bytes(self) -> int:
        """IP bytes that have left the far side so far, TCP's own included."""
        return _passed_bytes([*self.prefix, "tc"], self.far)

    def down_bytes(self) -> int:
        return _passed_bytes(["tc"], self.near)


def _passed_bytes(tc: list[str], device: str) -> int:
    command = [*tc, "-s", "-j", "qdisc", "show", "dev", device, "root"]
    told: list[dict[str, Any]] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return int(told[0]["bytes"] - ETHERNET_BYTES * told[0]["packets"])


@contextmanager
def slow_link(kbit_per_s: int) -> Iterator[SlowLink]:
    """The link, the same rate each way; skips where no namespace can be made."""
    name = f"ortoo-slow-{os.getpid()}"
    near, far = (f"or{end}{os.getpid()}"[:DEVICE_LETTERS] for end in "nf")
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"other platform: no network namespace can be made: {made.stderr.strip()}")
    prefix = ("ip", "netns", "exec", name)
    limit = f"root tbf rate {kbit_per_s}kbit burst {BURST_BYTES} latency {LONGEST_QUEUE_S}s"
    try:
        for line in (
            f"ip link add {near} type veth peer name {far} netns {name}",
            f"ip addr add {HOST_ADDRESS}/24 dev {near}",
            f"ip link set {near} up",
            f"tc qdisc add dev {near} {limit}",
        ):
            subprocess.run(line.split(), check=True)
        for line in (
            "ip link set lo up",
            f"ip addr add {FAR_ADDRESS}/24 dev {far}",
            f"ip link set {far} up",
            f"tc qdisc add dev {far} {limit}",
        ):
            subprocess.run([*prefix, *line.split()], check=True)
        yield SlowLink(prefix, near, far)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)
