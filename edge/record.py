"""Reading and record: what a source measured, and the same with its boot and time.

A reading becomes a record once, by `record_of`, which also checks it against the wire's field table: a bad
one is refused where it was made. The outbox then gives the record its epoch, lane and seq.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from firmware import wire

if TYPE_CHECKING:
    from edge.clock import Clock

Values = dict[str, int | str | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured set, before identity and time. `utc_ms` is the source's own time, if it has one."""

    kind: str
    source: str
    mono_ms: int
    values: Values
    utc_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A reading plus boot and time; without epoch, lane and seq, which the outbox gives."""

    kind: str
    source: str
    boot: str
    mono_ms: int
    time_ms: int
    boot_at_ms: int
    clock: str
    values: Values

    @property
    def lane(self) -> str:
        return wire.KINDS[self.kind].lane


def record_of(reading: Reading, boot: str, clock: Clock) -> Record:
    """The reading at the time that the clock gives it; raises WireError for what the wire would refuse."""
    wire.check_values(reading.kind, reading.values)
    if not wire.is_source(reading.source):
        raise wire.WireError("shape", reading.kind + ".source", "not a name")
    time_ms, boot_at_ms, word = clock.time_of(reading.mono_ms)
    if word == "gnss":
        own_ms = clock.own_time(reading.utc_ms, reading.mono_ms)
        time_ms = time_ms if own_ms is None else own_ms
    return Record(
        reading.kind, reading.source, boot, reading.mono_ms, time_ms, boot_at_ms, word, reading.values
    )


def fault(
    part: str,
    code: str,
    mono_ms: int,
    *,
    source: str = "unit",
    detail: str | None = None,
    is_over: bool = False,
) -> Reading:
    """A fault of `part`, raised or cleared, as a reading."""
    if detail is not None:
        detail = detail.encode()[: wire.MAX_TEXT_BYTES].decode(errors="ignore")
    values: Values = {"part": part, "code": code, "state": int(is_over), "detail": detail}
    return Reading("fault", source, mono_ms, values)
