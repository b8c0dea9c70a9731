from ingest.stock.reconcile import SLACK_MS, Booked, Observation, proposals

MINUTE_MS = 60_000


def found(observations: list[Observation], booked: list[Booked]) -> list[tuple[str, int, str]]:
    return [(one.lot, one.quantity, one.reason) for one in proposals(observations, booked)]


def test_a_count_is_compared_with_the_balance_of_its_moment() -> None:
    booked = [Booked(10, "a", 10), Booked(30, "a", -4)]
    assert found([Observation("1", 20, "a", pieces=10)], booked) == []
    assert found([Observation("1", 20, "a", pieces=8)], booked) == [("a", -2, "count_differs")]
    assert found([Observation("1", 40, "", pieces=7)], booked) == [("", 1, "count_differs")]


def test_only_the_newest_count_matters() -> None:
    counts = [Observation("1", 20, "a", pieces=1), Observation("2", 30, "", pieces=10)]
    assert found(counts, [Booked(10, "a", 10)]) == []


def test_a_late_receipt_silences_a_proposal() -> None:
    count = [Observation("1", 20, "a", pieces=10)]
    assert found(count, []) == [("a", 10, "count_differs")]
    assert found(count, [Booked(5, "a", 10)]) == []


def test_a_scale_and_a_scan_of_one_visit_agree() -> None:
    seen = [
        Observation("1", 10 * MINUTE_MS, change=-1, began_ms=9 * MINUTE_MS, method="weight"),
        Observation("2", 12 * MINUTE_MS, change=-1, began_ms=11 * MINUTE_MS, method="weight"),
    ]
    assert found(seen, [Booked(13 * MINUTE_MS, "a", -2)]) == []
    assert found(seen, [Booked(13 * MINUTE_MS, "a", -1)]) == [("", -1, "scale_differs")]
    assert found(seen, []) == [("", -2, "scale_differs")]
    assert proposals(seen, [])[0].seen == ("1", "2")


def test_an_unsure_scale_proposes_nothing() -> None:
    unsure = [Observation("1", 10 * MINUTE_MS, change=-1, sure_pct=40)]
    assert found(unsure, []) == []


def test_visits_far_apart_are_judged_apart() -> None:
    seen = [Observation("1", SLACK_MS, change=-1), Observation("2", 9 * SLACK_MS, change=-1)]
    assert found(seen, [Booked(SLACK_MS, "a", -1)]) == [("", -1, "scale_differs")]


def test_an_accepted_adjustment_silences_its_proposal() -> None:
    seen = [Observation("1", 9 * SLACK_MS, change=-3)]
    (open_,) = proposals(seen, [])
    assert proposals(seen, [Booked(open_.time_ms, open_.lot, open_.quantity)]) == []


def test_a_difference_is_the_same_by_what_was_seen_and_by_how_much() -> None:
    seen = [
        Observation("b", 10 * MINUTE_MS, change=-1, method="weight"),
        Observation("a", 12 * MINUTE_MS, change=-1, method="weight"),
    ]
    (one,) = proposals(seen, [])
    assert proposals(reversed(seen), [])[0].id == one.id
    others = [
        proposals(seen, [Booked(11 * MINUTE_MS, "", -1)])[0],
        proposals([*seen, Observation("c", 13 * MINUTE_MS, change=-1)], [])[0],
    ]
    assert len({one.id, *(other.id for other in others)}) == 3
