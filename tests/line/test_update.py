"""Firmware over the air, from the operator's key to the node that runs it, with power cuts on the way.

The node is the firmware itself on MicroPython's unix port: its flash is a littlefs image with both folders of
firmware, and what runs is the compiled modules on it. Broker and service are real, and so is the operator's
openssl. A release is tried by killing node and broker while it is fetched.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from firmware.update.version import VERSION
from tests.firmware.line.test_wired import BadLine
from tests.fixtures.operator import Operator
from tests.fixtures.programs import ROOT, Program, find_program, module_command
from tests.fixtures.waiting import wait_until
from tests.line.test_node import UNIT, Node
from tests.line.whole_line import Service, Unit
from tests.micropython import MicroPython, board_with_firmware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto

SEED = 20261121
START = "from firmware.host_main import start; start()"
OTHERS = ("ports/esp32", "ports/rp2", "ports/micro", "ports/ppp", "board_main", "tdtr")  # not of this board
KILLS = 5
VEHICLE, PI_KILLS = "vehicle-01", 2
WIRE = """\
[[source]]
name = "power"
type = "node"
port = "{line}"
[releases]
key_file = "{key}"
"""
MOST_STARTS = 6
# Compiled without assertions and line numbers, these are other files, to be fetched; the rest is copied.
OTHERWISE = ("app", "line/courier", "store/outbox", "store/ring")
# A firmware that starts, and never reaches anybody.
HERMIT = """
import time

def main(is_safe=False):
    print("{words}")
    time.sleep(600)
"""
NOBODY = "nobody is there"


class Desk:
    """Where releases are compiled and signed."""

    def __init__(self, folder: Path, board: MicroPython) -> None:
        self._folder, self._library = folder, board.library
        self.operator, self.stranger = Operator(folder / "operator"), Operator(folder / "stranger")
        self.heir = Operator(folder / "heir")  # who signs from release 2 on

    def compiled(self, version: str, otherwise: tuple[str, ...] = ()) -> Path:
        """The firmware as that version, some files in another way; a folder as on a flash."""
        folder = self._folder / version
        shutil.copytree(self._library / "firmware", folder / "firmware")
        for name in OTHERS:
            (folder / "firmware" / f"{name}.mpy").unlink()
        text = (ROOT / "firmware" / "update" / "version.py").read_text()
        assert f'"{VERSION}"' in text
        self._compile(folder, "update/version", text.replace(f'"{VERSION}"', f'"{version}"'))
        for name in otherwise:
            self._compile(folder, name, (ROOT / "firmware" / f"{name}.py").read_text(), "-O3")
        return folder

    def hermit(self) -> Path:
        """A firmware of two files, of which none leads to a broker."""
        folder = self._folder / "hermit"
        (folder / "firmware").mkdir(parents=True, exist_ok=True)
        self._compile(folder, "__init__", "")
        self._compile(folder, "main", HERMIT.format(words=NOBODY))
        return folder

    def _compile(self, folder: Path, name: str, text: str, *options: str) -> None:
        source = self._folder / f"{name.replace('/', '-')}.py"
        source.write_text(text)
        cross, target = find_program("mpy-cross", variable="MPY_CROSS"), folder / "firmware" / f"{name}.mpy"
        subprocess.run([str(cross), *options, "-o", target, source], check=True)


class Office:
    """The service and its API, as the operator meets it."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def add(self, release: bytes) -> httpx.Response:
        headers = {"Content-Type": "application/octet-stream"}
        return httpx.post(f"{self.service.url}/api/v1/releases", content=release, headers=headers, timeout=30)

    def roll_out(self, number: int, **body: Any) -> None:
        url = f"{self.service.url}/api/v1/releases/{number}/rollout"
        httpx.post(url, json=body, timeout=30).raise_for_status()

    def state(self, number: int) -> tuple[str, str]:
        """(state, detail) of the one who was asked."""
        listed = self.service.get("releases")["releases"]
        (asked,) = next(one for one in listed if one["number"] == number)["rollouts"]
        return asked["state"], asked["detail"]

    def software(self, unit: str) -> str | None:
        return next(
            (one["software"] for one in self.service.get("releases")["units"] if one["unit"] == unit), None
        )


