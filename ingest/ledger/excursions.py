"""Excursions as units judged them: one row each, however many records told of it and in whatever order.

A record says how long ago an excursion began and ended. So its times are as good as the record's own, and are
moved with it when the boot that made it learns that its clock was wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from firmware import wire
from ingest.ledger import clocks

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from ingest.stock.entries import Said


@dataclass(frozen=True, slots=True)
class Excursion:
    """A probe outside its safe range; `state` is open, ended or lost, times are those of the event."""

    unit: str
    source: str
    epoch: str
    number: int
    seq: int
    state: str
    direction: str
    judgement: str
    comparator: str
    limit_cc: int
    limit_s: int
    began_ms: int
    ended_ms: int | None
    outside_s: int
    lowest_cc: int | None
    highest_cc: int | None
    profile: str
    profile_version: int
    clock: str
    learned_ms: int
    latest_ms: int


_FIELDS = tuple(Excursion.__slots__)
_COLUMNS = ", ".join(_FIELDS)
_SAID = ("boot", "said_ms", "said_clock", "boot_at_ms", "said_learned_ms", "began_ago_ms", "ended_ago_ms")
_NEWEST = (*_FIELDS[5:19], *_SAID)  # what the record that was made last says


def note(ledger: sqlite3.Connection, said: Said) -> None:
    """Take a record about an excursion: of several the one that was made last counts."""
    values, said_clock = said.values, wire.CLOCKS.index(said.clock)
    stamp = (said.time_ms, said_clock, said.boot_at_ms, said.learned_ms)
    began_ago_ms, ended_ago_ms = values["began_ago_ms"], values.get("ended_ago_ms")
    time_ms, clock = clocks.time_of(clocks.find(ledger, said.unit, said.boot), *stamp)
    row = (
        *(said.unit, said.source, said.epoch, values["number"], said.seq),
        *(values[name] for name in ("state", "direction", "judgement", "comparator")),
        *(values["limit_cc"], values["limit_s"], *_began_and_ended(time_ms, began_ago_ms, ended_ago_ms)),
        *(values["outside_s"], values.get("lowest_cc"), values.get("highest_cc")),
        *(values["profile"], values["profile_version"], clock, said.learned_ms, said.learned_ms),
        *(said.boot, *stamp, began_ago_ms, ended_ago_ms),
    )
    newer = ", ".join(
        f"{name} = CASE WHEN excluded.seq > seq THEN excluded.{name} ELSE {name} END" for name in _NEWEST
    )
    ledger.execute(
        f"INSERT INTO excursion ({', '.join((*_FIELDS, *_SAID))}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608
        f" ON CONFLICT DO UPDATE SET {newer}, seq = MAX(seq, excluded.seq),"
        " learned_ms = MIN(learned_ms, excluded.learned_ms), latest_ms = MAX(latest_ms, excluded.latest_ms)",
        row,
    )


def _began_and_ended(time_ms: int, began_ago_ms: int, ended_ago_ms: int | None) -> tuple[int, int | None]:
    return time_ms - began_ago_ms, None if ended_ago_ms is None else time_ms - ended_ago_ms


def correct(ledger: sqlite3.Connection, unit: str, boot: str) -> int:
    """Move what a boot had told by a lesser clock than it has won; returns how many excursions."""
    won = clocks.find(ledger, unit, boot)
    if won is None:
        return 0
    rows = ledger.execute(
        f"SELECT source, epoch, number, {', '.join(_SAID[1:])} FROM excursion"  # noqa: S608
        " WHERE unit = ? AND boot = ? AND said_clock < ?",
        (unit, boot, won.clock),
    ).fetchall()
    for source, epoch, number, *stamp, began_ago_ms, ended_ago_ms in rows:
        time_ms, clock = clocks.time_of(won, *stamp)
        ledger.execute(
            "UPDATE excursion SET began_ms = ?, ended_ms = ?, clock = ?"
            " WHERE unit = ? AND source = ? AND epoch = ? AND number = ?",
            (
                *_began_and_ended(time_ms, began_ago_ms, ended_ago_ms),
                *(clock, unit, source, epoch, number),
            ),
        )
    return len(rows)


def of_unit(
    ledger: sqlite3.Connection, unit: str, sources: Iterable[str] | None, limit: int
) -> list[Excursion]:
    """A unit's excursions, of all its probes or of these, the newest first."""
    rows = ledger.execute(
        f"SELECT {_COLUMNS} FROM excursion WHERE unit = ? ORDER BY began_ms DESC, number DESC",  # noqa: S608
        (unit,),
    )
    wanted = None if sources is None else set(sources)
    found = [Excursion(*row) for row in rows]
    return [one for one in found if wanted is None or one.source in wanted][:limit]
