"""The terminal's side of a SIP2 conversation: what to send, and what an answer is. No I/O, no clock.

    send = conversation.ask(message)       # bytes
    conversation.take(data)                # as they come
    found = conversation.next()            # Message, Again(bytes to send) or None: more is needed
    send = conversation.repeat()           # nothing came in time: the same bytes, the same number

An answer to another number than the one asked is late news of a request sent twice, and is skipped.
"""

from __future__ import annotations

from typing import NamedTuple

from ingest.books.sip2.frame import FrameError, Lines, decoded, encoded
from ingest.books.sip2.message import ANSWER_TO, Message, MessageError, read, written

ASK_AGAIN = "97"
SEND_AGAIN = "96"
NUMBERS = 10
MOST_AGAIN = 3  # unreadable answers, one after the other


class Again(NamedTuple):
    """Send these bytes: the library could not read us, or we could not read it, which `cause` tells."""

    data: bytes
    cause: str


class Confused(RuntimeError):
    """The other side does not keep to the protocol: this connection is no use any more."""


class Conversation:
    """One connection's worth of requests and answers."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._lines = Lines()
        self._number = NUMBERS - 1
        self._asked = ""
        self._sent = b""
        self._again = 0

    def ask(self, message: Message) -> bytes:
        """The bytes of a request; raises MessageError for what no field can hold in this encoding."""
        text = written(message)
        number = (self._number + 1) % NUMBERS
        try:
            self._sent = encoded(text, number, self._encoding)
        except UnicodeEncodeError as error:
            place = f"character {error.object[error.start]!r}"
            raise MessageError(f"{message.code}: {place} does not exist in {self._encoding}") from None
        self._number, self._asked, self._again = number, message.code, 0
        return self._sent

    def repeat(self) -> bytes:
        """The request that stands, once more."""
        return self._sent

    def take(self, data: bytes) -> None:
        """Bytes from the library."""
        self._lines.take(data)

    def next(self) -> Message | Again | None:
        """The answer; or what to send first; or None until more comes. Raises Confused."""
        while True:
            try:
                line = self._lines.next()
                if line is None:
                    return None
                number, message = self._read(line)
            except (FrameError, MessageError) as error:
                return self._ask_again(str(error))
            if message.code == SEND_AGAIN:
                return self._send_again()
            if number is not None and number != self._number:
                continue
            if message.code != ANSWER_TO[self._asked]:
                raise Confused(f"{self._asked} was answered by {message.code}")
            self._again = 0
            return message

    def _read(self, line: bytes) -> tuple[int | None, Message]:
        frame = decoded(line, self._encoding)
        return frame.number, read(frame.text)

    def _ask_again(self, cause: str) -> Again:
        self._count_again(cause)
        return Again(encoded(ASK_AGAIN, None, self._encoding), cause)

    def _send_again(self) -> Again:
        self._count_again("the library could not read the request")
        return Again(self._sent, "the library asks for it once more")

    def _count_again(self, cause: str) -> None:
        self._again += 1
        if self._again > MOST_AGAIN:
            raise Confused(f"{self._again} times in a row: {cause}")
