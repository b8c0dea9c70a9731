"""The unit's starts: when each began, as far as known, and how long it ran.

Age is counted in running time since the outbox was made, without any wall clock, so neither a clock that was
wrong nor a month in the garage ages a record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edge.outbox.schema import write
from edge.outbox.times import Boot, estimated
from firmware import wire

if TYPE_CHECKING:
    from edge.outbox.connection import Connection

ESTIMATED, RTC = wire.CLOCKS.index("estimated"), wire.CLOCKS.index("rtc")


@dataclass(frozen=True, slots=True)
class BootEntry:
    """A start of the unit; with clock 0 nobody knows when it was."""

    number: int
    boot: str
    boot_at_ms: int
    clock: int
    last_mono_ms: int
    ran_before_ms: int


_COLUMNS = "id, boot, boot_at_ms, clock, last_mono_ms, ran_before_ms"


def boots_of(db: Connection) -> list[BootEntry]:
    """All boots, oldest first: after years, thousands."""
    found = db.execute(f"SELECT {_COLUMNS} FROM boots ORDER BY id").fetchall()  # noqa: S608 (names of our own)
    return [BootEntry(*row) for row in found]


def has_unknown(db: Connection) -> bool:
    """Whether a boot before the last is not even estimated."""
    found = db.execute(
        "SELECT 1 FROM boots WHERE clock = 0 AND id < (SELECT max(id) FROM boots) LIMIT 1"
    ).fetchone()
    return found is not None


def save(db: Connection, entry: BootEntry) -> None:
    """Write what is known of a boot. Within a transaction."""
    write(
        db,
        "boots",
        entry.number,
        entry.boot,
        entry.boot_at_ms,
        entry.clock,
        entry.last_mono_ms,
        entry.ran_before_ms,
    )


def find(db: Connection, number: int) -> BootEntry:
    """A boot that is known to be there."""
    row = db.execute(f"SELECT {_COLUMNS} FROM boots WHERE id = ?", (number,)).fetchone()  # noqa: S608 (names of our own)
    return BootEntry(*row)


def began_at(db: Connection, number: int) -> int | None:
    """When a boot began: known, or estimated now and kept, so that all its lanes say the same.

    Within a transaction. None while no boot ever knew the time.
    """
    own = find(db, number)
    if own.clock:
        return own.boot_at_ms
    found = boots_of(db)
    at = found.index(own)
    spans = [Boot(entry.boot_at_ms if entry.clock else None, entry.last_mono_ms) for entry in found]
    boot_at_ms = estimated(spans, at)
    if boot_at_ms is not None:
        save(db, replace(own, boot_at_ms=boot_at_ms, clock=ESTIMATED))
    return boot_at_ms


def ran_ms(db: Connection, number: int, mono_ms: int) -> int:
    """Running time since the outbox was made, at a moment of a boot."""
    found = db.execute("SELECT ran_before_ms FROM boots WHERE id = ?", (number,)).fetchone()
    return mono_ms + (0 if found is None else int(found[0]))


def moment_before(db: Connection, number: int, mono_ms: int, age_ms: int) -> tuple[int, int]:
    """(boot, mono_ms) of the moment that much running time before one of a boot."""
    then_ms = ran_ms(db, number, mono_ms) - age_ms
    found = db.execute(
        "SELECT id, ran_before_ms FROM boots WHERE ran_before_ms <= ? ORDER BY id DESC LIMIT 1", (then_ms,)
    ).fetchone()
    return (0, 0) if found is None else (found[0], then_ms - found[1])


def last_good_ms(db: Connection) -> int:
    """When the last boot whose clock was set by the sky or the network was seen last; 0 when none ever was.

    Not the latest such moment of all: a clock that was once wrong must not stay in the way. Nor a clock on
    board, which may be off by minutes.
    """
    found = db.execute(
        "SELECT boot_at_ms + last_mono_ms FROM boots WHERE clock > ? ORDER BY id DESC LIMIT 1", (RTC,)
    ).fetchone()
    return 0 if found is None else int(found[0])
