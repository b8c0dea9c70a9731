"""What comes from outside, wrong and made up: no exception but the declared ones, and a bound on memory."""

from tests.firmware import fuzz_judge
from tests.micropython import MicroPython

ALIKE, ALONE = 25, 150  # seeds on both interpreters, and here
# What a reader may hold, on this 64-bit machine: its largest message twice, or what it says of a few.
MOST_BYTES = {"frames": 4_000, "sentences": 4_000, "packets": 20_000, "settings": 16_000, "modem": 4_000}


def test_nothing_escapes_a_reader() -> None:
    told = fuzz_judge.judged(list(range(1, ALONE + 1)))
    assert sorted(told) == sorted(MOST_BYTES)
    assert all(len(set(found)) > ALONE // 2 for found in told.values()), "it always comes out the same"


def test_both_interpreters_make_the_same_of_it(board: MicroPython) -> None:
    seeds = list(range(1, ALIKE + 1))
    assert board.call("fuzz_judge.judged", seeds).result == fuzz_judge.judged(seeds)


def test_a_reader_holds_little_of_it_on_a_board(board: MicroPython) -> None:
    held = board.call("fuzz_judge.held", list(range(1, ALIKE // 3))).result
    assert {name: size for name, size in held.items() if size > MOST_BYTES[name]} == {}, held
