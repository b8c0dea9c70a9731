"""What the boots of units have learned of the time: the best clock of each, and when it began by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from firmware import wire
from ingest.stock.entries import booked_time

if TYPE_CHECKING:
    import sqlite3


class Won(NamedTuple):
    """The best clock of a boot, as its rank on the wire."""

    clock: int
    boot_at_ms: int


def learn(
    ledger: sqlite3.Connection, unit: str, boot: str, clock: int, boot_at_ms: int, mono_ms: int
) -> bool:
    """A boot's clock was won or stepped; False when a better one is known.

    Of several corrections the one of the better clock counts, then the later one, whichever comes first.
    """
    is_better = ledger.execute(
        "INSERT INTO book_clock VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET clock = excluded.clock,"
        " boot_at_ms = excluded.boot_at_ms, mono_ms = excluded.mono_ms"
        " WHERE (excluded.clock, excluded.mono_ms) > (clock, mono_ms) RETURNING 1",
        (unit, boot, clock, boot_at_ms, mono_ms),
    ).fetchone()
    return is_better is not None


def find(ledger: sqlite3.Connection, unit: str, boot: str | None) -> Won | None:
    """What a boot has learned, None when it has not."""
    row = ledger.execute(
        "SELECT clock, boot_at_ms FROM book_clock WHERE unit = ? AND boot = ?", (unit, boot)
    ).fetchone()
    return None if row is None else Won(*row)


def time_of(
    won: Won | None, said_ms: int, said_clock: int, boot_at_ms: int, learned_ms: int
) -> tuple[int, str]:
    """When something happened by the best that is known, and by which clock."""
    if won is None or won.clock <= said_clock:
        return booked_time(said_ms, wire.CLOCKS[said_clock], learned_ms)
    return booked_time(won.boot_at_ms + said_ms - boot_at_ms, wire.CLOCKS[won.clock], learned_ms)