class UpdatedNode(Node):
    """A node whose firmware lies on its image, and that starts again when it has ended by itself."""

    code = START
    heap_kib = 256  # what boards need is judged by test_update_start.py; here nothing may depend on chance

    def lay(self, firmware: Path, key: Path) -> None:
        """Put a firmware and the operator's public key on the flash, as `./dev flash` does."""
        names = [path.relative_to(firmware).as_posix() for path in sorted(firmware.rglob("*.mpy"))]
        self._call("lay", [str(self.image), str(firmware), "/a", names])
        shutil.copy(key, key.with_name("update.key"))
        self._call("lay", [str(self.image), str(key.parent), "", ["update.key"]])

    def _call(self, function: str, argument: Any) -> None:
        self.board.call(f"image_judge.{function}", argument, heap_kib=2048)

    def keep_on(self) -> None:
        """Start it unless it runs."""
        if self._child is None or self._child.poll() is not None:
            self.kill()
            self.start()

    def has_said(self, words: str) -> bool:
        """Whether it has said so since its start."""
        while not self.said.empty():
            self.heard.append(self.said.get())
        return any(words in line for line in self.heard)

    def run_for(self, seconds: float) -> None:
        """Keep it on so long."""
        self.keep_on()
        time.sleep(seconds)

    def run_until(self, is_there: Callable[[], bool], timeout_s: float = 60) -> None:
        """Keep it on until then."""

        def is_done() -> bool:
            self.keep_on()
            return is_there()

        wait_until(
            is_done, timeout_s, every_s=0.1, what=lambda: f"{self.heard} {list(self.said.queue)[-20:]}"
        )


@pytest.fixture(scope="module")
def board(micropython: Path, tmp_path_factory: pytest.TempPathFactory) -> MicroPython:
    return board_with_firmware(micropython, tmp_path_factory.mktemp("board") / "board")


