"""What becomes of a rollout, told by the unit's own records and births, through the real pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from firmware import wire
from ingest.ledger import releases, rollouts
from ingest.ledger.releases import Release
from tests.ingest.made import NOW_MS, UNIT, A, B, Desk, batch_of, birth, group

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD, NEW = {"software": "ortoo-node 0.1.0"}, {"software": "ortoo-node 0.2.0"}
DONE, REFUSED = 0, 1


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    desk.send(birth(1, **OLD), leaf="birth")
    releases.add(desk.connection, Release(2, "0.2.0", "d" * 64, b"{}", "operator", NOW_MS), {})
    yield desk
    desk.connection.close()


def ask(desk: Desk, command_id: str = "c1", node: str = "") -> None:
    rollouts.ask(desk.connection, 2, UNIT, node, command_id, "operator", NOW_MS)


def answered(seq: int, state: int, command_id: str = "c1", boot: str = A, detail: str | None = None) -> bytes:
    cells: dict[str, Any] = {"command_id": command_id, "state": state, "detail": detail}
    return wire.encode_batch(batch_of([group("answer", [seq], **cells)], boot=boot))


def fell_back(seq: int, source: str = "update", boot: str = A) -> bytes:
    cells: dict[str, Any] = {"part": "update", "code": "rolled_back", "state": 0, "detail": "number 2"}
    return wire.encode_batch(batch_of([group("fault", [seq], source, **cells)], boot=boot))


def states(desk: Desk) -> list[tuple[str, str]]:
    return [(one.state, one.detail) for one in rollouts.of_release(desk.connection, 2)]


def test_staged_by_its_answer_and_running_by_the_birth_after_it(desk: Desk) -> None:
    ask(desk)
    desk.send(answered(1, DONE, detail="0.2.0, number 2, at the next start"))
    assert states(desk) == [("staged", "0.2.0, number 2, at the next start")]
    desk.send(birth(2, **OLD, boot=B), leaf="birth")
    assert states(desk)[0][0] == "staged", "its first start may have failed"
    desk.send(birth(3, **NEW, boot=B), leaf="birth")
    assert states(desk)[0][0] == "running"


def test_the_birth_may_come_before_the_answer(desk: Desk) -> None:
    ask(desk)
    desk.send(birth(2, **NEW, boot=B), leaf="birth")
    assert states(desk)[0][0] == "asked", "nothing was staged as far as anybody knows"
    desk.send(answered(1, DONE))
    assert states(desk)[0][0] == "running"


def test_a_release_of_the_same_version_runs_only_after_another_start(desk: Desk) -> None:
    desk.send(birth(2, **NEW), leaf="birth")
    ask(desk)
    desk.send(answered(1, DONE))
    desk.send(birth(3, **NEW), leaf="birth")
    assert states(desk)[0][0] == "staged"
    desk.send(birth(4, **NEW, boot=B), leaf="birth")
    assert states(desk)[0][0] == "running"


def test_refused_with_its_reason_and_once(desk: Desk) -> None:
    ask(desk)
    desk.send(answered(1, REFUSED, detail="bad signature"))
    desk.send(answered(2, DONE))
    assert states(desk) == [("refused", "bad signature")]


def test_a_node_answers_itself_and_its_pi_meets_it_again(desk: Desk) -> None:
    ask(desk, node="power")
    desk.send(answered(1, DONE, detail="0.2.0, number 2, at the next start"))
    desk.send(birth(2, software="ortoo-edge 0.1.0", boot=B), leaf="birth")
    assert states(desk)[0][0] == "staged"
    desk.send(answered(2, DONE, detail="power runs 0.2.0"))
    assert states(desk) == [("running", "power runs 0.2.0")]


def test_a_unit_that_never_answered_is_asked_again_when_it_comes_back(desk: Desk) -> None:
    ask(desk)
    ask(desk, "c2", "power")
    rollouts.note_sent(desk.connection, [1, 2], NOW_MS)
    desk.send(answered(1, REFUSED, "c2"))
    desk.send(birth(2, **OLD), leaf="birth")
    assert rollouts.unsent(desk.connection, 0, 9) == [], "it is under way"
    desk.time.now_ms += 700_000
    desk.send(birth(3, **OLD), leaf="birth")
    assert [one.command_id for one in rollouts.unsent(desk.connection, 0, 9)] == ["c1"]


def test_an_answer_to_nobodys_question_changes_nothing(desk: Desk) -> None:
    ask(desk)
    desk.send(answered(1, DONE, "other"))
    assert states(desk) == [("asked", "")]


def test_rolled_back_is_said_by_the_unit_or_through_its_pi(desk: Desk) -> None:
    ask(desk)
    ask(desk, "c2", "power")
    desk.send(answered(1, DONE), answered(2, DONE, "c2"))
    desk.send(fell_back(3, "power-update"))
    assert states(desk) == [("staged", ""), ("rolled_back", "number 2")]
    desk.send(fell_back(4))
    assert states(desk) == [("rolled_back", "number 2")] * 2
    desk.send(birth(9, **NEW, boot=B), leaf="birth")
    assert states(desk)[0][0] == "rolled_back"
