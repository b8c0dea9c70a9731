"""What units say of the releases they were asked to take: answers, faults, births -> the rollouts' book.

Called inside the transaction that stores those records, so it is as true as they are. For a node on a wire
two answers come: its own, and its Pi's once it says hello with the new version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firmware import wire
from ingest.ledger import releases, rollouts, units

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from ingest.history.chunk import Chunk

KINDS = frozenset({"answer", "fault"})
SAY_AGAIN_MS = 600_000
PART, ROLLED_BACK = "update", "rolled_back"  # of the fault by which a unit says that it went back
_DONE = wire.KINDS["answer"].by_name["state"].words.index("done")
_RAISED = wire.KINDS["fault"].by_name["state"].words.index("raised")


def take(ledger: sqlite3.Connection, chunks: Iterable[Chunk], now_ms: int) -> None:
    """Keep what answers and faults say of rollouts."""
    for chunk in chunks:
        note = _answered if chunk.group.kind == "answer" else _fell_back
        names = tuple(chunk.group.columns)
        for cells in zip(*chunk.group.columns.values(), strict=True):
            note(ledger, chunk, dict(zip(names, cells, strict=True)), now_ms)


def met(ledger: sqlite3.Connection, unit: str, birth: dict[str, Any], now_ms: int) -> None:
    """A unit was born: with what it had staged, or still with the old one.

    A command that it never answered is said again: a cut may have come between broker and disk.
    """
    rollouts.say_again(ledger, unit, now_ms - SAY_AGAIN_MS)
    staged = rollouts.last_taken(ledger, unit, "")
    if staged is not None and staged.state == rollouts.STAGED:
        _judge(ledger, staged, birth.get("software"), birth.get("boot"), now_ms)


def _answered(ledger: sqlite3.Connection, chunk: Chunk, row: dict[str, Any], now_ms: int) -> None:
    asked = rollouts.by_command(ledger, chunk.unit, row["command_id"])
    if asked is None or asked.state not in rollouts.OPEN:
        return
    detail = row["detail"] or ""
    if row["state"] != _DONE:
        rollouts.settle(ledger, asked, rollouts.REFUSED, detail, now_ms)
        return
    if asked.node and asked.state == rollouts.STAGED:  # first the node has answered, now its Pi has met it
        rollouts.settle(ledger, asked, rollouts.RUNNING, detail, now_ms)
        return
    rollouts.settle(ledger, asked, rollouts.STAGED, detail, now_ms, chunk.boot)
    staged = rollouts.by_command(ledger, chunk.unit, row["command_id"])
    unit = units.find(ledger, chunk.unit)
    if staged is not None and unit is not None and not staged.node:
        _judge(ledger, staged, unit.software, unit.boot, now_ms)  # its birth may have come before


def _judge(
    ledger: sqlite3.Connection, staged: rollouts.Rollout, software: str | None, boot: str | None, now_ms: int
) -> None:
    release = releases.find(ledger, staged.number)
    is_it = release is not None and software is not None and software.split(" ")[-1] == release.version
    if is_it and boot != staged.boot:
        rollouts.settle(ledger, staged, rollouts.RUNNING, staged.detail, now_ms)


def _fell_back(ledger: sqlite3.Connection, chunk: Chunk, row: dict[str, Any], now_ms: int) -> None:
    """A node's fault comes through its Pi with the node's name before its source."""
    if (row["part"], row["code"], row["state"]) != (PART, ROLLED_BACK, _RAISED):
        return
    node, dash, _ = chunk.group.source.rpartition("-")
    taken = rollouts.last_taken(ledger, chunk.unit, node if dash else "")
    if taken is not None and taken.state != rollouts.ROLLED_BACK:
        rollouts.settle(ledger, taken, rollouts.ROLLED_BACK, row["detail"] or "", now_ms)
