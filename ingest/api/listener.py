"""One browser at the event stream: gets the blocks that it has not got yet, whenever its line is free.

The hub feeds all listeners in one loop and writes the same bytes to each connection: no task is woken and
no timer set for a block, which would cost more than the sending. What a line has not taken stands in its
transport; as long as anything stands there nothing is added, so a slow browser falls behind and later gets
all that it missed as one block. Who takes nothing for SLOW_S is let go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from ingest.api.block import chunked

if TYPE_CHECKING:
    from ingest.api.hub import Hub

SLOW_S = 30.0


class Line(Protocol):
    """What of an asyncio transport is used."""

    def write(self, data: bytes) -> None:
        """Send when there is room."""

    def get_write_buffer_size(self) -> int:
        """Bytes that were not sent yet."""

    def is_closing(self) -> bool:
        """Nobody is there any more."""


class Listener:
    """Belongs to the hub's event loop; `ended` when it gets nothing more."""

    def __init__(self, hub: Hub, line: Line, last_event_id: str | None, *, is_chunked: bool) -> None:
        self._hub = hub
        self._line = line
        self._is_chunked = is_chunked
        self._block = hub.first_block(last_event_id)
        self._took_s: float | None = None  # when the line was last seen to have taken something
        self._left_bytes = 0
        self.is_slow = False
        self.ended = asyncio.Event()
        self._write(self._block.framed)

    def _write(self, framed: tuple[bytes, bytes]) -> None:
        self._line.write(framed[self._is_chunked])

    @property
    def revision(self) -> int:
        """Of the newest state that it was given."""
        return self._block.revision

    def say(self, text: bytes) -> None:
        """Write this beside the blocks."""
        self._write((text, chunked(text)))

    def feed(self, now_s: float) -> None:
        """Write what is new if the line has taken all that came before."""
        left_bytes = self._line.get_write_buffer_size()
        if left_bytes:
            self._judge(left_bytes, now_s)
            return
        self._took_s = None
        if self._block.number == self._hub.number or self._line.is_closing():
            return
        following = self._hub.blocks_after(self._block.number)
        for block in [self._hub.catch_up(self._block.revision)] if following is None else following:
            self._write(block.framed)
            self._block = block

    def _judge(self, left_bytes: int, now_s: float) -> None:
        if self._took_s is None or left_bytes != self._left_bytes:
            self._took_s, self._left_bytes = now_s, left_bytes
        elif now_s - self._took_s > SLOW_S:
            self.is_slow = True
            self.ended.set()
