"""What a Pi does with a call for help, on its real outbox: the way there, and the way back to the button."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.cabinet import status
from edge.helpline import AGAIN_MS, LAST_TIMES, SOON_MS, Helpline, placed
from edge.outbox import Limits, Outbox, open_outbox
from edge.record import Reading

FIX = Reading("fix", "gnss", 50_000, {"lat_e7": 491234567, "lon_e7": 1197654321, "fix_mode": 2})
CALL = Reading("help", "node-help", 61_500, {"event": 0, "call": 7, "lat_e7": None})


class Node:
    """A node that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def command(self, number: bytes, text: str) -> None:
        assert len(number) == 8
        self.told.append(json.loads(text))


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made, _ = open_outbox(tmp_path / "outbox.db", "b" * 16, Limits())
    yield made
    made.close()


def command(state: str, call: int = 7, source: str = "node-help") -> dict[str, Any]:
    return {"id": "1", "what": "help", "source": source, "call": call, "state": state}


def test_a_call_takes_the_newest_position_along() -> None:
    assert placed(CALL, FIX).values == {**CALL.values, **position(), "fix_age_s": 11}
    own = Reading("help", "node-help", 61_500, {**CALL.values, "lat_e7": 1, "lon_e7": 2, "fix_age_s": 0})
    lost = Reading("fix", "gnss", 61_000, {"lat_e7": None, "lon_e7": None, "fix_mode": 0})
    yesterday = Reading("help", "node-help", -86_400_000, CALL.values)
    later = Reading("help", "node-help", 5_000_000, CALL.values)
    assert [placed(one, FIX) for one in (own, yesterday, later)] == [own, yesterday, later]
    assert placed(CALL, None) == placed(CALL, lost) == CALL
    ahead = Reading("help", "node-help", 49_000, CALL.values)
    assert placed(ahead, FIX).values["fix_age_s"] == 0


def test_what_a_newer_node_says_of_a_call_does_not_stop_the_agent() -> None:
    line = Helpline({"node": Node()})
    newer = Reading("help", "node-help", 0, {"event": 99, "call": 7})
    assert line.take(newer, None) == newer


def position() -> dict[str, Any]:
    return {name: FIX.values[name] for name in ("lat_e7", "lon_e7")}


def test_the_answer_goes_to_the_node_of_the_button_until_the_call_is_over(outbox: Outbox) -> None:
    node, other = Node(), Node()
    line = Helpline({"node": node, "other": other})
    line.take(CALL, None)
    line.step(outbox, 0)
    assert node.told == [], "the node knows by itself that it has called"
    line.answer(outbox, command("heard"))
    for now_ms in (1000, 2000, 1000 + SOON_MS):
        line.step(outbox, now_ms)
    heard = {"do": "help", "source": "help", "call": 7, "state": "heard"}
    assert node.told == [heard, heard]
    for now_ms in range(10_000, 310_000, 1000):
        line.step(outbox, now_ms)
    assert len(node.told) < 20, "at first quickly, as long as the node may not have said hello"
    node.told.clear()
    line.answer(outbox, command("coming"))
    line.answer(outbox, command("heard"))
    line.step(outbox, 310_001)
    assert node.told == [{**heard, "state": "coming"}]
    line.answer(outbox, command("over"))
    for at in range(3 * LAST_TIMES):
        line.step(outbox, 400_000 + at * AGAIN_MS)
    assert node.told[1:] == [{**heard, "state": "over"}] * (LAST_TIMES + 1)
    assert other.told == []
    assert outbox.note("help") == "{}"


def test_a_restart_of_the_pi_forgets_no_answer(outbox: Outbox) -> None:
    Helpline({}).answer(outbox, command("coming"))
    node = Node()
    line = Helpline({"node": node})
    line.take(CALL, None)  # the node's record once more, before it was acknowledged
    line.step(outbox, 0)
    assert [told["state"] for told in node.told] == ["coming"]


def test_a_new_call_is_not_answered_by_what_is_said_of_the_one_before(outbox: Outbox) -> None:
    node = Node()
    line = Helpline({"node": node})
    line.take(CALL, None)
    line.take(Reading("help", "node-help", 99_000, {"event": 0, "call": 8}), None)
    line.answer(outbox, command("coming"))
    assert [reason.text for reason in line.reasons()] == ["help is called; nobody has answered yet"]
    line.answer(outbox, command("heard", 8))
    line.take(Reading("help", "node-help", 120_000, {"event": 1, "call": 8, "held_ms": 10_000}), None)
    assert list(line.reasons()) == []


def test_the_crew_s_page_tells_of_a_call_first(outbox: Outbox) -> None:
    line = Helpline({})
    line.take(CALL, None)
    warm = status.Reason("act", "fridge", "too warm", 0)
    whole = status.Status(reasons=(warm,)).and_these(line.reasons()).plain()
    assert [reason["where"] for reason in whole["reasons"]] == ["node-help", "fridge"]
    line.answer(outbox, command("coming"))
    (reason,) = line.reasons()
    assert (reason.level, reason.text) == ("look", "help is called; somebody comes")
    assert "node-help: help is called; somebody comes" in status.page(
        status.Status().and_these([reason]).plain()
    )
