"""GET /api/v1/stream: server-sent events, one listener of the hub per open request.

This is a response written straight onto ASGI: the framework's own would encode every event for every
listener. A listener that does not take a block within SLOW_S is let go; its browser comes back by itself
with Last-Event-ID. Who may listen is asked again every RECHECK_S.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from ingest.api.errors import ApiError, responses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from ingest.api.counts import Counts
    from ingest.api.hub import Hub

SLOW_S = 30.0
RECHECK_S = 55.0  # with the tick of an idle stream, within a minute
RETRY_MS = 2000  # how long a browser waits before it comes back

router = APIRouter(tags=["live"])


@router.get(
    "/api/v1/stream",
    operation_id="read_stream",
    response_class=Response,
    responses={
        200: {
            "description": "Events `snapshot` (as GET /api/v1/live), `update` (the units that changed) and "
            "`tick` (only the time), as server-sent events without end.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **responses(422, 503),
    },
)
async def read_stream(
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Response:
    """Every change of the live state as it comes, several changes merged into one event each 50 ms.

    With the Last-Event-ID of an earlier event of the same process, only what changed since then.
    """
    hub: Hub = request.app.state.hub
    if hub.is_full:
        raise ApiError(503, "busy", "stream", f"{hub.listeners} streams are open already", 30)
    return EventStream(hub, request.app.state.counts, last_event_id, request.state.is_still_allowed)


class EventStream(Response):
    """The open end of one listener."""

    media_type = "text/event-stream"

    def __init__(
        self,
        hub: Hub,
        counts: Counts,
        last_event_id: str | None,
        is_still_allowed: Callable[[], Awaitable[bool]],
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._counts = counts
        self._last_event_id = last_event_id
        self._is_still_allowed = is_still_allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        self._hub.join()
        speaking = asyncio.create_task(self._speak(send))
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((speaking, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave()
            speaking.cancel()
            leaving.cancel()
            ends = await asyncio.gather(speaking, leaving, return_exceptions=True)
        for end in ends:
            if isinstance(end, TimeoutError):
                self._counts.let_go()
            elif isinstance(end, Exception):
                raise end

    async def _speak(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await self._send(send, f"retry: {RETRY_MS}\n\n".encode())
        await self._follow(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _follow(self, send: Send) -> None:
        hub, loop = self._hub, asyncio.get_running_loop()
        checked = loop.time()
        block = hub.first_block(self._last_event_id)
        await self._send(send, block.data)
        while not hub.is_closed:
            following = hub.blocks_after(block.number)
            if following is None:
                following = [hub.catch_up(block.revision)]
            for one in following:
                await self._send(send, one.data)
                block = one
            if loop.time() - checked > RECHECK_S:
                checked = loop.time()
                if not await self._is_still_allowed():
                    return
            if not following:
                await hub.wait()

    @staticmethod
    async def _send(send: Send, data: bytes) -> None:
        async with asyncio.timeout(SLOW_S):
            await send({"type": "http.response.body", "body": data, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
