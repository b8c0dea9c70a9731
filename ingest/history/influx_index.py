"""What the ledger's file keeps of the points in InfluxDB: whose they are, and when they really were.

Points are never rewritten. When a clock is won, the correction is a row here, and reading adds the shift:
rows of that boot whose clock ranks lower are looked for where they lie, and shown where they belong. To find
them without a scan, the index has for every BLOCK_SEQS seqs of a boot's lane from when to when they lie,
widened to whole hours so that it seldom changes. The same serves to compare a resend with what is stored.

It is written in the ledger's transaction, after the points. All of it comes again with a resend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest.history.chunk import CLOCK_NONE
from ingest.history.summary import HOUR_MS, begin_of
from ingest.ledger.schema import advance

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from ingest.history.chunk import Chunk, Piece

BLOCK_SEQS = 4096
MAX_KNOWN = 100_000  # blocks and series remembered, so that nothing is written twice

# Appended to, never edited.
STEPS = (
    """
    CREATE TABLE influx_series (
        unit TEXT NOT NULL,
        kind TEXT NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (unit, kind, source)
    ) WITHOUT ROWID;
    CREATE TABLE influx_block (
        unit TEXT NOT NULL,
        lane TEXT NOT NULL,
        boot TEXT NOT NULL,
        epoch TEXT NOT NULL,
        clock INTEGER NOT NULL,
        boot_at_ms INTEGER NOT NULL,
        block INTEGER NOT NULL,
        from_ms INTEGER NOT NULL,
        to_ms INTEGER NOT NULL,
        is_ahead INTEGER NOT NULL, -- whether a row of it ever claimed to be from the future
        PRIMARY KEY (unit, lane, boot, epoch, clock, boot_at_ms, block)
    ) WITHOUT ROWID;
    CREATE TABLE influx_correction (
        unit TEXT NOT NULL,
        boot TEXT NOT NULL,
        clock INTEGER NOT NULL,
        boot_at_ms INTEGER NOT NULL,
        mono_ms INTEGER NOT NULL,
        PRIMARY KEY (unit, boot)
    ) WITHOUT ROWID
    """,
)

_WIDEN = """
    INSERT INTO influx_block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    from_ms = MIN(from_ms, excluded.from_ms), to_ms = MAX(to_ms, excluded.to_ms),
    is_ahead = MAX(is_ahead, excluded.is_ahead)
"""
_ORIGINS = """
    SELECT block.boot, block.clock, block.boot_at_ms, true.clock, true.boot_at_ms,
        MIN(block.from_ms), MAX(block.to_ms), MAX(block.is_ahead)
    FROM influx_block AS block LEFT JOIN influx_correction AS true
        ON true.unit = block.unit AND true.boot = block.boot AND true.clock > block.clock
        AND true.boot_at_ms != block.boot_at_ms
    WHERE block.unit = ?1 AND block.lane = ?2 AND (
        block.from_ms <= ?4 AND block.to_ms >= ?3
        OR block.from_ms + true.boot_at_ms - block.boot_at_ms <= ?4
        AND block.to_ms + true.boot_at_ms - block.boot_at_ms >= ?3
    ) GROUP BY block.boot, block.clock, block.boot_at_ms
"""
_BETTER = """
    INSERT INTO influx_correction VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    clock = excluded.clock, boot_at_ms = excluded.boot_at_ms, mono_ms = excluded.mono_ms
    WHERE (excluded.clock, excluded.mono_ms) > (clock, mono_ms) RETURNING 1
