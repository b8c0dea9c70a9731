"""The socket of a SIP2 conversation: connects, logs in, asks, and says in one error why it could not.

The library names in its status how long it may take and how often it may be asked (98, in tenths of a second;
999 is unknown); what the settings say is the most we wait.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.books.library import LibraryBusy, LibraryError, LibraryRefused
from ingest.books.sip2.conversation import Again, Confused, Conversation
from ingest.books.sip2.message import Message, MessageError, Setting

if TYPE_CHECKING:
    from collections.abc import Callable

READ_BYTES = 4096
UNKNOWN = "999"
VERSION = "2.00"
WIDTH = "080"


@dataclass(frozen=True, slots=True)
class Door:
    """Where the library's SIP2 server is and how it lets us in; an empty user means that none is asked."""

    host: str
    port: int
    encoding: str = "utf-8"
    user: str = ""
    password: str = ""
    location: str = ""
    timeout_s: float = 10.0
    retries: int = 3

    @property
    def place(self) -> str:
        return f"SIP2 server {self.host}:{self.port}"


class Link:
    """One connection, made when something is asked; `mono_s` is a monotonic clock."""

    def __init__(self, door: Door, mono_s: Callable[[], float]) -> None:
        self._door = door
        self._mono_s = mono_s
        self._socket: socket.socket | None = None
        self._conversation = Conversation(door.encoding)
        self._timeout_s = door.timeout_s
        self._retries = door.retries

    def ask(self, message: Message) -> Message:
        """The answer to a request.

        Raises LibraryBusy when there is none, LibraryRefused when we are not let in, and MessageError for a
        value that SIP2 cannot hold. After the first two the next request connects anew.
        """
        try:
            if self._socket is None:
                self._connect()
            return self._asked(message)
        except LibraryError:
            self.close()
            raise
        except Confused as error:
            self.close()
            raise LibraryBusy(f"{self._door.place}: {error}; trying again later may help") from None
        except OSError as error:
            self.close()
            detail = error.strerror or str(error)
            raise LibraryBusy(f"{self._door.place}: {detail}; trying again later helps") from None

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> None:
        door = self._door
        self._socket = socket.create_connection((door.host, door.port), door.timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._conversation = Conversation(door.encoding)
        self._timeout_s, self._retries = door.timeout_s, door.retries
        if door.user:
            self._log_in()
        self._take_status(self._asked(_SC_STATUS))

    def _log_in(self) -> None:
        named = (("CN", self._door.user), ("CO", self._door.password), ("CP", self._door.location))
        fixed = {"uid_algorithm": "0", "pwd_algorithm": "0"}
        try:
            answer = self._asked(Message("93", fixed, tuple(Setting(*one) for one in named)))
        except MessageError as error:
            raise LibraryRefused(f"{self._door.place}: {error}: correct the settings") from None
        if answer.fixed["ok"] != "1":
            raise LibraryRefused(
                f"{self._door.place} does not let user {self._door.user!r} in: correct user, password or"
                " location"
            )

    def _take_status(self, status: Message) -> None:
        fixed = status.fixed
        if fixed["online"] != "Y":
            raise LibraryBusy(f"{self._door.place} says that its library is offline; trying later helps")
        if fixed["checkout_ok"] != "Y" or fixed["checkin_ok"] != "Y":
            raise LibraryRefused(
                f"{self._door.place} allows this terminal no loans or no returns: the library has to"
                " permit them"
            )
        if fixed["timeout_ds"].isdigit() and fixed["timeout_ds"] not in {UNKNOWN, "000"}:
            self._timeout_s = min(self._door.timeout_s, int(fixed["timeout_ds"]) / 10)
        if fixed["retries"].isdigit() and fixed["retries"] != UNKNOWN:
            self._retries = min(self._door.retries, int(fixed["retries"]))

    def _asked(self, message: Message) -> Message:
        data = self._conversation.ask(message)
        for _ in range(self._retries + 1):
            self._send(data)
            found = self._answer_in_time()
            if found is not None:
                return found
            data = self._conversation.repeat()
        waited_s = self._timeout_s * (self._retries + 1)
        raise LibraryBusy(
            f"{self._door.place} did not answer {message.code}, asked {self._retries + 1} times in"
            f" {waited_s:.0f} s; trying again later may help"
        )

    def _answer_in_time(self) -> Message | None:
        deadline_s = self._mono_s() + self._timeout_s
        while True:
            found = self._conversation.next()
            if isinstance(found, Message):
                return found
            if isinstance(found, Again):
                self._send(found.data)
                continue
            left_s = deadline_s - self._mono_s()
            if left_s <= 0 or not self._received(left_s):
                return None

    def _send(self, data: bytes) -> None:
        assert self._socket is not None  # noqa: S101 - connected by ask
        self._socket.settimeout(self._timeout_s)
        self._socket.sendall(data)

    def _received(self, within_s: float) -> bool:
        assert self._socket is not None  # noqa: S101 - connected by ask
        self._socket.settimeout(within_s)
        try:
            data = self._socket.recv(READ_BYTES)
        except TimeoutError:
            return False
        if not data:
            raise LibraryBusy(f"{self._door.place} ended the connection; trying again later helps")
        self._conversation.take(data)
        return True


_SC_STATUS = Message("99", {"status": "0", "width": WIDTH, "version": VERSION})
