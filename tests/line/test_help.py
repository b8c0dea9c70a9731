"""A call for help from the button to whoever answers, and back to the light; the power is cut in between.

Two who call: a household's node that stands alone, the firmware on MicroPython, and a vehicle whose node (the
firmware's own link and rows) is wired to the real agent.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from edge.simulate.node import Node as WiredNode
from edge.simulate.pty_line import PtyLine
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.ports import free_port as any_free_port
from tests.fixtures.receivers import Hook
from tests.fixtures.waiting import wait_until
from tests.line.test_node import UNIT, Node
from tests.line.vehicle import Vehicle
from tests.line.whole_line import Service
from tests.micropython import board_with_firmware

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTIFY = """\
[notify]
settle_s = 600
[[notify.contact]]
name = "watch"
address_file = "{folder}/hook"
language = "en"
quiet = "00:00-23:59"
"""
BUTTON = """\
import os
class Pin:
    def value(self):
        try:
            os.stat(os.getenv("ORTOO_BUTTON"))
        except OSError:
            return 1
        return 0
def pin(name):
    return Pin()
"""
WIRED = """\
[[source]]
name = "node"
type = "node"
port = "{port}"
"""


class Office:
    """Broker and service, whoever is told, and what they do."""

    def __init__(self, folder: Path) -> None:
        self.hook = Hook()
        (folder / "hook").write_text(self.hook.url)
        self.mosquitto = Mosquitto(folder / "mosquitto")
        self.mosquitto.start()
        notify = NOTIFY.format(folder=folder)
        self.service = Service(
            folder, self.mosquitto.host, self.mosquitto.port, any_free_port(), settings=notify
        )
        self.service.start()

    def close(self) -> None:
        self.service.program.kill()
        self.mosquitto.kill()
        self.hook.close()

    def told_of(self, unit: str) -> list[str]:
        """The messages about a unit's calls."""
        return [told["message"] for told in self._heard_of(unit) if not told["title"].startswith("Over: ")]

    def all_clears_of(self, unit: str) -> list[str]:
        """Those that say that it is over."""
        return [told["message"] for told in self._heard_of(unit) if told["title"].startswith("Over: ")]

    def _heard_of(self, unit: str) -> list[dict[str, Any]]:
        return [told for told in self.hook.told if unit in told["title"]]

    def call_of(self, unit: str) -> dict[str, Any]:
        """The call that is open, once somebody is told of it."""

        def found() -> dict[str, Any] | None:
            alerts = self.service.get("alerts", unit=unit, rule="help_called", language="en")["alerts"]
            return next((one for one in alerts if one["state"] == "firing" and one["told_to"]), None)

        alert = wait_until(found, 30, what="a call")
        assert alert is not None
        return alert

    def signalled(self, alert: dict[str, Any]) -> list[str]:
        """What the button's light is known to have said."""
        whole = self.service.get(f"alerts/{alert['id']}")
        return [one["text"] for one in whole["history"] if one["what"] == "signalled"]

    def act(self, alert: dict[str, Any], what: str, **said: str) -> None:
        answer = httpx.post(f"{self.service.url}/api/v1/alerts/{alert['id']}/{what}", json=said, timeout=30)
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = Office(tmp_path_factory.mktemp("office"))
    try:
        made.service.wait_until_ready()
        yield made
    finally:
        made.close()


@pytest.fixture
def node(micropython: Path, tmp_path: Path, office: Office) -> Iterator[Node]:
    board = board_with_firmware(micropython, tmp_path / "board")
    (tmp_path / "button.py").write_text(BUTTON)
    board.add([tmp_path / "button.py"])
    made = Node(board, tmp_path, office.mosquitto.host, office.mosquitto.port)
    made.env = {"ORTOO_WIRED": "button", "ORTOO_BUTTON": str(tmp_path / "pressed")}
    made.configure({"type": "help", "name": "help"})
    yield made
    made.kill()


