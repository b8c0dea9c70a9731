"""Between the broker's thread and the pipeline's: two bounded queues.

What must be stored waits unacknowledged, so a broker ought to stop at the receive maximum. Not all do (MQTT
3.1.1 knows no such bound, and Mosquitto 2.0.11 empties its whole queue after the first acknowledgement), so
beyond a bound of bytes a message is let go unacknowledged: its unit has no receipt and sends it again. Live
messages are never waited for: when the pipeline is behind, the oldest fall out.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple


class Message(NamedTuple):
    """One message from the broker; `connection` is the one whose `mid` can be acknowledged."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    is_retained: bool
    connection: int
    came_s: float  # monotonic


MAX_LIVE = 10_000
MAX_BYTES = 64 << 20
OVERHEAD_BYTES = 300  # of a message in memory, besides its payload


class Intake:
    """Filled by the broker's thread, emptied by the pipeline's."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._put_bytes = 0  # written by the broker's thread alone
        self._taken_bytes = 0  # by the pipeline's
        self._waiting: deque[Message] = deque()
        self._live: deque[Message] = deque(maxlen=MAX_LIVE)
        self._has_some = threading.Event()
        self.dropped = 0
        self.dropped_live = 0

    def put(self, message: Message) -> None:
        """Take a message that must be stored."""
        size_bytes = len(message.payload) + OVERHEAD_BYTES
        if self._put_bytes - self._taken_bytes + size_bytes > self._max_bytes:
            self.dropped += 1
        else:
            self._put_bytes += size_bytes
            self._waiting.append(message)
        self.wake()

    def put_live(self, message: Message) -> None:
        """Take a message that only matters now."""
        if len(self._live) == MAX_LIVE:
            self.dropped_live += 1
        self._live.append(message)
        self.wake()

    def wake(self) -> None:
        """End a wait: there is something to do."""
        if not self._has_some.is_set():
            self._has_some.set()

    def wait(self, timeout_s: float) -> None:
        """Return when something is there to do, or after the time."""
        if not self._waiting and not self._live:
            self._has_some.wait(timeout_s)
        self._has_some.clear()

    def take(self, most: int) -> list[Message]:
        """The oldest messages that must be stored."""
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._taken_bytes += sum(len(message.payload) + OVERHEAD_BYTES for message in taken)
        return taken

    def take_live(self) -> list[Message]:
        """All live messages, in the order they came."""
        return [self._live.popleft() for _ in range(len(self._live))]

    @property
    def waiting(self) -> int:
        """How many messages wait to be stored."""
        return len(self._waiting)

    def oldest_s(self) -> float | None:
        """When the oldest of them came (monotonic)."""
        try:
            return self._waiting[0].came_s
        except IndexError:
            return None
