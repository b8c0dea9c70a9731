"""The protocol's model over the real pipeline and store: what befalls a line, in random order.

tests/line has the long model with the service on paper; here the same unit (the real outbox) talks to the
real pipeline, whose answers come from its own ledger, and the books are read back from the history.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from firmware import wire
from ingest.history.sqlite import SqliteHistory
from ingest.history.sqlite_schema import prepare
from ingest.ledger.schema import LEDGER_STEPS, advance
from tests.ingest.made import UNIT, Desk, birth
from tests.line.protocol_model import Protocol


class MemoryDesk(Desk):
    """The pipeline on a store in memory."""

    def __init__(self, content: bytes = b"") -> None:
        self._content = content
        super().__init__(None)  # type: ignore[arg-type]

    def store(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        if self._content:
            connection.deserialize(self._content)
        advance(connection, "ledger", LEDGER_STEPS)
        prepare(connection)
        return connection


class DeskService:
    """What the model asks of a service, answered by the real one."""

    def __init__(self, content: bytes = b"") -> None:
        self.desk = MemoryDesk(content)

    def content(self) -> bytes:
        return self.desk.connection.serialize()

    def take(self, batch: wire.Batch) -> None:
        self.desk.send(wire.encode_batch(batch))

    def receipt(self, epoch: str, conn: int = 0) -> dict[str, Any]:
        return self.desk.send(birth(conn, epoch=epoch), leaf="birth")

    def refused(self) -> list[str]:
        return [refused.detail for refused in self.desk.refused() if refused.cause != "fork"]

    @property
    def rows(self) -> dict[int, tuple[Any, ...]]:
        """Every stored row as the model reads it."""
        history = SqliteHistory(self.desk.connection)
        found: list[tuple[Any, ...]] = []
        for kind, _ in history.sources(UNIT):
            group = history.read(UNIT, kind, None, 0, wire.MAX_TIME_MS)
            names = [field.name for field in (*wire.BASE[1:], *wire.KINDS[kind].fields)]
            cells = zip(*(group.columns[name] for name in names), strict=True)
            found += [("", kind, "", *row) for row in cells]
        return dict(enumerate(found))


class Line(Protocol):
    """The model with the real service."""

    def __init__(self) -> None:
        super().__init__()
        self.service = DeskService()  # type: ignore[assignment]
        self.contents: list[bytes] = []

    # What seldom matters to the service leaves room for what does.
    wipe_card = wipe_broker = drop_all = drop_black_box = None  # type: ignore[assignment]

    def _conflicts(self) -> list[Any]:
        """A fallen card may send a row again at another time, so they only tell while none has fallen."""
        return [] if self.has_fallen_back else self.service.refused()  # type: ignore[attr-defined]

    @rule()
    def back_up(self) -> None:
        self.contents.append(self.service.content())  # type: ignore[attr-defined]

    @precondition(lambda self: self.contents and not self.has_fallen_back)
    @rule(at=st.integers(0, 9))
    def restore(self, at: int) -> None:
        self.service = DeskService(self.contents[at % len(self.contents)])  # type: ignore[assignment]
        self.is_restored = True
        self.promised &= self._stored() | self.unit.numbers()

    @rule()
    def kill_service(self) -> None:
        """Nothing is kept but what was committed."""
        self.service = DeskService(self.service.content())  # type: ignore[assignment, attr-defined]


def test_nothing_is_lost_and_nothing_counts_twice() -> None:
    chosen = settings(
        max_examples=100,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    run_state_machine_as_test(Line, settings=chosen)
