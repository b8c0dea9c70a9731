"""Known alerts laid beside episodes made anew."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.alerts.episode import Episode, Holds, Sample, episodes
from ingest.alerts.reconcile import Alert, Changed, Ended, Opened, Past, Withdrawn, changes

HOLDS = Holds(for_s=0, keep_s=5)


def episode(since_s: int, over_s: int | None) -> Episode:
    return Episode(since_s * 1000, since_s * 1000, None if over_s is None else over_s * 1000, {})


def test_each_outcome() -> None:
    lasting, over = Alert(1, episode(10, None)), Alert(2, episode(10, 20))
    assert changes([], [episode(10, None)]) == [Opened(episode(10, None))]
    assert changes([], [episode(10, 20)]) == [Past(episode(10, 20))]
    assert changes([lasting], [episode(10, None)]) == []
    assert changes([lasting], [episode(10, 20)]) == [Ended(lasting, episode(10, 20))]
    assert changes([lasting], [episode(5, None)]) == [Changed(lasting, episode(5, None))]
    assert changes([lasting], []) == [Withdrawn(lasting)]
    assert changes([over], [episode(10, None)]) == [Changed(over, episode(10, None))]
    assert changes([over], [episode(30, None)]) == [Opened(episode(30, None)), Withdrawn(over)]


SAMPLES = st.dictionaries(st.integers(0, 100), st.sampled_from([True, False, None]), max_size=12).map(
    lambda found: [Sample(at_s * 1000, is_true) for at_s, is_true in found.items()]
)


@given(SAMPLES)
def test_any_order_of_arrival_ends_with_the_same_alerts_and_tells_of_what_lasts_once(
    arriving: list[Sample],
) -> None:
    known: dict[int, Episode] = {}
    told: list[int] = []
    for came in range(len(arriving) + 1):
        seen = sorted(arriving[:came])
        alerts = [Alert(number, one) for number, one in sorted(known.items(), key=lambda item: item[1])]
        for change in changes(alerts, episodes(HOLDS, seen, 100_000)):
            if isinstance(change, Opened | Past):
                number = len(told) + len(known) + 1000 * came
                known[number] = change.episode
                told += [number] if isinstance(change, Opened) else []
            elif isinstance(change, Withdrawn):
                del known[change.alert.number]
            else:
                known[change.alert.number] = change.episode
    assert sorted(known.values()) == episodes(HOLDS, sorted(arriving), 100_000)
    assert len(told) == len(set(told))
    assert sum(one.over_ms is None for one in known.values()) <= 1
