"""What a receipt says about one lane: pure.

A receipt is a mark and the service's last runs (first seq, boot). A mark alone is not enough: a card that
lied about a sync falls back, the unit issues the same numbers again, and a mark from before would settle rows
that were never sent. So boots are compared before anything is marked, as in Raft's log matching with the boot
as the term: from the first difference on, the two sides hold different rows under the same numbers.

Only rows that are still there are compared: where rows were thinned away, the two sides may well date the
beginning of a run differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Runs = Sequence[tuple[int, str]]  # (first seq, boot), rising


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive rows of one boot that still exist, from the first to the last."""

    first_seq: int
    last_seq: int
    boot: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The lane's new mark, where a fork begins, whether the service holds numbers never given here."""

    mark: int
    fork_seq: int | None = None
    is_ahead: bool = False


def judge(
    seq: int, mark: int, own: Sequence[Stretch], told_mark: int, told: Runs, *, is_current: bool
) -> Verdict:
    """What to do with a lane whose highest seq, mark and existing rows are given.

    `is_current`: the receipt echoes this connection's number. Retained and late ones do not, and only raise.
    """
    fork_seq = _fork(own, told_mark, told, mark)
    if fork_seq is not None and (is_current or fork_seq > mark):
        return Verdict(fork_seq - 1, fork_seq)
    if fork_seq is not None:
        return Verdict(mark)
    if told_mark > seq:
        return Verdict(seq, None, is_ahead=True)
    return Verdict(told_mark if is_current else max(mark, told_mark))


def _fork(own: Sequence[Stretch], told_mark: int, told: Runs, mark: int) -> int | None:
    """The first seq that exists here with another boot than there, as far back as the told runs reach."""
    ends = [*(first - 1 for first, _ in told[1:]), told_mark]
    for (first, boot), end in zip(told, ends, strict=False):  # without runs there is nothing to compare
        for stretch in own:
            at = max(first, stretch.first_seq)
            if boot == stretch.boot or at > min(end, stretch.last_seq):
                continue
            # Runs that are cut off at the front may hide an earlier beginning of the difference: then
            # nothing that was not settled before can be taken for stored.
            is_cut = (first, boot) == tuple(told[0]) and first > 1 and stretch.first_seq <= first
            return min(at, mark + 1) if is_cut else at
    return None
