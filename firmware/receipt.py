"""What a receipt says about one lane: pure, and one judgement for the Pi and for a node.

A receipt is a mark and the service's last runs (first seq, boot), rising. A mark alone is not enough: a card
or flash that lied about a sync falls back, the unit issues the same numbers again, and a mark from before
would settle rows that were never sent. So boots are compared before anything is marked, as in Raft's log
matching with the boot as the term: from the first difference on, the two sides hold different rows under the
same numbers.

Only rows that are still there are compared: where rows were thinned away, the two sides may well date the
beginning of a run differently.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Stretch = tuple[int, int, str]  # first seq, last seq, boot: rows that still exist


class Verdict:
    """The lane's new mark, where a fork begins, whether the service holds numbers never given here."""

    def __init__(self, mark: int, fork_seq: "int | None" = None, is_ahead: bool = False) -> None:
        self.mark = mark
        self.fork_seq = fork_seq
        self.is_ahead = is_ahead


def judge(
    seq: int,
    mark: int,
    own: "Sequence[Stretch]",
    told_mark: int,
    told: "Sequence[Sequence[int | str]]",
    is_current: bool,
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
        return Verdict(seq, None, True)
    return Verdict(told_mark if is_current else max(mark, told_mark))


def _fork(
    own: "Sequence[Stretch]", told_mark: int, told: "Sequence[Sequence[int | str]]", mark: int
) -> "int | None":
    """The first seq that exists here with another boot than there, as far back as the told runs reach."""
    for index in range(len(told)):
        first, boot = int(told[index][0]), told[index][1]
        end = int(told[index + 1][0]) - 1 if index + 1 < len(told) else told_mark
        for own_first, own_last, own_boot in own:
            at = max(first, own_first)
            if boot == own_boot or at > min(end, own_last):
                continue
            # Runs that are cut off at the front may hide an earlier beginning of the difference: then
            # nothing that was not settled before can be taken for stored.
            is_cut = index == 0 and first > 1 and own_first <= first
            return min(at, mark + 1) if is_cut else at
    return None
