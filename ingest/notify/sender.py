"""The sender: claims what is due, sends it, settles it. A thread of its own, since the outside may be slow.

It writes through the pipeline's thread, which owns the one writing connection; each of its three steps is a
transaction, and what happens to a message between two of them is told in ingest/notify.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ingest.history import StoreBusy
from ingest.ledger import notifications
from ingest.notify import retry
from ingest.notify.letter import Letter, letters
from ingest.notify.post import PostError

if TYPE_CHECKING:
    import random
    import sqlite3
    import threading
    from collections.abc import Callable

    from ingest.ledger.notifications import Notification

log = logging.getLogger(__name__)

MOST_CLAIMED = 2000
LOOK_S = 5.0  # how often it looks by itself

T = TypeVar("T")


class Change(Protocol):
    """Runs a function in a transaction of the one writer; raises StoreBusy."""

    def __call__(self, change: Callable[[sqlite3.Connection], T], /) -> T: ...


class Poster(Protocol):
    """Sends a letter; raises PostError."""

    def send(self, letter: Letter) -> None: ...


class Sender:
    """`utc_ms` is the clock, `rng` gives the jitter, `settled` is called when letters are."""

    def __init__(
        self,
        change: Change,
        poster: Poster,
        utc_ms: Callable[[], int],
        rng: random.Random,
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        self._change = change
        self._poster = poster
        self._utc_ms = utc_ms
        self._rng = rng
        self._settled = settled
        self._claimed: deque[tuple[Letter, list[Notification]]] = deque()
        self._unwritten: deque[Callable[[sqlite3.Connection], Any]] = deque()  # done outside, not yet settled
        self._is_new = True

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop."""
        while not stop.is_set():
            try:
                is_more = self.step()
            except StoreBusy as error:
                log.warning("notifications wait for the store: %s", error)
                is_more = False
            if not is_more:
                stop.wait(LOOK_S)

    def step(self) -> bool:
        """One round; whether there may be more. After StoreBusy it goes on where it was."""
        if self._is_new:
            self._doubt()
        self._write()
        if not self._claimed:
            self._claim()
        is_full = sum(len(letter.numbers) for letter, _ in self._claimed) >= MOST_CLAIMED
        while self._claimed:
            self._unwritten.append(self._sent(*self._claimed.popleft()))
            self._write()
        return is_full

    def _doubt(self) -> None:
        doubtful = self._change(lambda ledger: notifications.doubt_claimed(ledger, self._utc_ms()))
        self._is_new = False
        if doubtful:
            log.error("%d messages may have gone out when the service ended: not sent again", doubtful)

    def _claim(self) -> None:
        claimed = self._change(lambda ledger: notifications.claim(ledger, self._utc_ms(), MOST_CLAIMED))
        by_number = {one.number: one for one in claimed}
        for letter in letters(claimed):
            self._claimed.append((letter, [by_number[number] for number in letter.numbers]))

    def _write(self) -> None:
        while self._unwritten:
            self._change(self._unwritten[0])
            self._unwritten.popleft()
            self._settled()

    def _sent(self, letter: Letter, some: list[Notification]) -> Callable[[sqlite3.Connection], Any]:
        """Send it; what is then to be written."""
        try:
            self._poster.send(letter)
        except PostError as error:
            return self._failed(some, str(error))
        now_ms = self._utc_ms()
        return lambda ledger: notifications.settle(ledger, letter.numbers, now_ms)

    def _failed(self, some: list[Notification], error: str) -> Callable[[sqlite3.Connection], Any]:
        now_ms = self._utc_ms()
        log.warning("%s could not be told, %d messages: %s", some[0].contact, len(some), error)
        waits_s = [retry.wait_s(one.attempts, self._rng.random()) for one in some]

        def write(ledger: sqlite3.Connection) -> None:
            for one, wait_s in zip(some, waits_s, strict=True):
                if retry.is_over((now_ms - one.made_ms) / 1000):
                    notifications.give_up(ledger, one.number, now_ms, error)
                else:
                    notifications.put_back(ledger, one.number, now_ms + round(wait_s * 1000), error)

        return write
