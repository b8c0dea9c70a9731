"""The judgement of receipts, case by case as the protocol names them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.receipt import Verdict, judge

A, B, C = "a" * 16, "b" * 16, "c" * 16


Stretch = tuple[int, int, str]


def own(*stretches: Stretch) -> list[Stretch]:
    return list(stretches)


@pytest.mark.parametrize(
    ("seq", "mark", "rows", "told_mark", "told", "is_current", "verdict"),
    [
        # forward, stale, and a restored service that asks again
        (90, 10, own((1, 90, A)), 60, [(1, A)], False, Verdict(60)),
        (90, 60, own((1, 90, A)), 10, [(1, A)], False, Verdict(60)),
        (90, 60, own((1, 90, A)), 10, [(1, A)], True, Verdict(10)),
        (90, 60, own((1, 90, A)), 0, [], True, Verdict(0)),
        # the store is ahead: the card fell back and nothing was issued again yet
        (90, 50, own((1, 90, A)), 100, [(1, A)], False, Verdict(90, None, is_ahead=True)),
        # the card fell back to 90, and 91 to 120 were issued again offline: not one of them may be marked
        (120, 50, own((1, 90, A), (91, 120, B)), 100, [(1, A)], False, Verdict(90, 91)),
        (95, 50, own((1, 90, A), (91, 95, B)), 100, [(1, A)], False, Verdict(90, 91)),
        # the service was told more of the new boot than of the old
        (120, 50, own((1, 90, A), (91, 120, B)), 100, [(1, A), (80, B)], False, Verdict(79, 80)),
        # a stretch that was thinned away is no difference
        (120, 50, own((1, 80, A), (85, 120, B)), 100, [(1, A), (81, B)], False, Verdict(100)),
        (120, 80, own((85, 120, B)), 100, [(1, A), (85, B)], False, Verdict(100)),
        # what had been marked forks only by word of this very connection
        (100, 90, own((1, 100, A)), 95, [(1, B)], False, Verdict(90)),
        (100, 90, own((1, 100, A)), 95, [(1, B)], True, Verdict(0, 1)),
        # cut lists: a difference at the oldest told run takes nothing for stored that was not
        (100, 20, own((1, 60, A), (61, 100, C)), 100, [(61, B)], False, Verdict(20, 21)),
    ],
)
def test_a_receipt_is_judged(
    seq: int,
    mark: int,
    rows: list[Stretch],
    told_mark: int,
    told: list[tuple[int, str]],
    is_current: bool,
    verdict: Verdict,
) -> None:
    assert vars(judge(seq, mark, rows, told_mark, told, is_current)) == vars(verdict)


_lengths = st.lists(st.integers(1, 20), min_size=1, max_size=6)


@given(_lengths, st.data())
def test_nothing_is_marked_that_the_service_holds_differently(
    lengths: list[int], data: st.DataObject
) -> None:
    """Both sides share a beginning, then each went on by itself; some of our rows were thinned away."""
    boots = [f"{number:016x}" for number in range(len(lengths))]
    ours = [boot for boot, length in zip(boots, lengths, strict=True) for _ in range(length)]
    shared = data.draw(st.integers(0, len(ours)))
    theirs = ours[:shared] + data.draw(st.lists(st.sampled_from(["e" * 16, "f" * 16]), max_size=20))
    gone = data.draw(st.sets(st.integers(1, len(ours))))
    mark = data.draw(st.integers(0, shared))
    told = [
        (first + 1, theirs[first])
        for first in range(len(theirs))
        if first == 0 or theirs[first] != theirs[first - 1]
    ]
    rows = [seq for seq in range(1, len(ours) + 1) if seq not in gone]
    stretches = []
    for boot, group in itertools.groupby(rows, key=lambda seq: ours[seq - 1]):
        seqs = list(group)
        stretches.append((seqs[0], seqs[-1], boot))
    verdict = judge(len(ours), mark, stretches, len(theirs), told, False)
    marked = [seq for seq in rows if mark < seq <= verdict.mark]
    assert all(seq <= len(theirs) and theirs[seq - 1] == ours[seq - 1] for seq in marked)
    if verdict.fork_seq is not None:
        assert verdict.fork_seq > shared
