"""The judgement of a batch: one directed case per guard. Random walks over it are in test_model.py."""

import pytest

from ingest.delivery import Ahead, Fork, Gone, LaneState, Offer, Repeat, Store, judge, offer_of
from tests.ingest.made import A, B, C, batch_of, group

EMPTY = LaneState()
HUNDRED = LaneState(100, ((1, A),))
TWO_BOOTS = LaneState(100, ((1, A), (51, B)))


def offer(seqs: range | list[int], prev: int, boot: str = A, prev_boot: str | None = None) -> Offer:
    return Offer(prev, prev_boot or boot, boot, list(seqs))


def test_the_first_batch_begins_a_run() -> None:
    assert judge(offer(range(1, 4), 0), EMPTY) == Store(0, 3, LaneState(3, ((1, A),)), (1, A), None)


def test_the_next_batch_of_the_same_boot_begins_none() -> None:
    assert judge(offer(range(101, 104), 100), HUNDRED) == Store(100, 3, LaneState(103, ((1, A),)), None, None)


def test_another_boot_begins_a_run() -> None:
    after = LaneState(102, ((1, A), (101, B)))
    assert judge(offer([101, 102], 100, B, A), HUNDRED) == Store(100, 2, after, (101, B), None)


@pytest.mark.parametrize("prev", [101, 150])
def test_a_batch_beyond_the_mark_is_ahead(prev: int) -> None:
    assert judge(offer([prev + 1], prev), HUNDRED) == Ahead()


def test_all_at_or_below_the_mark_is_a_repeat() -> None:
    assert judge(offer(range(91, 101), 90), HUNDRED) == Repeat()


def test_what_reaches_over_the_mark_is_stored_from_there() -> None:
    verdict = judge(offer(range(91, 111), 90), HUNDRED)
    assert isinstance(verdict, Store)
    assert (verdict.above, verdict.rows, verdict.state.mark) == (100, 10, 110)


def test_guard_prev_with_another_boot_is_a_fork() -> None:
    """The unit fell back to 100 rows of A, and made 101 anew in C; we hold its old 101 of B."""
    state = LaneState(120, ((1, A), (101, B)))
    assert judge(offer([121], 120, C), state) == Fork(120)


def test_guard_a_row_at_or_below_the_mark_with_another_boot_is_a_fork() -> None:
    assert judge(offer(range(91, 121), 90, B, A), HUNDRED) == Fork(91)


def test_guard_a_repeat_with_another_boot_is_a_fork() -> None:
    assert judge(offer(range(91, 96), 90, B, A), HUNDRED) == Fork(91)


def test_guard_rows_that_reach_into_a_later_run_are_a_fork() -> None:
    assert judge(offer(range(49, 53), 48), TWO_BOOTS) == Fork(51)


def test_guard_prev_before_anything_that_was_stored_is_a_fork() -> None:
    """Rows 1 to 80 were said to be gone; now the unit claims to have row 40."""
    assert judge(offer([101], 40), LaneState(100, ((81, A),))) == Fork(40)


def test_no_row_before_agrees_with_anything() -> None:
    assert isinstance(judge(offer([101], 0, B), HUNDRED), Store)


def test_prev_past_a_lost_range_is_booked() -> None:
    verdict = judge(offer(range(81, 91), 50), LaneState(50, ((1, A),)))
    assert isinstance(verdict, Store)
    assert verdict.gone == Gone(51, 80, 30)
    assert verdict.state.mark == 90


@pytest.mark.parametrize(
    ("seqs", "gone"),
    [
        ([101, 102, 105, 109], Gone(103, 108, 5)),
        ([99, 100, 103], Gone(101, 102, 2)),
        ([104, 105], Gone(101, 103, 3)),
        ([103, 104, 106], Gone(101, 105, 3)),
        ([102], Gone(101, 101, 1)),
        ([99, 101, 102], None),
    ],
)
def test_rows_that_a_batch_skips_are_booked(seqs: list[int], gone: Gone | None) -> None:
    verdict = judge(offer(seqs, min(seqs[0] - 1, 100)), HUNDRED)
    assert isinstance(verdict, Store)
    assert verdict.gone == gone


def test_boots_of_rows() -> None:
    assert [TWO_BOOTS.boot_of(seq) for seq in (1, 50, 51, 100)] == [A, A, B, B]
    assert EMPTY.boot_of(1) is None


def test_an_offer_has_the_seqs_of_all_groups_in_order() -> None:
    batch = batch_of([group("power", [2, 5]), group("health", [3, 4])], prev=1, boot=B, prev_boot=A)
    assert offer_of(batch) == Offer(1, A, B, [2, 3, 4, 5])
    assert offer_of(batch_of([group("fix", [7])])).prev_boot == A
