"""Posts: points on their way, a few thousand at a time, a few posts in flight while the next lines are built.

InfluxDB keeps the good points of a post and names at most one of the bad, so a post with bad points is halved
until they are alone: posting a point again changes nothing. What is refused for good is given back with the
reason; whatever else goes wrong is raised, and all of it is sent again later.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import FIRST_COMPLETED, wait
from typing import TYPE_CHECKING, NamedTuple

from ingest.history import Spoilt, StoreBusy
from ingest.history.chunk import picked
from ingest.history.influx_answers import Meaning, judged
from ingest.history.influx_lines import lines
from ingest.history.influx_server import POSTS, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from ingest.history.chunk import Piece
    from ingest.history.influx_server import InfluxServer

MOST_LINES, LEAST_LINES = 5000, 100
LOOK_S = 0.05


class Parcel(NamedTuple):
    """Rows of a piece, and their lines."""

    piece: Piece
    first: int
    end: int
    text: str


class Bad(NamedTuple):
    """Rows of a piece that InfluxDB will never take."""

    piece: Piece
    first: int
    end: int
    reason: str


class Posts:
    """What one group of messages writes; used by one thread."""

    def __init__(self, server: InfluxServer, ahead_ms: int, meanwhile: Callable[[], None]) -> None:
        self._server = server
        self._ahead_ms = ahead_ms
        self._meanwhile = meanwhile
        self._waiting: defaultdict[str, list[Parcel]] = defaultdict(list)
        self._rows: defaultdict[str, int] = defaultdict(int)
        self._sent: set[Future[list[Bad]]] = set()
        self._bad: list[Bad] = []
        self._most_lines = self._limit_lines = MOST_LINES

    def add(self, policy: str, piece: Piece) -> None:
        """Post a piece's rows as soon as there are enough; raises StoreBusy."""
        rows = len(piece.chunk.group.columns["seq"])
        self._waiting[policy].append(Parcel(piece, 0, rows, lines(piece, self._ahead_ms)))
        self._rows[policy] += rows
        if self._rows[policy] >= self._most_lines:
            self._send(policy)

    def settle(self) -> list[Spoilt]:
        """Post the rest and wait for every answer; what is refused for good. Raises StoreBusy."""
        for policy in [policy for policy, parcels in self._waiting.items() if parcels]:
            self._send(policy)
        self._collect(0)
        bad, self._bad = self._bad, []
        self._most_lines = min(2 * self._most_lines, self._limit_lines)
        return list(_spoilt(bad))

    def drop(self) -> None:
        """Post nothing more of it; what is in flight may still arrive, which does no harm."""
        self._waiting.clear()
        self._rows.clear()
        self._bad.clear()
        for future in self._sent:
            future.cancel()
        self._sent.clear()

    def _send(self, policy: str) -> None:
        self._collect(POSTS)
        parcels, self._waiting[policy], self._rows[policy] = self._waiting[policy], [], 0
        self._sent.add(self._server.posts.submit(self._post, policy, parcels))

    def _collect(self, most: int) -> None:
        """Wait until at most so many posts are in flight."""
        while len(self._sent) > most:
            done, self._sent = wait(self._sent, LOOK_S, FIRST_COMPLETED)
            try:
                for future in done:
                    self._bad += future.result()
            except StoreBusy:
                self._most_lines = max(LEAST_LINES, self._most_lines // 2)
                self.drop()
                raise
            if not done:
                self._meanwhile()

    # --- in a thread of their own

    def _post(self, policy: str, parcels: list[Parcel]) -> list[Bad]:
        text = "\n".join(parcel.text for parcel in parcels)
        answer = self._server.write(policy, text.encode())
        rows = sum(parcel.end - parcel.first for parcel in parcels)
        verdict = judged(answer)
        if verdict.meaning is Meaning.KEPT:
            return []
        if verdict.meaning not in {Meaning.BAD, Meaning.TOO_MUCH}:
            raise refusal(answer)
        if rows in {1, verdict.dropped}:
            return [Bad(piece, first, end, verdict.reason) for piece, first, end, _ in parcels]
        if verdict.meaning is Meaning.TOO_MUCH:
            self._limit_lines = self._most_lines = max(1, min(self._limit_lines, rows // 2))
        return [bad for half in self._halves(parcels) for bad in self._post(policy, half)]

    def _halves(self, parcels: list[Parcel]) -> list[list[Parcel]]:
        if len(parcels) > 1:
            middle = len(parcels) // 2
            return [parcels[:middle], parcels[middle:]]
        piece, first, end, _ = parcels[0]
        middle = (first + end) // 2
        return [[self._parcel(piece, first, middle)], [self._parcel(piece, middle, end)]]

    def _parcel(self, piece: Piece, first: int, end: int) -> Parcel:
        return Parcel(piece, first, end, lines(piece, self._ahead_ms, first, end))


def _spoilt(bad: list[Bad]) -> Iterator[Spoilt]:
    """Bad rows as chunks, those of one piece and reason together."""
    rows: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    pieces: dict[int, Piece] = {}
    for piece, first, end, reason in bad:
        pieces[id(piece)] = piece
        rows[id(piece), reason] += range(first, end)
    for (which, reason), own in rows.items():
        yield Spoilt(picked(pieces[which].chunk, sorted(own)), reason)
