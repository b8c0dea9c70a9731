"""The synchroniser: claims what the library is to be told, tells it, keeps the answers. A thread of its own.

It writes through the pipeline's thread, as the sender of notifications does; each step is a transaction. A
library that does not answer is asked again with doubling waits, for two weeks; what it did not answer then is
a dead letter that a person sees and may revive.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol, TypeVar

from ingest.books.library import Answer, LibraryError
from ingest.history import StoreBusy
from ingest.ledger import tellings

if TYPE_CHECKING:
    import random
    import sqlite3
    import threading
    from collections.abc import Callable

    from ingest.books.library import Library
    from ingest.ledger.tellings import Claimed

log = logging.getLogger(__name__)

MOST_CLAIMED = 100
LOOK_S = 2.0  # how often it looks by itself
FIRST_S = 15
LONGEST_S = 1800
GIVE_UP_S = 14 * 86_400

T = TypeVar("T")


class Change(Protocol):
    """Runs a function in a transaction of the one writer; raises StoreBusy."""

    def __call__(self, change: Callable[[sqlite3.Connection], T], /) -> T: ...


def wait_s(attempts: int, jitter: float) -> float:
    """How long to wait after so many failures; `jitter` is 0..1 and takes off up to half of it."""
    longest_s: int = min(LONGEST_S, FIRST_S << min(attempts, 16))
    return longest_s * (1 - jitter / 2)


class Synchroniser:
    """`utc_ms` is the clock, `rng` gives the jitter."""

    def __init__(
        self, change: Change, library: Library, utc_ms: Callable[[], int], rng: random.Random
    ) -> None:
        self._change = change
        self._library = library
        self._utc_ms = utc_ms
        self._rng = rng
        self._is_new = True
        self._is_silent = False  # a library that stays away is said once
        self.error = ""

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop."""
        while not stop.is_set():
            try:
                is_more = self.step()
            except StoreBusy as error:
                log.warning("the library waits for the store: %s", error)
                self._is_new = True
                is_more = False
            if not is_more:
                stop.wait(LOOK_S)
        self._library.close()

    def step(self) -> bool:
        """One round; whether there may be more. After StoreBusy what was claimed is claimed anew."""
        if self._is_new:
            self._change(tellings.unclaim)
            self._is_new = False
        claimed = self._change(lambda ledger: tellings.claim(ledger, self._utc_ms(), MOST_CLAIMED))
        if not claimed:
            return False
        return self._tell(claimed)

    def _tell(self, claimed: list[Claimed]) -> bool:
        answers = self._library.settle([one.transaction for one in claimed])
        for at, one in enumerate(claimed):
            try:
                answer = next(answers)
            except LibraryError as error:
                self._fail(claimed[at:], error)
                return False
            self._keep(one, answer)
        return True

    def _keep(self, one: Claimed, answer: Answer) -> None:
        now_ms = self._utc_ms()
        self._change(lambda ledger: tellings.settle(ledger, one, answer, now_ms))
        self.error, self._is_silent = "", False

    def _fail(self, claimed: list[Claimed], error: LibraryError) -> None:
        """The first of them failed; the others come behind it, and not at once."""
        text, now_ms = str(error), self._utc_ms()
        first, *rest = claimed
        due_ms = now_ms + round(1000 * wait_s(first.attempts, self._rng.random()))

        def write(ledger: sqlite3.Connection) -> None:
            if now_ms - first.made_ms >= GIVE_UP_S * 1000 and error.is_worth_waiting:
                tellings.give_up(ledger, first, text)
            else:
                tellings.put_back(ledger, first, due_ms, text)
            for one in rest:
                tellings.put_back(ledger, one, now_ms + FIRST_S * 1000, text, is_failure=False)

        self._change(write)
        log.log(logging.DEBUG if self._is_silent else logging.WARNING, "%d wait: %s", len(claimed), text)
        self.error, self._is_silent = text, True
