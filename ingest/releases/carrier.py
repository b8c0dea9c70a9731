"""Lays releases on the broker as retained parts, and hands over the commands to take them.

A broker that has lost what it kept has lost the service's connection first, so at each new connection
everything is published anew, PARTS at a time and PAUSE_S between: the same message over itself changes
nothing, and receipts go by the same window. Blobs of releases that were withdrawn lately are cleared the
same way. Files go before heads.

A command that is not answered is said again before the broker forgets it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from firmware import wire
from firmware.update.manifest import PART_BYTES
from ingest.history import StoreBusy
from ingest.ledger import releases, rollouts
from ingest.reader import ReaderBusy

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from ingest.reader import Reader
    from ingest.subscriber import Subscriber

log = logging.getLogger(__name__)

PARTS = 16
PAUSE_S = 0.1
IDLE_S = 5.0
RETRY_S = 5.0
CLEARED_MS = 30 * 86_400_000
SAY_AGAIN_MS = 6 * 86_400_000  # a broker keeps commands for seven days
MOST_COMMANDS = 50  # in one step


def part_count(size: int) -> int:
    """How many parts a blob has."""
    return -(-size // PART_BYTES)


class Carrier:
    """`run` is a thread of its own; `look_again` is called from any."""

    def __init__(
        self,
        reader: Reader,
        change: Callable[..., Any],
        line: Subscriber,
        now_ms: Callable[[], int],
    ) -> None:
        self._reader = reader
        self._change = change
        self._line = line
        self._now_ms = now_ms
        self._connection = -1  # on which everything was published or is being published
        self._to_lay: deque[tuple[str, int]] = deque()
        self._to_clear: deque[tuple[str, int]] = deque()
        self._parts: deque[tuple[str, bytes]] = deque()  # of the blob in hand
        self._news = threading.Event()

    @property
    def is_published(self) -> bool:
        """Whether the broker has all that is offered, as far as this connection tells."""
        is_current = self._line.is_connected and self._connection == self._line.connection
        return is_current and not (self._to_lay or self._parts or self._news.is_set())

    @property
    def error(self) -> str:
        """Why units may wait in vain, as a broker whose access file is an old one; empty when all is well."""
        return self._line.publish_refusal

    def look_again(self) -> None:
        """A release came or went, or a unit is to be asked."""
        self._news.set()

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop."""
        rested_s = 0.0
        while not stop.wait(PAUSE_S):
            rested_s += PAUSE_S
            if not self._has_work() and rested_s < IDLE_S:
                continue
            rested_s = 0.0
            try:
                self.step()
            except (StoreBusy, ReaderBusy) as error:
                log.warning("releases rest for %.0f s: %s", RETRY_S, error)
                stop.wait(RETRY_S)

    def _has_work(self) -> bool:
        is_waiting = bool(self._to_lay or self._to_clear or self._parts or self._news.is_set())
        return self._line.is_connected and (is_waiting or self._connection != self._line.connection)

    def step(self) -> None:
        """A few parts, and what commands are due."""
        if not self._line.is_connected:
            return
        if self._news.is_set() or self._connection != self._line.connection:
            self._news.clear()
            self._begin()
        self._send_parts()
        self._send_commands()

    def _begin(self) -> None:
        connection, self._connection = self._line.connection, -1  # until all of it is read
        since_ms = self._now_ms() - CLEARED_MS
        self._to_lay = deque(self._reader.look(releases.offered_blobs))
        self._to_clear = deque(self._reader.look(lambda ledger: releases.withdrawn_blobs(ledger, since_ms)))
        self._parts.clear()
        self._connection = connection

    def _send_parts(self) -> None:
        if not self._parts:
            self._take_up_next()
        given = [self._parts.popleft() for _ in range(min(PARTS, len(self._parts)))]
        if given and not self._line.publish_receipts(given):
            self._connection = -1  # it broke meanwhile: all of it again

    def _take_up_next(self) -> None:
        if self._to_lay:
            digest, _ = self._to_lay[0]
            data = self._reader.look(lambda ledger: releases.blob(ledger, digest)) or b""
            self._to_lay.popleft()  # only now: a reader that is busy is asked again
            at = range(0, len(data), PART_BYTES)
            self._parts.extend(
                (wire.part_topic(digest, n // PART_BYTES), data[n : n + PART_BYTES]) for n in at
            )
        elif self._to_clear:
            digest, size = self._to_clear.popleft()
            self._parts.extend((wire.part_topic(digest, part), b"") for part in range(part_count(size)))

    def _send_commands(self) -> None:
        now_ms = self._now_ms()

        def look(ledger: sqlite3.Connection) -> list[tuple[rollouts.Rollout, releases.Release | None]]:
            asked = rollouts.unsent(ledger, now_ms - SAY_AGAIN_MS, MOST_COMMANDS)
            return [(one, releases.find(ledger, one.number)) for one in asked]

        found = self._reader.look(look)
        sent = [one.id for one, release in found if release is not None and self._is_sent(one, release)]
        if sent:
            self._change(lambda ledger: rollouts.note_sent(ledger, sent, now_ms))

    def _is_sent(self, asked: rollouts.Rollout, release: releases.Release) -> bool:
        command: dict[str, Any] = {
            "id": asked.command_id,
            "what": "update",
            "release": release.digest,
            "bytes": len(release.head),
            "node": asked.node or None,
        }
        return self._line.publish(wire.topic(asked.unit, "command"), wire.encode_json("command", command))
