"""Stores as months of service leave them, written by the service's own parts but not through a broker.

A unit's rows go through `SqliteHistory.write`. Further units get copies of its chunks, made inside SQLite:
what a store costs to open and to search depends on how many chunks there are, not on what is in them.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edge.track import Point, simplified
from firmware import wire
from ingest.decode import decode_with_chunks
from ingest.history.chunk import Chunk
from ingest.history.sqlite import SqliteHistory
from ingest.history.sqlite_schema import prepare
from ingest.ledger import last_values, marks, units
from ingest.ledger.files import open_store
from tests.bench.tracks import BEGIN_MS, TOWN, Fix, drive

ROWS = 60
DAY_MS = 86_400_000
MINUTE_MS = 60_000
END_MS = BEGIN_MS - BEGIN_MS % DAY_MS  # stores end at a midnight
EPOCH, BOOT = "c0ffee0123456789", "0123456789abcdef"
WINDOW = 120
DUTY_S = 8 * 3600
DUTY_DAYS = 250
DRIVES = 4
Columns = dict[str, list[Any]]


def chunks(unit: str, kind: str, columns: Columns, first_seq: int = 1) -> Iterator[Chunk]:
    """Rows in batches of 60, as the service gets them; `columns` lack seq, boot and clock."""
    times = columns["time_ms"]
    for at in range(0, len(times), ROWS):
        part = {name: column[at : at + ROWS] for name, column in columns.items()}
        rows = len(part["time_ms"])
        prev = first_seq + at - 1
        part |= {"seq": list(range(prev + 1, prev + 1 + rows)), "clock": [4] * rows}
        part |= {"boot_at_ms": [END_MS - 400 * DAY_MS] * rows}
        group = wire.Group(kind, wire.KINDS[kind].source, part)
        lane = wire.KINDS[kind].lane
        batch = wire.Batch(EPOCH, lane, prev, BOOT, None, [group])
        whole, bodies = decode_with_chunks(wire.encode_batch(batch))
        yield Chunk(unit, EPOCH, lane, BOOT, prev, whole.groups[0], bodies[0], END_MS)


def columns_of(fixes: Sequence[Fix], begin_ms: int, step: int = 1) -> Columns:
    """One fix of so many as columns, the first at `begin_ms`, each at its distance from it."""
    names = ("time_ms", *wire.KINDS["fix"].by_name)
    out = {name: [fix[name] for fix in fixes[::step]] for name in names}
    out["time_ms"] = [time_ms - fixes[0]["time_ms"] + begin_ms for time_ms in out["time_ms"]]
    return out


def kept(fixes: list[Fix], tolerance_m: float = 5.0) -> list[Fix]:
    """What a unit sends of a drive."""
    out = [fixes[0]]
    for at in range(1, len(fixes), WINDOW):
        window = [out[-1], *fixes[at : at + WINDOW]]
        points = [Point(fix["time_ms"], fix["lat_e7"], fix["lon_e7"]) for fix in window]
        out += [window[row] for row in simplified(points, tolerance_m)[1:]]
    return out


def sense(kind: str, days: int, step_ms: int = MINUTE_MS) -> Columns:
    """Readings of a cabinet's probe or of a vehicle's supply, up to END_MS: slow waves and a little noise."""
    rows = days * DAY_MS // step_ms
    times = [END_MS - (rows - row) * step_ms for row in range(rows)]
    noise = [(row * 7919 % 101 - 50) // 17 for row in range(rows)]
    wave = [abs(row % 97 - 48) for row in range(rows)]
    if kind == "climate":
        return {
            "time_ms": times,
            "temperature_cc": [450 + 3 * high + low for high, low in zip(wave, noise, strict=True)],
            "humidity_cpct": [4500 + 10 * (high + low) for high, low in zip(wave, noise, strict=True)],
            "is_door_open": [int(row % 731 == 0) for row in range(rows)],
        }
    is_on = [int(time_ms % DAY_MS < DUTY_S * 1000) for time_ms in times]
    return {
        "time_ms": times,
        "supply_mv": [12_600 + 1400 * on + 10 * low for on, low in zip(is_on, noise, strict=True)],
        "battery_mv": [12_500 + 2 * high for high in wave],
        "is_ignition_on": is_on,
        "is_undervolted": [0] * rows,
    }


def health(days: int, step_ms: int = 5 * MINUTE_MS) -> Columns:
    """What the unit says of itself every five minutes."""
    rows = days * DAY_MS // step_ms
    return {
        "time_ms": [END_MS - (rows - row) * step_ms for row in range(rows)],
        "uptime_s": [row * step_ms // 1000 for row in range(rows)],
        "disk_free_mib": [24_000 - row // 500 for row in range(rows)],
        "outbox_rows": [row * 31 % 60 for row in range(rows)],
        "outbox_age_s": [row * 13 % 30 for row in range(rows)],
        "soc_temperature_cc": [4800 + 50 * abs(row % 61 - 30) for row in range(rows)],
        "load_c": [10 + row * 17 % 23 for row in range(rows)],
        "odometer_m": [row * 900 for row in range(rows)],
        "dropped": [0] * rows,
        "nmea_refused": [row // 300 for row in range(rows)],
        "reconnects": [row // 90 for row in range(rows)],
    }


def year_of_tracks(unit: str) -> Iterator[Chunk]:
    """250 days of eight hours in town, as sent: simplified to 5 m."""
    drives = [kept(drive(DUTY_S, road=TOWN, seed=seed)) for seed in range(DRIVES)]
    seq = 1
    for day in range(DUTY_DAYS):
        fixes = drives[day % DRIVES]
        begin_ms = END_MS - (DUTY_DAYS - day) * DAY_MS + day * 1009
        yield from chunks(unit, "fix", columns_of(fixes, begin_ms), seq)
        seq += len(fixes)


def year(unit: str) -> dict[str, Iterator[Chunk]]:
    """A year of one vehicle with one cabinet, by kind."""
    sensed = {"climate": sense("climate", 365), "power": sense("power", 365), "health": health(365)}
    seq, out = 1, {"fix": year_of_tracks(unit)}
    for kind, columns in sensed.items():
        out[kind] = chunks(unit, kind, columns, seq)
        seq += len(columns["time_ms"])
    return out


class Store:
    """A store that is being filled; `close` leaves one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = open_store(path)
        prepare(self.connection)
        self.history = SqliteHistory(self.connection)

    def put(self, some: Iterable[Chunk]) -> int:
        """Write in one transaction, with what the ledger knows of the unit; how many rows."""
        rows, newest = 0, None
        self.connection.execute("BEGIN IMMEDIATE")
        for chunk in some:
            self.history.write([chunk])
            rows, newest = rows + chunk.group.rows, chunk
        if newest is not None:
            self._know(newest)
        self.connection.execute("COMMIT")
        return rows

    def _know(self, chunk: Chunk) -> None:
        columns = chunk.group.columns
        seq, time_ms = columns["seq"][-1], columns["time_ms"][-1]
        units.see(self.connection, [chunk.unit], END_MS)
        birth = {"name": chunk.unit, "capabilities": [], "conn": 1, "epoch": EPOCH, "boot": BOOT}
        units.note_birth(self.connection, chunk.unit, birth | {"software": "1"})
        if not marks.lanes(self.connection, chunk.unit):
            marks.add_runs(self.connection, [(chunk.unit, EPOCH, chunk.lane, 1, BOOT)])
        marks.move(self.connection, [(chunk.unit, EPOCH, chunk.lane, seq, seq, 0, END_MS)])
        series = (chunk.unit, chunk.group.kind, chunk.group.source)
        last_values.put(self.connection, [(*series, time_ms, seq, 4, END_MS, chunk.prev, chunk.body)])

    def copy(self, unit: str, others: Sequence[str]) -> None:
        """Give other units all that this one has."""
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        for table in ("unit", "lane", "run", "last_value", "series", "origin"):
            own = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            rest = ", ".join(name for name in own if name not in ("unit", "id"))
            connection.executemany(
                f"INSERT INTO {table} (unit, {rest}) SELECT ?, {rest} FROM {table} WHERE unit = ?",
                [(other, unit) for other in others],
            )
        connection.execute(
            "INSERT INTO chunk"
            " (series, origin, prev, last_seq, from_ms, span_ms, received_ms, is_ahead, body)"
            " SELECT s.id, o.id, prev, last_seq, from_ms, span_ms, received_ms, is_ahead, body"
            " FROM series AS s"
            " JOIN series AS s1 ON s1.unit = ?1 AND s1.kind = s.kind AND s1.source = s.source"
            " JOIN chunk ON chunk.series = s1.id JOIN origin AS o1 ON o1.id = chunk.origin"
            " JOIN origin AS o ON o.unit = s.unit AND o.lane = o1.lane WHERE s.unit <> ?1",
            (unit,),
        )
        connection.execute("COMMIT")
        self.history.forget()

    def close(self) -> int:
        """The bytes it takes on the disk."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()
        return self.path.stat().st_size


def forget_pages(path: Path) -> None:
    """Make the kernel forget what it keeps of the file: the next reader comes to the disk."""
    for one in (path, path.with_name(path.name + "-wal")):
        with contextlib.suppress(FileNotFoundError), one.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def bare_bodies(path: Path, unit: str, kind: str, from_ms: int, to_ms: int) -> int:
    """The reference for reading: the same blobs fetched and left as they are; how many bytes."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "SELECT body FROM chunk WHERE series = (SELECT id FROM series WHERE unit = ? AND kind = ?)"
            " AND from_ms BETWEEN ? AND ? ORDER BY from_ms",
            (unit, kind, from_ms, to_ms),
        )
        return sum(len(body) for (body,) in found)
