"""Episodes out of samples: tables after Prometheus' rule tests, and what must hold for any samples."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.alerts.episode import Episode, Holds, Sample, State, advance, episodes, found, step

HOLDS = Holds(for_s=10, keep_s=5)
SAYS = {"t": True, "f": False, "?": None}


def samples(script: str) -> list[Sample]:
    """ "3t 9f" is true at 3 s and false at 9 s."""
    return [Sample(int(word[:-1]) * 1000, SAYS[word[-1]], {"word": word}) for word in script.split()]


@pytest.mark.parametrize(
    ("script", "now_s", "expected"),
    [
        ("", 100, []),
        ("0t", 9, []),  # not long enough
        ("0t", 10, [(0, 10, None)]),  # exactly long enough
        ("0t 9f", 100, []),
        ("0t 9?", 100, []),  # nobody saw the last second
        ("0t 5t 20t", 30, [(0, 10, None)]),
        ("0t 20f", 24, [(0, 10, None)]),  # not away long enough
        ("0t 20f", 25, [(0, 10, 20)]),
        ("0t 20f 24t", 100, [(0, 10, None)]),  # it never stopped
        ("0t 20f 25t", 34, [(0, 10, 20)]),
        ("0t 20f 25t", 35, [(0, 10, 20), (25, 35, None)]),
        ("0t 20?", 100, [(0, 10, None)]),  # nobody saw it end
        ("0t 20? 30f", 100, [(0, 10, 30)]),
        ("0t 20f 22?", 100, [(0, 10, 20)]),
        ("0f 5? 6t", 20, [(6, 16, None)]),
    ],
)
def test_what_counts(script: str, now_s: int, expected: list[tuple[int, int, int | None]]) -> None:
    found = [
        tuple(None if moment is None else moment // 1000 for moment in episode[:3])
        for episode in episodes(HOLDS, samples(script), now_s * 1000)
    ]
    assert found == expected


def test_it_says_what_was_last_seen_while_it_held() -> None:
    assert episodes(HOLDS, samples("0t 15t 20f"), 99_000) == [Episode(0, 10_000, 20_000, {"word": "15t"})]


@pytest.mark.parametrize(
    ("script", "closed_s", "expected"),
    [
        ("0t", [20], [(0, 10, 20)]),
        ("0t 30t 40t", [20], [(0, 10, 20)]),  # what is closed stays so while its condition does
        ("0t 30? 40t", [20], [(0, 10, 20)]),
        ("0t 30f 40t", [20], [(0, 10, 20), (40, 50, None)]),
        ("0t", [5], []),  # nothing had come of it yet
        ("0t 20f", [22], [(0, 10, 20)]),
        ("0f 40t", [20], [(40, 50, None)]),  # nothing to close
    ],
)
def test_what_a_person_closes(
    script: str, closed_s: list[int], expected: list[tuple[int, int, int | None]]
) -> None:
    closed_ms = [at_s * 1000 for at_s in closed_s]
    some = found(HOLDS, samples(script), 100_000, closed_ms).all(HOLDS)
    assert [tuple(None if ms is None else ms // 1000 for ms in one[:3]) for one in some] == expected


SAMPLES = st.lists(st.tuples(st.integers(0, 100_000), st.sampled_from([True, False, None])), max_size=30).map(
    lambda found: [Sample(at_ms, is_true) for at_ms, is_true in sorted(dict(found).items())]
)
HOLDINGS = st.builds(Holds, st.integers(0, 30), st.integers(0, 30))


@given(HOLDINGS, SAMPLES)
def test_it_cannot_flap_faster_than_its_holds(holds: Holds, some: list[Sample]) -> None:
    found = episodes(holds, some, 200_000)
    for episode in found:
        assert episode.fired_ms == episode.since_ms + holds.for_s * 1000
        assert episode.over_ms is None or episode.over_ms >= episode.fired_ms
    for before, after in pairwise(found):
        assert before.over_ms is not None
        assert after.since_ms >= before.over_ms + holds.keep_s * 1000


@given(HOLDINGS, SAMPLES, st.lists(st.integers(0, 100_000), max_size=10))
def test_looking_in_between_changes_nothing(holds: Holds, some: list[Sample], looks: list[int]) -> None:
    state: State | None = None
    found: list[Episode] = []
    moments = [(sample.at_ms, 1, sample) for sample in some] + [(look, 0, None) for look in looks]
    for at_ms, _, sample in sorted(moments, key=lambda moment: moment[:2]):
        state, ended = advance(holds, state, at_ms) if sample is None else step(holds, state, sample)
        found += [ended] if ended else []
    assert (
        found
        == [episode for episode in episodes(holds, some, 100_000) if episode.over_ms is not None][
            : len(found)
        ]
    )
    assert episodes(holds, some, 200_000)[: len(found)] == found


@given(HOLDINGS, SAMPLES, st.integers(0, 100_000))
def test_what_was_over_stays_as_it_was(holds: Holds, some: list[Sample], cut_ms: int) -> None:
    early = episodes(holds, [sample for sample in some if sample.at_ms <= cut_ms], cut_ms)
    whole = episodes(holds, some, 200_000)
    past = [episode for episode in early if episode.over_ms is not None]
    assert whole[: len(past)] == past
