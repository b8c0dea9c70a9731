"""Thinning of measurements keeps ends and extremes."""

from hypothesis import given
from hypothesis import strategies as st

from edge.thinning import EXTREMES_BUCKET, extremes

_cells = st.one_of(st.none(), st.integers(-1000, 1000), st.text(max_size=3))
_rows = st.lists(st.lists(_cells, min_size=3, max_size=3), max_size=60)


@given(_rows, st.integers(2, 32))
def test_the_extremes_of_every_bucket_stay(rows: list[list[int | str | None]], bucket: int) -> None:
    kept = extremes(rows, bucket)
    assert kept == sorted(set(kept))
    for start in range(0, len(rows), bucket):
        whole = rows[start : start + bucket]
        stayed = [rows[index] for index in kept if start <= index < start + bucket]
        assert (stayed[0], stayed[-1]) == (whole[0], whole[-1])
        for column in range(3):
            numbers = [row[column] for row in whole if isinstance(row[column], int)]
            left = [row[column] for row in stayed if isinstance(row[column], int)]
            assert not numbers or (min(left), max(left)) == (min(numbers), max(numbers))


def test_a_calm_day_leaves_the_ends() -> None:
    assert extremes([[5]] * 40) == [0, 15, 16, 31, 32, 39]
    assert EXTREMES_BUCKET == 16
