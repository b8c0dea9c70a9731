"""What InfluxDB is asked for a window of time, and which rows of its answer count.

Beside the window itself the windows are looked through in which rows of corrected boots lie; and those rows
are left out where they lie no more, as is what claimed to be from the future.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from firmware import wire
from ingest.history.chunk import CLOCK_NONE
from ingest.history.classes import LONG, class_of
from ingest.history.influx_lines import NS, RECEIVED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.history.influx_index import Origin

AskedRow = list[Any]  # seq, time_ms, boot_at_ms, clock, the kind's fields, source


class Look(NamedTuple):
    """Where rows are looked for, by the times they were sent with; of one origin or of all."""

    policy: str
    from_ms: int
    to_ms: int
    origin: Origin | None = None

    @property
    def shift_ms(self) -> int:
        """How far the rows of it are moved."""
        return 0 if self.origin is None else self.origin.shift_ms


def looks_of(kind: str, origins: list[Origin], from_ms: int, to_ms: int) -> Iterator[Look]:
    """Where rows lie that happened between two times, as far as is known."""
    yield Look(class_of(kind), from_ms, to_ms)
    if any(origin.clock == CLOCK_NONE and origin.is_within(from_ms, to_ms) for origin in origins):
        yield Look(LONG, from_ms, to_ms)
    for origin in origins:
        if origin.is_moved:
            policy = class_of(kind, origin.clock)
            low_ms, high_ms = from_ms - origin.shift_ms, to_ms - origin.shift_ms
            low_ms, high_ms = max(low_ms, origin.from_ms), min(high_ms, origin.to_ms)
            if low_ms <= high_ms:
                yield Look(policy, low_ms, high_ms, origin)


class Asked:
    """A question for rows of a series: what is selected, which rows of an answer count."""

    def __init__(self, kind: str, unit: str, source: str | None, origins: list[Origin]) -> None:
        self.kind, self.unit = kind, unit
        self._series = {"unit": unit} if source is None else {"unit": unit, "source": source}
        self.only: dict[str, str] = {}
        self.seqs: tuple[int, int] | None = None
        self._moved = {(own.boot, own.clock, own.boot_at_ms) for own in origins if own.is_moved}
        self._has_ahead = any(own.has_ahead for own in origins)
        fields = [field.name for field in wire.KINDS[kind].fields]
        names = ["seq", "boot_at_ms", "clock", *fields, "source"]
        self._end = len(names) + 1
        if self._moved or self._has_ahead:
            names += ["boot", RECEIVED]
        self.select = ", ".join(f'"{name}"' for name in names)

    def where(self, look: Look, from_ns: int, to_ns: int) -> tuple[str, dict[str, object]]:
        """The condition of a look, and its values."""
        values: dict[str, object] = {**self._series, **self.only}
        if look.origin is not None:
            values |= {name: getattr(look.origin, name) for name in ("boot", "clock", "boot_at_ms")}
        where = [f'"{name}" = ${name}' for name in values]
        if self.seqs is not None:
            where += ['"seq" >= $first', '"seq" <= $last']
            values |= {"first": self.seqs[0], "last": self.seqs[1]}
        where += ["time >= $from", "time <= $to"]
        return " AND ".join(where), values | {"from": from_ns, "to": to_ns}

    def usable(self, page: list[list[Any]], look: Look, ahead_ms: int) -> list[AskedRow]:
        """The rows of a page that belong to a look, cells in the history's order, moved as far as known."""
        if not self._moved and not self._has_ahead:
            return [_in_order(row) for row in page]
        shift_ms = look.shift_ms
        rows = []
        for row in page:
            boot, received_ms = row[self._end :]
            if look.origin is None and (boot, row[3], row[2]) in self._moved:
                continue
            if received_ms is not None and row[0] // NS + shift_ms > received_ms + ahead_ms:
                continue
            own = _in_order(row[: self._end])
            if look.origin is not None:
                own[1] += shift_ms
                own[2] += shift_ms
                own[3] = look.origin.true_clock
            rows.append(own)
        return rows


def _in_order(row: list[Any]) -> AskedRow:
    time_ns, seq, boot_at_ms, clock, *rest = row
    return [seq, time_ns // NS, boot_at_ms, clock, *rest]


def group_of(kind: str, source: str | None, rows: list[AskedRow]) -> wire.Group:
    """Rows as a history gives them."""
    names = [field.name for field in (*wire.BASE, *wire.KINDS[kind].fields)]
    cells = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in (*names, "source")]
    return wire.Group(kind, source or "", dict(zip((*names, "source"), cells, strict=True)))
