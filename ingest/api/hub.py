"""The event stream's middle: one encoded block per tick, shared by every browser.

While somebody listens, the hub asks the live state every `tick_ms` what changed since the last time, encodes
it once as one event, keeps the last blocks in a ring, and feeds its listeners what they have not got yet.
Whoever fell out of the ring (a slow line, a laptop that slept) gets what changed since its own revision in
one block: for a position only the newest counts, so a slow browser costs nothing but its own delay, and
nobody has a queue that could grow. Of alerts it only says that some changed.

    ring    #41 update   #42 update   #43 tick   #44 update        (numbers count blocks, ids name revisions)
                ^ a listener that got #41 gets #42 to #44 next
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from pydantic_core import to_json

from ingest.api.block import Block, chunked, with_units
from ingest.instants import iso

if TYPE_CHECKING:
    from ingest.api.context import Context

RING = 32
IDLE_S = 5.0  # a tick this long after the last block tells a reader that the line still stands
MAX_LISTENERS = 1000


class Fed(Protocol):
    """What the hub knows of a listener: where it stands, and that it takes what is new."""

    @property
    def revision(self) -> int:
        """Of the newest state that it was given."""

    @property
    def ended(self) -> asyncio.Event:
        """Set when it gets nothing more."""

    def feed(self, now_s: float) -> None:
        """Take what is new, if the line is free."""


class Hub:
    """Blocks for any number of listeners; belongs to one event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._ring: deque[Block] = deque(maxlen=RING)
        self.number = 0  # of the newest block
        self._revision = 0
        self._alerts = context.alert_news.revision
        self._spoke_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._listeners: set[Fed] = set()
        self.is_closed = False

    @property
    def listeners(self) -> int:
        """How many there are."""
        return len(self._listeners)

    @property
    def is_full(self) -> bool:
        """No more listeners now."""
        return self.is_closed or self.listeners >= MAX_LISTENERS

    def join(self, listener: Fed) -> None:
        """Listen; the first one starts the ticking."""
        self._listeners.add(listener)
        if self._task is None and not self.is_closed:
            self._revision = listener.revision  # and not the newest: another thread may have changed it since
            self._task = asyncio.create_task(self._run(), name="hub")

    def leave(self, listener: Fed) -> None:
        """Listen no more; the last one stops the ticking."""
        self._listeners.discard(listener)
        if not self._listeners:
            self._stop()

    def close(self) -> None:
        """End every stream."""
        self.is_closed = True
        self._stop()
        for listener in self._listeners:
            listener.ended.set()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = None
        self._ring.clear()

    def first_block(self, last_event_id: str | None) -> Block:
        """What a new listener gets: all, or only the changes since what it had of this same process."""
        known = self._known_revision(last_event_id)
        if known is not None:
            return self.catch_up(known)
        revision, units = self._context.live.texts()
        return self._block(self.number, revision, ("snapshot", self.fleet(units)))

    def catch_up(self, revision: int) -> Block:
        """One block of all that changed since a revision."""
        newer, units = self._context.live.changed_since(revision)
        alerts = [("alerts", self._alert_body())] if self._context.alert_news.revision else []
        return self._block(self.number, newer, ("update", self._update(units)), *alerts)

    def blocks_after(self, number: int) -> list[Block] | None:
        """The blocks that follow, perhaps none; None when some are no longer there."""
        if number == self.number:
            return []
        if not self._ring or self._ring[0].number > number + 1:
            return None
        return [block for block in self._ring if block.number > number]

    def fleet(self, units: list[bytes]) -> bytes:
        """The body of a snapshot."""
        context = self._context
        ages = {"stale_after_s": context.stale_after_s, "gone_after_s": context.gone_after_s}
        return with_units({"now": iso(context.now_ms()), **ages}, units)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = self._spoke_s = loop.time()
        while True:
            due_s = max(due_s + self._context.tick_ms / 1000, loop.time())
            await asyncio.sleep(due_s - loop.time())
            self.tick(loop.time())

    def tick(self, now_s: float) -> None:
        """Publish what changed since the last tick, or after IDLE_S of silence the time; feed everybody."""
        revision, units = self._context.live.changed_since(self._revision)
        if units:
            self._publish(now_s, revision, "update", self._update(units))
        elif now_s - self._spoke_s >= IDLE_S:
            self._publish(now_s, revision, "tick", to_json({"now": iso(self._context.now_ms())}))
        if self._context.alert_news.revision != self._alerts:
            self._alerts = self._context.alert_news.revision
            self._publish(now_s, revision, "alerts", self._alert_body())
        for listener in self._listeners:
            listener.feed(now_s)

    def _alert_body(self) -> bytes:
        return to_json({"now": iso(self._context.now_ms()), "revision": self._context.alert_news.revision})

    def _publish(self, now_s: float, revision: int, event: str, body: bytes) -> None:
        self.number += 1
        self._revision, self._spoke_s = revision, now_s
        self._ring.append(self._block(self.number, revision, (event, body)))

    def _update(self, units: list[bytes]) -> bytes:
        return with_units({"now": iso(self._context.now_ms())}, units)

    def _block(self, number: int, revision: int, *events: tuple[str, bytes]) -> Block:
        revision_id = f"{self._context.instance}-{revision}"
        data = b"".join(
            f"event: {event}\nid: {revision_id}\ndata: ".encode() + body + b"\n\n" for event, body in events
        )
        return Block(number, revision, (data, chunked(data)))

    def _known_revision(self, last_event_id: str | None) -> int | None:
        instance, _, revision = (last_event_id or "").rpartition("-")
        if instance != self._context.instance or not (revision.isascii() and revision.isdigit()):
            return None
        return int(revision[:18])
