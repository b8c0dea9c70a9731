"""The HTTP server around the app: where it may listen, and how it ends with streams still open.

uvicorn waits at its end for every response to finish, and an event stream never does. So the streams are
told to end first, before the listening sockets close.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ingest.api.auth import is_loopback

if TYPE_CHECKING:
    import socket

    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

END_S = 2  # what still runs after this is cancelled
MAX_CONNECTIONS = 2000  # above the browsers of a county, below the file descriptors of a small machine
MAX_HEADER_BYTES = 16384


TRANSPORT = "ortoo.transport"  # among the scope's extensions: the connection itself


class BindError(ValueError):
    """The service may not listen there."""


def check_bind(host: str, has_key: bool) -> None:
    """Refuse to be reachable from other machines while nobody needs a key."""
    if not has_key and not is_loopback(host):
        detail = f"refusing to listen on {host}: anyone who reaches it could read where every unit is"
        raise BindError(f"{detail}; make a key first: ortoo-ingest key add NAME --role ROLE")


class OpenConnection(H11Protocol):
    """uvicorn's HTTP, and the app is handed the transport: `stream` writes to it."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        app = self.app

        async def app_with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[TRANSPORT] = self.transport
            await app(scope, receive, send)

        self.app = app_with_transport


class ApiServer(uvicorn.Server):
    """Serves the app until `should_exit`; ends open streams by itself."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._app = app
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                http=OpenConnection,
                ws="none",
                limit_concurrency=MAX_CONNECTIONS,
                timeout_graceful_shutdown=END_S,
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.hub.close()
        await super().shutdown(sockets)
