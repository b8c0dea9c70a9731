"""Chunks made by hand, as the decoder gives them."""

from typing import Any

from firmware import wire
from ingest.decode import decode_with_chunks
from ingest.history import History
from ingest.history.chunk import Chunk
from tests.ingest.made import EPOCH, NONE, NOW_MS, UNIT, A, batch_of, group

DAY_MS = 86_400_000


def chunks(batch: wire.Batch, unit: str = UNIT) -> list[Chunk]:
    decoded, bodies = decode_with_chunks(wire.encode_batch(batch))
    head = (unit, decoded.epoch, decoded.lane, decoded.boot, decoded.prev)
    return [Chunk(*head, group, body, NOW_MS) for group, body in zip(decoded.groups, bodies, strict=True)]


def fix_chunks(seqs: range, boot: str = A, epoch: str = EPOCH, unit: str = UNIT, **cells: Any) -> list[Chunk]:
    return chunks(batch_of([group("fix", seqs, **cells)], boot=boot, epoch=epoch), unit)


def clock_set(seq: int, clock: int, boot_at_ms: int, time_ms: int, boot: str = A) -> list[Chunk]:
    rows = group("clock_set", [seq], clock=clock, boot_at_ms=boot_at_ms, time_ms=time_ms)
    return chunks(batch_of([rows], boot=boot))


def keep(history: History, chunks: list[Chunk]) -> None:
    """Write these, and be sure that they are kept."""
    history.write(chunks)
    assert history.settle() == []


def everything(history: History, unit: str = UNIT, kind: str = "fix") -> wire.Group:
    return history.read(unit, kind, None, 0, wire.MAX_TIME_MS)


def untimed(seqs: range, boot: str = A) -> list[Chunk]:
    return fix_chunks(seqs, boot, time_ms=lambda seq: 1000 * seq, boot_at_ms=0, clock=NONE)
