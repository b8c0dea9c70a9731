"""Summaries of hours in InfluxDB: a point per series and hour, in the policy that keeps for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.history.classes import LONG
from ingest.history.influx_asked import Asked, Look
from ingest.history.influx_lines import NS
from ingest.history.summary import NAMES, Hour, Stat, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.history.influx_server import InfluxServer

HOUR_SUFFIX = "_hour"


def put(server: InfluxServer, summaries: Sequence[Summary]) -> None:
    """Keep these, in place of what was kept of the same hours."""
    _put(server, [(hour, _hour_fields(hour.kind, rows, stats)) for hour, rows, stats in summaries])


def drop(server: InfluxServer, hours: Iterable[Hour]) -> None:
    """Let go what is kept of hours that have no rows any more: say that there are none."""
    _put(server, [(hour, "rows=0i") for hour in hours])


def _put(server: InfluxServer, hours: list[tuple[Hour, str]]) -> None:
    text = "\n".join(
        f"{hour.kind}{HOUR_SUFFIX},source={hour.source},unit={hour.unit} {fields} {hour.begin_ms * NS}"
        for hour, fields in hours
    )
    if text:
        server.put(LONG, text.encode())


def between(
    server: InfluxServer, unit: str, kind: str, source: str, from_ms: int, to_ms: int
) -> list[Summary]:
    """The hours of a series that begin within from_ms <= begin_ms <= to_ms, in order."""
    names = NAMES[kind]
    select = "".join(f', "{name}_{part}"' for name in names for part in Stat._fields)
    asked = Asked(kind, unit, source, [])
    where, values = asked.where(Look(LONG, 0, 0), from_ms * NS, to_ms * NS)
    statement = f'SELECT "rows"{select} FROM "{kind}{HOUR_SUFFIX}" WHERE {where}'  # noqa: S608 - names of the wire
    (tables,) = server.ask(statement, values, LONG)
    found = []
    for begin_ns, rows, *cells in tables[0].rows if tables else []:
        if not rows:
            continue
        parts = {name: cells[4 * at : 4 * at + 4] for at, name in enumerate(names)}
        stats = {name: Stat(*part) for name, part in parts.items() if part[0]}
        found.append(Summary(Hour(begin_ns // NS, kind, unit, source), rows, stats))
    return found


def _hour_fields(kind: str, rows: int, stats: dict[str, Stat]) -> str:
    """All fields that an hour may have: one that was there before must not stay."""
    none = Stat(0, 0, 0, 0)
    fields = [
        f"{name}_{part}={value}i"
        for name in NAMES[kind]
        for part, value in zip(Stat._fields, stats.get(name, none), strict=True)
    ]
    return ",".join([f"rows={rows}i", *fields])
