"""Reading and record: what a source measured, and the same with its boot and time.

A reading becomes a record once, by `record_of`, which also checks it against the wire's field table: a bad
one is refused where it was made. The outbox then gives the record its epoch, lane and seq.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.clock import Clock

Values = dict[str, int | str | None]
MAX_MONO_MS = 20 * 366 * 86_400_000  # whenever the boot turns out to have been, the wire can tell the time


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a source that keeps its own rows stands once this reading is on disk.

    The row `seq` of `epoch` and `boot`, whose run began with `first_seq`, follows the row `prev`; the source
    keeps nothing up to `settled_seq`. `settled` is called from the main thread with what is on disk.
    `is_by_utc`: `utc_ms` tells when it was.
    """

    key: str
    epoch: str
    prev: int
    seq: int
    boot: str
    settled: Callable[[Mark], None]
    settled_seq: int = 0
    first_seq: int = 0
    is_by_utc: bool = False

    def follows(self, last: Mark | None) -> bool:
        """Whether this is the next row after `last`, or the first that the source still keeps."""
        if last is None or last.epoch != self.epoch:
            return self.prev <= self.settled_seq
        return self.prev <= last.seq < self.seq

    def after(self, last: Mark | None) -> Mark:
        """The same, with the beginning of its run."""
        is_same_run = last is not None and (last.epoch, last.boot) == (self.epoch, self.boot)
        return replace(self, first_seq=last.first_seq if last is not None and is_same_run else self.seq)

    @property
    def note(self) -> str:
        """What the outbox keeps of it."""
        return f"{self.epoch} {self.seq} {self.boot} {self.first_seq}"

    def noted(self, note: str | None) -> Mark | None:
        """The one that the outbox keeps, with the same key."""
        if note is None:
            return None
        epoch, seq, boot, first_seq = note.split()
        return replace(self, epoch=epoch, seq=int(seq), boot=boot, first_seq=int(first_seq))


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured set, before identity and time. `utc_ms` is the source's own time, if it has one."""

    kind: str
    source: str
    mono_ms: int
    values: Values
    utc_ms: int | None = None
    mark: Mark | None = None


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
    if not 0 <= time_ms <= wire.MAX_TIME_MS or reading.mono_ms > MAX_MONO_MS:
        raise wire.WireError(
            "range", reading.kind + ".time_ms", f"{time_ms}, {reading.mono_ms} since the boot"
        )
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
