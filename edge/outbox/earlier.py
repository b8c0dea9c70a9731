"""Boots that never knew the time, once a later one does.

Their rows that were not offered yet are timed by an estimate when they are. Those that were offered without
a time keep what was sent, or a resend would differ: a correction goes after them, a `clock_set` of their own
boot whose clock is "estimated".

Such a row is of a boot that is long over. Under an epoch that the boot has used, a card that fell back could
give its number to other content of the same boot, and nobody would see the fork; so it begins a new epoch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edge.outbox import boots
from edge.outbox.rows import row_of
from edge.outbox.times import Boot, estimated
from edge.record import Record
from firmware import wire

if TYPE_CHECKING:
    from edge.outbox.boots import BootEntry
    from edge.outbox.connection import Connection
    from edge.outbox.rows import Row
    from edge.record import Values


def dated(db: Connection) -> list[Row]:
    """Estimate every boot without a clock from its neighbours; the corrections. Within a transaction."""
    if not boots.has_unknown(db):
        return []
    found = boots.boots_of(db)
    spans = [Boot(entry.boot_at_ms if entry.clock else None, entry.last_mono_ms) for entry in found]
    corrections = []
    for at, entry in enumerate(found[:-1]):
        boot_at_ms = None if entry.clock else estimated(spans, at)
        if boot_at_ms is None:
            continue
        spans[at] = Boot(boot_at_ms, entry.last_mono_ms)
        known = replace(entry, boot_at_ms=boot_at_ms, clock=boots.ESTIMATED)
        boots.save(db, known)
        if _was_offered(db, entry.number):
            corrections.append(row_of(_correction(known), 0, entry.number))
    return corrections


def _was_offered(db: Connection, boot: int) -> bool:
    """Whether any row of the boot has left, and so without a time."""
    found = db.execute(
        "SELECT 1 FROM runs JOIN lanes USING (epoch, lane) WHERE boot = ? AND first_seq <= offered LIMIT 1",
        (boot,),
    )
    return found.fetchone() is not None


def _correction(boot: BootEntry) -> Record:
    values: Values = {"step_ms": boot.boot_at_ms, "was": wire.CLOCKS.index("none")}
    mono_ms, boot_at_ms = boot.last_mono_ms, boot.boot_at_ms
    return Record(
        "clock_set", "clock", boot.boot, mono_ms, boot_at_ms + mono_ms, boot_at_ms, "estimated", values
    )
