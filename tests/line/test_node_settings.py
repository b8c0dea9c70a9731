"""New settings of a stand-alone node from the API to its flash: tried, confirmed, taken back if they fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.fixtures.waiting import PATIENCE, wait_until
from tests.line.test_node import PROBE, UNIT, Node
from tests.micropython import MicroPython, board_with_firmware

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.line.whole_line import Service

FIRST = {**PROBE, "name": "probe-1", "address": 0x44}
SECOND = {**PROBE, "name": "probe-2", "address": 0x44}
TRIES = 3


class Mender(Node):
    """A node that starts itself again, as far as a process can: it ends."""

    def wait_for_end(self) -> None:
        assert self._child is not None
        self._child.wait(PATIENCE * 60)
        self.kill()


@pytest.fixture
def node(micropython: Path, tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Mender]:
    board: MicroPython = board_with_firmware(micropython, tmp_path / "board")
    made = Mender(board, tmp_path, mosquitto.host, mosquitto.port)
    yield made
    made.kill()


@pytest.mark.timeout(600)
def test_new_settings_come_over_the_air_and_bad_ones_are_taken_back(node: Mender, service: Service) -> None:
    node.configure(FIRST)
    node.start()
    wait_until(lambda: UNIT in json.dumps(service.get("units")), 60)
    wait_until(lambda: records(service, "climate", "probe-1"), 60)

    send(service, {"version": 1, "drivers": [SECOND]})
    node.wait_for_end()
    node.start()
    wait_until(lambda: answers(service) == [("refused", "version 1, there is 1 already")], 60)
    send(service, {"version": 2, "group_s": 1, "drivers": [SECOND]})
    node.wait_for_end()
    node.start()
    wait_until(lambda: answers(service)[1:] == [("done", "version 2 is being tried")], 60)
    wait_until(lambda: records(service, "climate", "probe-2"), 60)

    nowhere = {"host": "127.0.0.1", "port": 9}
    send(service, {"version": 3, "group_s": 1, "drivers": [SECOND], "broker": nowhere})
    node.wait_for_end()
    for _ in range(TRIES):
        node.start()
        node.wait_for("line: ")  # nobody is there
        node.kill()
    node.start()
    wait_until(lambda: faults(service) == [("rolled_back", "version 3")], 60)


def send(service: Service, settings: dict[str, Any]) -> None:
    body = {"what": "settings", "settings": settings}
    answer = httpx.post(f"{service.url}/api/v1/units/{UNIT}/commands", json=body, timeout=30)
    assert answer.status_code == 202, answer.text


def records(service: Service, kind: str, source: str) -> list[dict[str, Any]]:
    return service.records(UNIT, kind, source=source)


def answers(service: Service) -> list[tuple[str, str]]:
    return [(one["state"], one["detail"]) for one in records(service, "answer", "unit")]


def faults(service: Service) -> list[tuple[str, str]]:
    found = records(service, "fault", "settings")
    return [(one["code"], one["detail"]) for one in found if one["state"] == "raised"]
