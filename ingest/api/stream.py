"""GET /api/v1/stream: server-sent events, one listener of the hub per open request.

This is a response written past ASGI onto the connection itself, which `server` hands over in the scope: the
framework's own way costs seven calls, a task's waking and a timer for every block and listener, twice what
the sending takes. The head and the end go the usual way, so the server's state of the connection stays true.
Who may listen is asked again every RECHECK_S. A browser comes back by itself with Last-Event-ID.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from ingest.api.errors import ApiError, responses
from ingest.api.listener import Listener
from ingest.api.server import TRANSPORT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from ingest.api.counts import Counts
    from ingest.api.hub import Hub

RECHECK_S = 55.0
RETRY_MS = 2000  # how long a browser waits before it comes back

router = APIRouter(tags=["live"])


@router.get(
    "/api/v1/stream",
    operation_id="read_stream",
    response_class=Response,
    responses={
        200: {
            "description": "Events `snapshot` (as GET /api/v1/live), `update` (the units that changed), "
            "`alerts` (some changed: ask for them) and `tick` (only the time), as server-sent events without "
            "end.",
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
        transport: asyncio.Transport = scope["extensions"][TRANSPORT]
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        is_chunked = scope["http_version"] == "1.1"
        listener = Listener(self._hub, transport, self._last_event_id, is_chunked=is_chunked)
        listener.say(f"retry: {RETRY_MS}\n\n".encode())
        self._hub.join(listener)
        leaving = asyncio.create_task(_gone(receive))
        watching = asyncio.create_task(self._watched(listener))
        try:
            await asyncio.wait((leaving, watching), return_when=asyncio.FIRST_COMPLETED)
            self._hub.leave(listener)
            if listener.is_slow:
                self._counts.let_go()
            if transport.get_write_buffer_size():  # whoever is behind at the end comes back for the rest
                transport.abort()
                await leaving
        finally:
            self._hub.leave(listener)
            leaving.cancel()
            watching.cancel()
        if watching.done():
            watching.result()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watched(self, listener: Listener) -> None:
        """Return when the listener has ended or may listen no more."""
        while not self._hub.is_closed:
            try:
                async with asyncio.timeout(RECHECK_S):
                    await listener.ended.wait()
                    return
            except TimeoutError:
                if not await self._is_still_allowed():
                    return


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