@pytest.fixture(scope="module")
def desk(board: MicroPython, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"), board)


@pytest.fixture
def office(
    mosquitto: Mosquitto, free_port: int, tmp_path: Path, programs: list[Program], desk: Desk
) -> Iterator[Office]:
    """The service, which knows all operators: nodes know one."""
    keys = [str(one.public_file) for one in (desk.operator, desk.stranger, desk.heir)]
    settings = f"[releases]\nkey_files = {keys}\n"
    service = Service(tmp_path, mosquitto.host, mosquitto.port, free_port, settings=settings)
    programs.append(service.program)
    service.start()
    service.wait_until_ready()
    yield Office(service)
    assert service.program.stop() == 0


@pytest.fixture
def node(board: MicroPython, tmp_path: Path, mosquitto: Mosquitto) -> Iterator[UpdatedNode]:
    made = UpdatedNode(board, tmp_path, mosquitto.host, mosquitto.port)
    yield made
    made.kill()


def take_through_cuts(office: Office, node: UpdatedNode, desk: Desk, mosquitto: Mosquitto) -> int:
    """Release 2 is fetched while node and broker are killed, and hands the key on; its bytes."""
    rng = random.Random(SEED)
    keys = (desk.heir.public,)
    release = desk.operator.release(desk.compiled("2.0.0", OTHERWISE), 2, "2.0.0", keys)
    assert office.add(release).status_code == 201
    office.roll_out(2, units=[UNIT])
    for kill in range(KILLS):
        node.run_for(rng.uniform(0.2, 1.5))
        node.kill()
        if kill == KILLS // 2:
            mosquitto.kill()
            mosquitto.start()
    node.run_until(lambda: office.state(2)[0] == "running")
    assert office.state(2)[1].startswith("2.0.0, number 2")
    wait_until(lambda: office.software(UNIT) == "ortoo-node 2.0.0", what="its birth")
    return len(release)


def leave_the_hermit(office: Office, node: UpdatedNode, desk: Desk) -> None:
    """Release 3 reaches nobody: the node goes back to the one before, and says so."""
    keys = (desk.stranger.public,)  # with it goes whom it would have brought
    assert office.add(desk.heir.release(desk.hermit(), 3, "3.0.0", keys)).status_code == 201
    office.roll_out(3, units=[UNIT])
    node.run_until(lambda: office.state(3)[0] == "staged")
    for _ in range(MOST_STARTS):  # three are tries
        node.kill()
        node.start()
        node.run_until(lambda: node.has_said(NOBODY) or office.state(3)[0] == "rolled_back")
        if office.state(3)[0] == "rolled_back":
            break
    assert office.state(3) == ("rolled_back", "number 3")
    wait_until(lambda: office.software(UNIT) == "ortoo-node 2.0.0", what="its birth")


def refuse_strangers(office: Office, node: UpdatedNode, desk: Desk) -> None:
    """What was changed never gets past the service, nor past the node what strangers or old keys signed."""
    release = desk.operator.release(desk.hermit(), 4, "4.0.0")
    answer = office.add(release[:-1] + bytes([release[-1] ^ 1]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "damaged")
    answer = office.add(release.replace(b'"number":4', b'"number":9', 1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "signature")
    for number, operator in ((5, desk.stranger), (7, desk.operator)):
        assert office.add(operator.release(desk.hermit(), number, f"{number}.0.0")).status_code == 201
        office.roll_out(number, units=[UNIT])
        node.run_until(lambda number=number: office.state(number)[0] == "refused")  # type: ignore[misc]
        assert "signature" in office.state(number)[1]


@pytest.mark.timeout(900)
def test_a_node_takes_a_release_through_power_cuts_and_leaves_one_that_reaches_nobody(
    office: Office, node: UpdatedNode, desk: Desk, mosquitto: Mosquitto, note: Callable[..., None]
) -> None:
    node.lay(desk.compiled("1.0.0"), desk.operator.public_file)
    node.configure()
    node.run_until(lambda: office.software(UNIT) == "ortoo-node 1.0.0")
    size = take_through_cuts(office, node, desk, mosquitto)
    leave_the_hermit(office, node, desk)
    refuse_strangers(office, node, desk)
    note(seed=SEED, kills=KILLS, bytes=size)


class Pi(Unit):
    """The agent as a process, with a node on its wire."""

    def begin(self, line: Path, key: Path) -> Program:
        """Its program; not yet started."""
        with self.config.open("a") as config:
            config.write(WIRE.format(line=line, key=key))
        command = module_command("edge", "run", "--config", str(self.config))
        return Program(command, self.folder / f"{self.name}.log")


class WiredNode(UpdatedNode):
    """A node on a wire; it speaks to nobody else."""

    def configure(self, *drivers: dict[str, Any]) -> None:
        self._settings.write_text(
            json.dumps({"version": 1, "unit": "node", "mode": "wired", "drivers": drivers})
        )


@pytest.mark.timeout(900)
def test_a_wired_node_takes_a_release_through_its_pi(
    office: Office,
    board: MicroPython,
    desk: Desk,
    mosquitto: Mosquitto,
    tmp_path: Path,
    programs: list[Program],
    note: Callable[..., None],
) -> None:
    rng = random.Random(SEED)
    line = BadLine(tmp_path)
    node = WiredNode(board, tmp_path, mosquitto.host, mosquitto.port)
    node.env = {"ORTOO_LINK": str(line.links[0])}
    node.lay(desk.compiled("5.0.0"), desk.operator.public_file)
    node.configure()
    pi = Pi(tmp_path, VEHICLE, mosquitto.host, mosquitto.port).begin(line.links[1], desk.operator.public_file)
    programs.append(pi)
    pi.start()
    try:
        node.run_until(lambda: office.software(VEHICLE) is not None)
        release = desk.operator.release(desk.compiled("6.0.0", OTHERWISE[:1]), 6, "6.0.0")
        assert office.add(release).status_code == 201
        office.roll_out(6, units=[VEHICLE], node="power")
        for _ in range(PI_KILLS):
            node.run_for(rng.uniform(0.5, 2.5))
            pi.kill()
            node.run_for(rng.uniform(0.0, 0.5))
            node.kill()
            pi.start()
        node.run_until(lambda: office.state(6)[0] == "running")
        assert office.state(6)[1] == "power runs 6.0.0"
    finally:
        node.kill()
        line.close()
    note(seed=SEED, kills=PI_KILLS, bytes=len(release))
