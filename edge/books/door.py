"""The crew's door into a running agent: a Unix socket that takes asks as JSON lines and gives answers.

    {"id":"k3f9…","what":"lend","item":"QL00012345","card":"R20260017"}
    {"id":"k3f9…","state":"done","item":"QL00012345","title":"…","due_on":20806}

Runs as a source in a thread of its own: what is asked becomes a raw `ask` reading, and the librarian in the
main thread answers when it is on disk. Whoever may open the socket may ask; the folder's mode decides who
that is.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
from collections import Counter
from typing import TYPE_CHECKING, Any

from edge.record import Reading

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

MAX_LINE_BYTES = 65_536
MAX_CLIENTS = 16
WAIT_S = 0.5
SOCKET = "books.sock"


class Door:
    """Source of asks. `answer` may be called from any thread."""

    name = "books-door"

    def __init__(self, path: Path, mono_ms: Callable[[], int]) -> None:
        self._path = path
        self._mono_ms = mono_ms
        self._clients: dict[int, socket.socket] = {}
        self._counted: Counter[str] = Counter()
        self._number = 0

    @property
    def refused(self) -> dict[str, int]:
        return dict(self._counted)

    def run(self, emit: Callable[[Reading], None], stop: threading.Event) -> None:
        """Serve until `stop`; the body of a thread."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening,
            selectors.DefaultSelector() as ready,
        ):
            listening.bind(str(self._path))
            self._path.chmod(0o660)
            listening.listen(MAX_CLIENTS)
            ready.register(listening, selectors.EVENT_READ)
            while not stop.is_set():
                for key, _ in ready.select(WAIT_S):
                    if key.fileobj is listening:
                        self._welcome(listening, ready)
                    else:
                        self._hear(key, ready, emit)
            clients, self._clients = self._clients, {}
            for client in clients.values():
                client.close()
        self._path.unlink(missing_ok=True)

    def answer(self, client: int, answer: dict[str, Any]) -> None:
        """Send an answer; a client that has gone will ask again."""
        found = self._clients.get(client)
        if found is not None:
            with contextlib.suppress(OSError):
                found.sendall(json.dumps(answer, ensure_ascii=False).encode(errors="replace") + b"\n")

    def _welcome(self, listening: socket.socket, ready: selectors.BaseSelector) -> None:
        with contextlib.suppress(OSError):
            client, _ = listening.accept()
            if len(self._clients) >= MAX_CLIENTS:
                self._counted["too_many"] += 1
                client.close()
                return
            client.settimeout(WAIT_S)
            self._number += 1
            self._clients[self._number] = client
            ready.register(client, selectors.EVENT_READ, [self._number, b""])

    def _hear(
        self, key: selectors.SelectorKey, ready: selectors.BaseSelector, emit: Callable[[Reading], None]
    ) -> None:
        number, held = key.data
        client = self._clients[number]
        try:
            data = client.recv(MAX_LINE_BYTES)
        except OSError:
            data = b""
        *lines, rest = (held + data).split(b"\n")
        key.data[1] = rest
        if not data or len(rest) > MAX_LINE_BYTES:
            self._counted["too_long"] += bool(data)
            ready.unregister(client)
            self._clients.pop(number, None)
            client.close()
            return
        for line in lines:
            try:
                text = line.decode()
            except UnicodeDecodeError:
                self._counted["not_text"] += 1
                continue
            emit(Reading("ask", self.name, self._mono_ms(), {"client": number, "text": text}))
