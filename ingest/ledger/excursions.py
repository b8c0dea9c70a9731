"""Excursions as units judged them: one row each, however many records told of it and in whatever order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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


def note(ledger: sqlite3.Connection, said: Said) -> None:
    """Take a record about an excursion: of several the one that was made last counts."""
    values, time_ms = said.values, said.time_ms
    ended_ago_ms = values.get("ended_ago_ms")
    row = (
        *(said.unit, said.source, said.epoch, values["number"], said.seq),
        *(values[name] for name in ("state", "direction", "judgement", "comparator")),
        *(values["limit_cc"], values["limit_s"], time_ms - values["began_ago_ms"]),
        None if ended_ago_ms is None else time_ms - ended_ago_ms,
        *(values["outside_s"], values.get("lowest_cc"), values.get("highest_cc")),
        *(values["profile"], values["profile_version"], said.clock, said.learned_ms, said.learned_ms),
    )
    newer = ", ".join(
        f"{name} = CASE WHEN excluded.seq > seq THEN excluded.{name} ELSE {name} END"
        for name in _FIELDS[5:19]
    )
    ledger.execute(
        f"INSERT INTO excursion ({_COLUMNS}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608
        f" ON CONFLICT DO UPDATE SET {newer}, seq = MAX(seq, excluded.seq),"
        " learned_ms = MIN(learned_ms, excluded.learned_ms), latest_ms = MAX(latest_ms, excluded.latest_ms)",
        row,
    )


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
