"""Faults across a power cut: what stood is told as over, once, and raised again where it still is."""

from collections import Counter
from pathlib import Path

from edge.clock import Clock
from edge.intake import Intake
from edge.outbox import Limits
from edge.record import fault
from edge.standing import MOST, NOTE, Standing
from edge.time_source import ScaledTime

STOOD = (("uplink", "refused"), ("fridge", "silent"))


def started(folder: Path) -> Intake:
    """An intake in a boot of its own; it is never closed, as when the power goes."""
    made = Intake(
        folder / "outbox.db",
        Limits(max_mib=4),
        ScaledTime(),
        lambda last_good_ms: Clock(max(1_790_000_000_000, last_good_ms)),
        group_ms=1000,
        anchor_radius_m=0,
    )
    assert made.open(0)
    return made


def told(intake: Intake) -> Counter[tuple[str, str, int]]:
    """Part, code and state of the faults on disk since the first."""
    assert intake.commit(0)
    assert intake.outbox is not None
    found: Counter[tuple[str, str, int]] = Counter()
    after = None
    while (batch := intake.outbox.take("event", after)) is not None:
        after = (batch.epoch, batch.last_seq)
        for group in batch.groups:
            if group.kind == "fault":
                columns = (group.columns[name] for name in ("part", "code", "state"))
                found.update(zip(*columns, strict=True))
    return found


def test_what_stood_when_the_power_went_is_over_with_the_next_start(tmp_path: Path) -> None:
    before = started(tmp_path)
    before.take(fault("uplink", "refused", 1))
    before.take(fault("fridge", "silent", 2))
    before.take(fault("fridge", "silent", 3, is_over=True))
    assert before.commit(3)
    assert before.outbox is not None
    before.outbox.close()
    after = started(tmp_path)
    once = {(part, code, state): 1 for part, code in STOOD for state in (0, 1)}
    assert told(after) == once
    assert after.outbox is not None
    after.outbox.close()
    assert told(started(tmp_path)) == once


def test_what_this_run_has_raised_itself_is_not_ended() -> None:
    before, after = Standing(), Standing()
    note = [before.take(fault("uplink", code, 1)) for code in ("refused", "quota")][-1]
    after.take(fault("uplink", "quota", 2))
    assert [one.values["code"] for one in after.over(note, 3)] == ["refused"]
    assert after.over(None, 3) == []
    assert NOTE == "faults"


def test_the_note_has_a_bound() -> None:
    standing = Standing()
    note = [standing.take(fault(f"p{number}", "silent", 1)) for number in range(2 * MOST)][-1]
    assert len(Standing().over(note, 2)) == MOST