@pytest.mark.timeout(600)
def test_a_household_calls_into_the_dark_and_learns_that_somebody_comes(
    office: Office, node: Node, tmp_path: Path
) -> None:
    office.mosquitto.stop()
    node.start()
    node.wait_for("safe: ")  # it has begun
    (tmp_path / "pressed").touch()
    node.wait_for("help: called")
    node.kill()  # the power is cut; nobody could hear of it
    (tmp_path / "pressed").unlink()
    office.mosquitto.start()
    node.start()
    node.wait_for("help: heard")
    wait_until(lambda: office.told_of(UNIT), 30, what="a message")
    alert = office.call_of(UNIT)
    assert alert["said"]["title"] == f"HELP is called: {UNIT}"
    assert alert["text"]["values"]["place"] is None, "a household's node has no receiver"
    office.act(alert, "acknowledge", comment="the doctor drives")
    node.wait_for("help: coming")
    node.kill()
    office.service.program.kill()  # and again, here: nobody is told twice
    office.service.start()
    office.service.wait_until_ready()
    node.start()
    node.wait_for("all receipted")
    office.act(alert, "close", reason="all are well")
    node.wait_for("help: over")
    wait_until(lambda: office.all_clears_of(UNIT), 30, what="the all-clear")
    assert "all are well" in office.all_clears_of(UNIT)[0]
    assert (len(office.told_of(UNIT)), len(office.all_clears_of(UNIT))) == (1, 1)
    calls = office.service.records(UNIT, "help", source="help")
    assert [call["event"] for call in calls] == ["called"]
    wait_until(
        lambda: "over" in office.signalled(alert), 30, what="the service to know that the light is off"
    )
    assert office.signalled(alert) == ["heard", "coming", "over"]


class Cabinet:
    """A node on a vehicle's wire, in a thread; what happens to it does so in turn."""

    def __init__(self, folder: Path) -> None:
        self.line = PtyLine(folder / "node.tty")
        self.node = WiredNode("vehicle-01", folder / "flash", self._now_ms())
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def _now_ms() -> int:
        return time.time_ns() // 1_000_000

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            with self._lock:
                self.line.send(self.node.step(self.line.received(), [], self._now_ms()))

    def press(self) -> None:
        with self._lock:
            self.node.press()

    def wait_for(self, state: str) -> None:
        wait_until(lambda: self.node.call.state == state, 30, what=f"the light to say {state}")

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.line.close()


@pytest.fixture
def vehicle(tmp_path: Path, office: Office) -> Iterator[tuple[Vehicle, Cabinet]]:
    made = Vehicle(tmp_path, "vehicle-01", office.mosquitto.host, office.mosquitto.port)
    cabinet = Cabinet(tmp_path)
    with made.unit.config.open("a") as config:
        config.write(WIRED.format(port=cabinet.line.link))
    yield made, cabinet
    made.close()
    cabinet.close()


@pytest.mark.timeout(600)
def test_a_crew_calls_with_its_pi_dead_and_learns_that_somebody_comes(
    office: Office, vehicle: tuple[Vehicle, Cabinet]
) -> None:
    unit, cabinet = vehicle
    cabinet.press()
    assert cabinet.node.call.state == "called"
    unit.program.start()
    cabinet.wait_for("heard")
    wait_until(lambda: office.told_of(unit.name), 30, what="a message")
    unit.program.kill()  # the answer finds nobody at home
    first = office.call_of(unit.name)
    office.act(first, "comment", comment="we are on our way")
    unit.program.start()
    cabinet.wait_for("coming")
    office.act(first, "close", reason="all are well")
    cabinet.wait_for("over")
    wait_until(lambda: office.service.get(f"units/{unit.name}")["lat_deg"] is not None, 30, what="a place")
    cabinet.press()
    cabinet.wait_for("heard")
    wait_until(lambda: len(office.told_of(unit.name)) == 2, 30, what="another message")
    second = office.call_of(unit.name)
    place = second["text"]["values"]["place"]
    assert place is not None
    assert place.startswith("43.9")
    assert f"Position then: {place}" in office.told_of(unit.name)[1]
    records = office.service.records(unit.name, "help", source="node-help")
    assert [record["event"] for record in records] == ["called", "called"]
    unit.stop()
