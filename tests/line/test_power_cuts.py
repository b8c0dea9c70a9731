"""The power of a whole unit is cut at random while broker and service are killed; nothing promised is lost.

The unit is the real agent in a virtual machine (`virtual_machine.py`), its outbox on the machine's disk, its
link slow and lossy. It prints what it promises; in the end every promise must be at the service, once, with
its content, and the books of both ends must be equal row by row. The control runs with a setting of SQLite
that does not wait for the disk, and must lose; else the rig would prove nothing.

N cuts without a loss bound the rate of losses at 3/N with 95 % confidence.
"""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.programs import Program, find_program, module_command
from tests.fixtures.waiting import PATIENCE, wait_until
from tests.line import books, promises
from tests.line.driver import Driver
from tests.line.virtual_machine import (
    DISK,
    HOST_ADDRESS,
    VirtualMachine,
    namespace,
    require_virtual_machine,
)
from tests.line.whole_line import SERVICE, Service, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.line.books import Books, Identity
    from tests.line.promises import Promise

# By hand as many as one likes: ./dev soak --cuts 300
CUTS = int(os.environ.get("ORTOO_CUTS", "30"))
SEED = int(os.environ.get("ORTOO_CUTS_SEED", "20261121"))
CONTROL_CUTS = 3
SERVICE_CUTS = max(5, CUTS // 6)
CYCLE_S = 30.0  # the longest
ENOUGH = 5  # promises for each cut
DRAIN_S = 120.0
BROKER_PORT, HTTP_PORT = 1883, 8080  # in a network of its own nobody else has them
NAME, SERVING = "cut-1", "Application startup complete"
BROKER = """\
listener {port} {host}
allow_anonymous true
user root
log_type error
log_type warning
"""


@pytest.fixture
def network() -> Iterator[tuple[str, ...]]:
    require_virtual_machine()
    with namespace() as prefix:
        yield prefix


@pytest.fixture
def broker(network: tuple[str, ...], tmp_path: Path, programs: list[Program]) -> Program:
    found = find_program("mosquitto", variable="MOSQUITTO")
    if found is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    config = tmp_path / "mosquitto.conf"
    config.write_text(BROKER.format(host=HOST_ADDRESS, port=BROKER_PORT))
    broker = Program([*network, found, "-c", config], tmp_path / "mosquitto.log")
    programs.append(broker)
    broker.start()
    return broker


@pytest.mark.timeout(2 * CUTS * CYCLE_S + 240)
def test_no_promise_is_broken(
    tmp_path: Path,
    network: tuple[str, ...],
    broker: Program,
    programs: list[Program],
    note: Callable[..., None],
) -> None:
    service = Service(tmp_path, HOST_ADDRESS, BROKER_PORT, HTTP_PORT, network)
    programs.append(service.program)
    service.program.start()
    with powered_off(VirtualMachine(tmp_path, network)) as machine:
        begin_s = time.monotonic()
        with killing(random.Random(SEED + 1), {"broker": broker, "service": service.program}) as kills:
            promised = _lives(machine, CUTS, _unit_config(tmp_path), service=service)
        cycle_s = round((time.monotonic() - begin_s) / CUTS, 1)
        early = len(promised & _at_service(service))
        _drain(machine, service, promised)
        outbox = machine.disk(tmp_path / "disk") / f"{NAME}.db"
    rows, boots = _check_books(outbox, service, promised)
    assert len(promised) > ENOUGH * CUTS, "too little was promised to prove anything"
    assert early > 0, "nothing got through while power was cut"
    kept = {"promised": len(promised), "stored_meanwhile": early, "rows": rows, "boots": boots}
    note(seed=SEED, cuts=CUTS, cycle_s=cycle_s, **kills, **kept, lost=0, twice=0)


def _check_books(outbox: Path, service: Service, promised: set[Promise]) -> tuple[int, int]:
    """(rows, boots). Both ends equal row by row, save what the last life still had to send; each promise
    kept once."""
    own, theirs = books.of_unit(outbox)[0], books.of_service(service.store, NAME)
    sent = books.receipted(outbox) | theirs.keys()
    assert books.unbalanced({i: row for i, row in own.items() if i in sent}, theirs) == []
    told = Counter(promises.of_row(row) for row in theirs.values())
    assert [promise for promise in promised if told[promise] != 1] == []
    assert [promise for promise, times in told.items() if times > 1] == []
    return len(own), len({row[0] for row in own.values()})


@pytest.mark.timeout(PATIENCE * CONTROL_CUTS * CYCLE_S)
def test_control_of_the_unit_loses(tmp_path: Path, note: Callable[..., None]) -> None:
    require_virtual_machine()
    with powered_off(VirtualMachine(tmp_path)) as machine:
        promised = _lives(machine, CONTROL_CUTS, _unit_config(tmp_path), "--synchronous", "NORMAL")
        own, _ = books.of_unit(machine.disk(tmp_path / "disk") / f"{NAME}.db")
    lost = promised - {promises.of_row(row) for row in own.values()}
    assert lost
    note(seed=SEED, cuts=CONTROL_CUTS, promised=len(promised), lost=len(lost))


@dataclass
class ServiceRig:
    """The service in a machine that is cut, and a unit outside of it that is told what is stored."""

    machine: VirtualMachine
    unit: Unit
    agent: Program
    config: Path

    def life(self, synchronous: str, seconds: float) -> tuple[set[Identity], list[Identity]]:
        """From power on to the cut: what the unit believes to be stored, and what of it is not."""
        self.machine.boot("tests.line.guest_service", str(self.config), synchronous)
        self.machine.wait_for("serving", CYCLE_S)
        before = books.receipted(self.unit.outbox)
        self.agent.start()
        time.sleep(seconds)
        wait_until(lambda: books.receipted(self.unit.outbox) - before, CYCLE_S, what="a receipt")
        self.machine.cut()
        assert self.agent.stop() == 0, self.agent.tail()
        receipted, own = books.receipted(self.unit.outbox), books.of_unit(self.unit.outbox)[0]
        with tempfile.TemporaryDirectory() as folder:
            theirs = self._stored(Path(folder) / "disk")
        return receipted, [identity for identity in receipted if theirs.get(identity) != own[identity]]

    def _stored(self, folder: Path) -> Books:
        store = self.machine.disk(folder) / "store.sqlite3"
        with closing(sqlite3.connect(store)) as file:
            is_empty = file.execute("SELECT 1 FROM sqlite_master WHERE name = 'origin'").fetchone() is None
        return {} if is_empty else books.of_service(store, NAME)


@pytest.fixture
def service_rig(
    tmp_path: Path, network: tuple[str, ...], broker: Program, programs: list[Program]
) -> Iterator[ServiceRig]:
    unit = Unit(tmp_path, NAME, HOST_ADDRESS, BROKER_PORT)
    driver = Driver(tmp_path / "gnss.tty")
    unit.listen(driver.line.link)
    command = module_command("edge", "run", "--config", unit.config)
    agent = Program([*network, *command], tmp_path / "unit.log")
    programs.append(agent)
    store = f"{DISK}/store.sqlite3"
    settings = tmp_path / "service.toml"
    settings.write_text(SERVICE.format(host=HOST_ADDRESS, port=BROKER_PORT, path=store, http_port=HTTP_PORT))
    with powered_off(VirtualMachine(tmp_path, network, memory_mib=384)) as machine:
        yield ServiceRig(machine, unit, agent, settings)
    driver.close()


@pytest.mark.timeout(PATIENCE * SERVICE_CUTS * CYCLE_S * 2)
def test_what_is_receipted_is_in_the_store(service_rig: ServiceRig, note: Callable[..., None]) -> None:
    rng = random.Random(SEED)
    receipted: set[Identity] = set()
    begin_s = time.monotonic()
    for number in range(SERVICE_CUTS):
        before = len(receipted)
        receipted, lost = service_rig.life("FULL", rng.uniform(4, 7))
        assert lost == [], f"cut {number}"
        assert len(receipted) > before, "nothing got through in this life"
    cycle_s = round((time.monotonic() - begin_s) / SERVICE_CUTS, 1)
    note(seed=SEED, cuts=SERVICE_CUTS, cycle_s=cycle_s, receipted=len(receipted), lost=0)


def test_control_of_the_service_loses(service_rig: ServiceRig, note: Callable[..., None]) -> None:
    receipted, lost = service_rig.life("NORMAL", 7)
    assert lost
    note(cuts=1, receipted=len(receipted), lost=len(lost))


@contextmanager
def powered_off(machine: VirtualMachine) -> Iterator[VirtualMachine]:
    try:
        yield machine
    finally:
        machine.cut()


@contextmanager
def killing(rng: random.Random, victims: dict[str, Program]) -> Iterator[Counter[str]]:
    """Kill one of them every few seconds, and start it again; in the end all run."""
    kills: Counter[str] = Counter()
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(rng.uniform(2, 8)):
            name = rng.choice(list(victims))
            victims[name].kill()
            kills[f"{name}_kills"] += 1
            stop.wait(min(rng.expovariate(1 / 2), 10))
            served = victims["service"].log().count(SERVING)
            victims[name].start()
            # Half the time it may serve first, which may take longer than until the next kill.
            is_spared = name == "service" and rng.random() < 0.5
            while is_spared and victims[name].log().count(SERVING) == served and not stop.wait(0.2):
                pass

    thread = threading.Thread(target=run, name="killer", daemon=True)
    thread.start()
    try:
        yield kills
    finally:
        stop.set()
        thread.join()


def _unit_config(folder: Path, sense_s: float = 2.0) -> Path:
    """The unit's settings, outside of the machine; outbox and receiver are inside.

    Commits come as records are accepted, and records go as soon as there are any: most to lose, most often.
    """
    unit = Unit(
        folder,
        NAME,
        HOST_ADDRESS,
        BROKER_PORT,
        sense_s=sense_s,
        group_ms=100,
        disk=Path(DISK),
        receiver=Path("/run/gnss.tty"),
    )
    return unit.config


def _lives(
    machine: VirtualMachine, cuts: int, config: Path, *words: str, service: Service | None = None
) -> set[Promise]:
    """So many cuts, and with a service as many more as a slow machine takes until enough was promised."""
    rng = random.Random(SEED)
    promised: set[Promise] = set()
    while cuts > 1 or (service is not None and len(promised) <= ENOUGH * CUTS):
        promised |= _life(machine, rng, config, *words)
        cuts -= 1
    return promised | _life(machine, rng, config, *words, service=service)


def _life(
    machine: VirtualMachine, rng: random.Random, config: Path, *words: str, service: Service | None = None
) -> set[Promise]:
    """From power on to the cut, at any moment; what was promised in between. With a service not before that
    has something."""
    machine.boot("tests.line.guest", str(config), *words)
    moment = rng.random()
    if moment < 0.1:
        time.sleep(rng.uniform(1, 4))  # perhaps before it records at all
    else:
        machine.wait_for(promises.WORD, CYCLE_S / 2)
        time.sleep(rng.uniform(0, 4))
    if moment > 0.5:
        machine.wait_for(promises.WORD, CYCLE_S / 2)  # no sooner promised than cut
    if service is not None:
        wait_until(lambda: _at_service(service), DRAIN_S, every_s=0.5, what="a row at the service")
    return promises.of_lines(machine.cut())


def _drain(machine: VirtualMachine, service: Service, promised: set[Promise]) -> None:
    """One more life, parked and undisturbed, until all is at the service."""
    machine.boot("tests.line.guest", str(_unit_config(machine.folder, 3600)), "--is-parked")
    try:
        wait_until(lambda: promised <= _at_service(service), DRAIN_S, every_s=1)
    except AssertionError:
        missing = promised - _at_service(service)
        text = "\n".join([str(promise) for promise in sorted(missing)][:20] + machine.cut()[-20:])
        raise AssertionError(f"lost: {len(missing)} of {len(promised)}:\n{text}") from None
    machine.cut()


def _at_service(service: Service) -> set[Promise]:
    return {promises.of_row(row) for row in books.of_service(service.store, NAME).values()}