"""

_BlockKey = tuple[str, str, str, str, int, int, int]


class Origin(NamedTuple):
    """Rows of one boot that have one clock and one boot instant, and where they lie."""

    boot: str
    clock: int
    boot_at_ms: int
    true_clock: int | None  # None: nothing better is known
    true_boot_at_ms: int | None
    from_ms: int
    to_ms: int
    has_ahead: int

    @property
    def is_moved(self) -> bool:
        return self.true_boot_at_ms is not None

    @property
    def shift_ms(self) -> int:
        return 0 if self.true_boot_at_ms is None else self.true_boot_at_ms - self.boot_at_ms

    def is_within(self, from_ms: int, to_ms: int) -> bool:
        """Whether rows may lie between two times, as they were sent."""
        return self.from_ms <= to_ms and self.to_ms >= from_ms


class Index:
    """The tables, on an open connection; its caller begins and ends transactions."""

    def __init__(self, ledger: sqlite3.Connection) -> None:
        self._ledger = ledger
        self._blocks: dict[_BlockKey, tuple[int, int, bool]] = {}
        self._series: set[tuple[str, str, str]] = set()
        self._shifts: dict[tuple[str, str, int, int], int] = {}

    def forget(self) -> None:
        """Drop what is remembered of a transaction that was rolled back."""
        self._blocks.clear()
        self._series.clear()
        self._shifts.clear()

    def note(self, piece: Piece, *, is_ahead: bool) -> None:
        """Know a piece's series, and where its rows lie."""
        if len(self._blocks) + len(self._series) + len(self._shifts) > MAX_KNOWN:
            self.forget()
        chunk = piece.chunk
        series = (chunk.unit, chunk.group.kind, chunk.group.source)
        if series not in self._series:
            self._ledger.execute("INSERT OR IGNORE INTO influx_series VALUES (?, ?, ?)", series)
            self._series.add(series)
        seqs = chunk.group.columns["seq"]
        extent = (begin_of(piece.from_ms), begin_of(piece.to_ms) + HOUR_MS - 1, is_ahead)
        for block in range(seqs[0] // BLOCK_SEQS, seqs[-1] // BLOCK_SEQS + 1):
            origin = (chunk.unit, chunk.lane, chunk.boot, chunk.epoch, piece.clock, piece.boot_at_ms)
            self._widen((*origin, block), extent)

    def _widen(self, key: _BlockKey, extent: tuple[int, int, bool]) -> None:
        from_ms, to_ms, is_ahead = self._blocks.get(key, (extent[0] + 1, 0, False))
        if from_ms <= extent[0] and to_ms >= extent[1] and is_ahead >= extent[2]:
            return
        self._ledger.execute(_WIDEN, (*key, *extent))
        self._blocks[key] = (min(from_ms, extent[0]), max(to_ms, extent[1]), is_ahead or extent[2])

    def shift_ms(self, unit: str, boot: str, clock: int, boot_at_ms: int) -> int:
        """How far rows of a boot and clock are moved."""
        key = (unit, boot, clock, boot_at_ms)
        known = self._shifts.get(key)
        if known is None:
            true = self._ledger.execute(
                "SELECT boot_at_ms FROM influx_correction WHERE unit = ? AND boot = ? AND clock > ?",
                (unit, boot, clock),
            ).fetchone()
            known = self._shifts[key] = 0 if true is None else true[0] - boot_at_ms
        return known

    def correct(self, chunk: Chunk) -> bool:
        """Take what rows of `clock_set` say; whether it is better than what was known."""
        columns = chunk.group.columns
        is_better = False
        for clock, boot_at_ms, time_ms in zip(
            columns["clock"], columns["boot_at_ms"], columns["time_ms"], strict=True
        ):
            said = (chunk.unit, chunk.boot, clock, boot_at_ms, time_ms - boot_at_ms)
            is_better |= self._ledger.execute(_BETTER, said).fetchone() is not None
        if is_better:
            self._shifts.clear()
        return is_better

    def origins(self, unit: str, lane: str, from_ms: int, to_ms: int) -> list[Origin]:
        """Which rows of a lane lie between two times, or belong there."""
        found = self._ledger.execute(_ORIGINS, (unit, lane, from_ms, to_ms))
        return [Origin(*row) for row in found]

    def hours(self, unit: str, boot: str, below_clock: int) -> Iterator[tuple[str, int]]:
        """The lanes and hours that a boot's rows of lower clocks may be in by now; none without a time."""
        for lane, clock, boot_at_ms, from_ms, to_ms in self._ledger.execute(
            "SELECT lane, clock, boot_at_ms, from_ms, to_ms FROM influx_block"
            " WHERE unit = ? AND boot = ? AND clock < ?",
            (unit, boot, below_clock),
        ).fetchall():
            shift_ms = self.shift_ms(unit, boot, clock, boot_at_ms)
            if clock != CLOCK_NONE or shift_ms:
                for hour_ms in range(begin_of(from_ms + shift_ms), to_ms + shift_ms + 1, HOUR_MS):
                    yield lane, hour_ms

    def extents(
        self, unit: str, epoch: str, lane: str, boot: str, first_seq: int, last_seq: int
    ) -> Iterable[tuple[int, int, int]]:
        """Where rows of these seqs lie: clock, from and to."""
        return self._ledger.execute(
            "SELECT clock, MIN(from_ms), MAX(to_ms) FROM influx_block WHERE unit = ? AND lane = ?"
            " AND boot = ? AND epoch = ? AND block BETWEEN ? AND ? GROUP BY clock = 0",
            (unit, lane, boot, epoch, first_seq // BLOCK_SEQS, last_seq // BLOCK_SEQS),
        ).fetchall()

    def sources(self, unit: str) -> list[tuple[str, str]]:
        """Which (kind, source) there are of a unit."""
        return self._ledger.execute(
            "SELECT kind, source FROM influx_series WHERE unit = ? ORDER BY kind, source", (unit,)
        ).fetchall()

    def lies_from_to(self) -> tuple[int, int] | None:
        """From when to when rows with a time lie at all."""
        from_ms, to_ms = self._ledger.execute(
            "SELECT MIN(from_ms), MAX(to_ms) FROM influx_block WHERE clock > 0"
        ).fetchone()
        return None if from_ms is None else (from_ms, to_ms)

    def erase(self, unit: str) -> None:
        """Know nothing of a unit any more."""
        for table in ("influx_series", "influx_block", "influx_correction"):
            self._ledger.execute(f"DELETE FROM {table} WHERE unit = ?", (unit,))  # noqa: S608
        self.forget()


def prepare(ledger: sqlite3.Connection) -> None:
    """Make or bring forward the index in the ledger's file."""
    advance(ledger, "influx", STEPS)
