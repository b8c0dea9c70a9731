from hypothesis import given
from hypothesis import strategies as st

from ingest.stock.fefo import Line, allocate

TODAY = 20_000
JAN = Line("jan", 200, 1, TODAY + 31)
MAR = Line("mar", 3, 100, TODAY + 90)


def taken(*lines: Line, asked: int, **options: object) -> dict[str, int]:
    found = allocate(lines, asked, TODAY, **options)  # type: ignore[arg-type]
    return {line.lot: count for line, count in found.taken}


def test_whole_packs_and_the_excess_taken_back() -> None:
    assert taken(JAN, MAR, asked=350) == {"jan": 150, "mar": 2}


def test_first_expired_first_out_and_no_expiry_last() -> None:
    never = Line("never", 10)
    assert taken(never, MAR, JAN, asked=505) == {"jan": 200, "mar": 3, "never": 5}


def test_what_may_not_be_given_out_is_left_out_with_its_reason() -> None:
    lines = [
        Line("held", 5, is_held=True),
        Line("expired", 5, expires_day=TODAY - 1),
        Line("near", 5, expires_day=TODAY + 6),
        Line("vial", 5, vvm_stage=3),
        Line("none", 0),
        Line("good", 5, expires_day=TODAY + 7),
    ]
    found = allocate(lines, 9, TODAY, least_days=7)
    assert [line.lot for line, _ in found.taken] == ["good"]
    assert (found.quantity, found.short) == (5, 4)
    assert {line.lot: why for line, why in found.left_out} == {
        "held": "held",
        "expired": "expired",
        "near": "near_expiry",
        "vial": "vial_monitor",
        "none": "none_there",
    }


def test_the_more_used_vial_monitor_goes_first_when_asked() -> None:
    fresh = Line("fresh", 5, expires_day=TODAY + 1, vvm_stage=1)
    used = Line("used", 5, expires_day=TODAY + 9, vvm_stage=2)
    assert taken(fresh, used, asked=5) == {"fresh": 5}
    assert taken(fresh, used, asked=5, is_vvm_first=True) == {"used": 5}


lines = st.lists(
    st.builds(
        Line,
        st.text("abc", min_size=1, max_size=3),
        st.integers(0, 9),
        st.sampled_from([1, 5, 10]),
        st.none() | st.integers(TODAY, TODAY + 5),
    ),
    max_size=6,
)


@given(lines, st.integers(0, 200))
def test_never_more_than_is_there_nor_a_whole_pack_too_much(book: list[Line], asked: int) -> None:
    found = allocate(book, asked, TODAY)
    assert found.short == max(0, asked - sum(line.packs * line.pack_size for line in book))
    assert all(0 < count <= line.packs for line, count in found.taken)
    excess = found.quantity - asked
    if excess > 0:
        assert all(line.pack_size > excess for line, _ in found.taken)
