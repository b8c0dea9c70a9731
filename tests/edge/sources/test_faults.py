"""Faults that come and go."""

from edge.record import Reading
from edge.sources.faults import HOUR_MS, LAST, MOST_AN_HOUR, Faults


def test_a_loose_plug_does_not_fill_the_outbox() -> None:
    now_ms, told = 0, list[Reading]()
    faults = Faults("gnss", told.append, lambda: now_ms)
    for _ in range(1000):
        faults.begin("no_port", "gone")
        faults.end()
        now_ms += 1000
    assert len(told) == 2 * MOST_AN_HOUR
    assert [reading.values["state"] for reading in told] == [0, 1] * MOST_AN_HOUR
    assert told[-2].values["detail"] == "gone" + LAST
    # One that stays is told when the hour is over, and another is told at once.
    faults.begin("silent", "nothing comes")
    assert told[-1].values["code"] == "silent"
    now_ms = HOUR_MS
    faults.begin("no_port", "gone")
    assert (told[-1].values["code"], told[-1].values["state"]) == ("no_port", 0)
    untold = 1000 - MOST_AN_HOUR
    assert told[-1].values["detail"] == f"gone; {untold} more since the last were not told{LAST}"


def test_one_that_stays_untold_is_counted_once_and_told_as_itself() -> None:
    now_ms, told = 0, list[Reading]()
    faults = Faults("gnss", told.append, lambda: now_ms)
    for _ in range(MOST_AN_HOUR):
        faults.begin("no_port", "gone")
        faults.end()
    for _ in range(5):
        faults.begin("no_port", "gone")
    now_ms = HOUR_MS
    faults.begin("no_port", "gone for good")
    assert len(told) == 2 * MOST_AN_HOUR + 1
    assert told[-1].values["detail"] == "gone for good"
