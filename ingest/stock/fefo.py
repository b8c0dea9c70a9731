"""First expired, first out: which lots to take for a quantity asked, in whole packs.

After open-msupply's allocateQuantities. Lots on hold, expired, too near their expiry or past their vial
monitor are left out. The rest go by expiry, those without one last. Packs are taken rounded down along the
line, then one more pack where something is still missing; what is too much then is taken back from the last
expiring line whose pack fits the excess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.stock.usable import WORST_USABLE_STAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEVER = 1 << 30


@dataclass(frozen=True, slots=True)
class Line:
    """Packs of one lot that could be taken."""

    lot: str
    packs: int
    pack_size: int = 1
    expires_day: int | None = None
    is_held: bool = False
    vvm_stage: int | None = None


@dataclass(frozen=True, slots=True)
class Allocation:
    """Packs to take by line in order, what that is in base units, and what is missing."""

    taken: tuple[tuple[Line, int], ...]
    quantity: int
    short: int
    left_out: tuple[tuple[Line, str], ...]


def allocate(
    lines: Iterable[Line], asked: int, today: int, least_days: int = 0, *, is_vvm_first: bool = False
) -> Allocation:
    """What to take for `asked` base units; at most a part of a pack too much, and only where nothing fits."""
    left_out = []
    usable = []
    for line in lines:
        reason = left_out_because(line, today, least_days)
        if reason is None:
            usable.append(line)
        else:
            left_out.append((line, reason))
    usable.sort(key=lambda line: _order(line, is_vvm_first))
    packs = _take(usable, asked)
    _give_back(usable, packs, asked)
    taken = tuple((line, count) for line, count in zip(usable, packs, strict=True) if count)
    quantity = sum(line.pack_size * count for line, count in taken)
    return Allocation(taken, quantity, max(0, asked - quantity), tuple(left_out))


def left_out_because(line: Line, today: int, least_days: int = 0) -> str | None:
    """Why a line may not be taken, None when it may."""
    if line.packs <= 0:
        return "none_there"
    if line.is_held:
        return "held"
    if line.expires_day is not None and line.expires_day < today:
        return "expired"
    if line.expires_day is not None and line.expires_day - today < least_days:
        return "near_expiry"
    if line.vvm_stage is not None and line.vvm_stage > WORST_USABLE_STAGE:
        return "vial_monitor"
    return None


def _order(line: Line, is_vvm_first: bool) -> tuple[int, int, str]:
    stage = -(line.vvm_stage or 0) if is_vvm_first else 0
    return stage, NEVER if line.expires_day is None else line.expires_day, line.lot


def _take(lines: Sequence[Line], asked: int) -> list[int]:
    """Whole packs rounded down along the line, then up."""
    packs = []
    missing = asked
    for line in lines:
        count = min(line.packs, max(0, missing) // line.pack_size)
        packs.append(count)
        missing -= count * line.pack_size
    for at, line in enumerate(lines):
        if missing <= 0:
            break
        count = min(line.packs - packs[at], -(-missing // line.pack_size))
        packs[at] += count
        missing -= count * line.pack_size
    return packs


def _give_back(lines: Sequence[Line], packs: list[int], asked: int) -> None:
    excess = sum(line.pack_size * count for line, count in zip(lines, packs, strict=True)) - asked
    for at in reversed(range(len(lines))):
        if excess <= 0:
            break
        count = min(packs[at], excess // lines[at].pack_size)
        packs[at] -= count
        excess -= count * lines[at].pack_size
