"""Whatever a link does between a vehicle and its broker, the books balance and the line comes back by itself.

Each fault has a vehicle and a link of its own, all on one broker and one service, and all at the same time:
each test then says how its fault ended. A unit's keep-alive is 5 s here, its first receipt time-out 2 s.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import wait_until
from tests.line.fault_proxy import FaultProxy, is_puback, is_publish_to
from tests.line.vehicle import Vehicle, check_books, stored_since, wait_for_new
from tests.line.whole_line import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fixtures.programs import Program

BACK_S = 30.0  # after the path is whole, or in spite of the fault, new fixes are stored within this
ENOUGH_FIXES = 50  # each vehicle drives until so many are stored, so that there are books to check
CUTS = range(1, 2000, 37)
CUTTING_SPEED = 30.0  # of the unit's time, so that it waits a second at most before it connects again


@dataclass(frozen=True)
class Fault:
    """`is_endured`: new fixes arrive though the fault goes on; else they do when it is over."""

    begin: Callable[[FaultProxy], None]
    lasts_s: float = 12.0
    is_endured: bool = False
    drops: int = 0  # so many packets at least must have vanished before it is over
    shown_as: str | None = None  # among the unit's faults, before it is over


def no_pubacks(link: FaultProxy) -> None:
    link.down.packet_filter = lambda packet: not is_puback(packet)


def no_receipts(link: FaultProxy) -> None:
    is_receipt = is_publish_to("receipt")
    link.down.packet_filter = lambda packet: not is_receipt(packet)


def slow(link: FaultProxy) -> None:
    link.up.bytes_per_s = link.down.bytes_per_s = 1000.0


def late(link: FaultProxy) -> None:
    link.up.delay_s = link.down.delay_s = 2.0


def portal(link: FaultProxy) -> None:
    link.is_portal = True
    link.reset()


def refusing(link: FaultProxy) -> None:
    link.is_refusing = True
    link.reset()


FAULTS = {
    "black-hole": Fault(FaultProxy.black_hole),
    "black-hole-up": Fault(lambda link: link.black_hole("up")),
    "black-hole-down": Fault(lambda link: link.black_hole("down")),
    "no-pubacks": Fault(no_pubacks, 20.0, is_endured=True, drops=4),
    "no-receipts": Fault(no_receipts, 20.0, drops=4, shown_as="no_receipt"),
    "half-open": Fault(FaultProxy.half_open, 0.0, is_endured=True),
    "one-kb-a-second": Fault(slow, 10.0, is_endured=True),
    "four-seconds-there-and-back": Fault(late, 15.0, is_endured=True),
    "captive-portal": Fault(portal),
    "broker-refuses": Fault(refusing),
}


class Line:
    """Broker and service, and links to them for as many vehicles as there are faults."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder / "mosquitto")
        self.broker.start()
        self.service = Service(folder, self.broker.host, self.broker.port, free_port())
        self.service.start()
        self.service.wait_until_ready()

    def close(self) -> None:
        self.service.program.kill()
        self.broker.kill()


def has_shown(line: Line, name: str, link: FaultProxy) -> bool:
    """Whether the fault has done what the test is about; how long that takes hangs on the machine."""
    fault = FAULTS[name]
    is_told = fault.shown_as is None or fault.shown_as in codes(line, name)
    return link.down.filtered >= fault.drops and is_told


def codes(line: Line, name: str) -> set[str | None]:
    """Of the unit's faults, as the API tells them."""
    told = line.service.get(f"units/{name}/events", limit=1000)["events"]
    return {event["values"].get("code") for event in told}


def suffer(line: Line, name: str) -> dict[str, Any]:
    """One vehicle lives through one fault; what came of it."""
    fault = FAULTS[name]
    with FaultProxy(line.broker.host, line.broker.port) as link:
        vehicle = Vehicle(line.folder, name, link.host, link.port)
        try:
            vehicle.program.start()
            wait_for_new(line.service, name, BACK_S)
            fault.begin(link)
            time.sleep(fault.lasts_s)
            wait_until(
                lambda: has_shown(line, name, link), BACK_S, every_s=0.2, what=f"{name} to show: {fault}"
            )
            filtered = link.down.filtered
            if not fault.is_endured:
                link.heal()
            back_s = wait_for_new(line.service, name, BACK_S)
            link.heal()
            wait_until(
                lambda: stored_since(line.service, name, 0) > ENOUGH_FIXES,
                BACK_S,
                what=f"the books of {name}",
            )
            vehicle.driver.halt()
            vehicle.stop()
            vehicle.drain()
            counts = check_books(line.service, vehicle)
            assert "MQTT 3.1.1" not in vehicle.program.log()
        finally:
            vehicle.close()
    return {"back_s": round(back_s, 1), "filtered": filtered, **counts}


def cut(line: Line, way: str) -> dict[str, Any]:
    """One vehicle whose link is reset after a few bytes, and then after some more."""
    name = f"cut-{way}"
    with FaultProxy(line.broker.host, line.broker.port) as link:
        vehicle = Vehicle(
            line.folder, name, link.host, link.port, speed=CUTTING_SPEED, receipt_timeout_s=60.0
        )
        try:
            vehicle.program.start()
            wait_until(lambda: stored_since(line.service, name, 0), BACK_S, what=f"a fix of {name}")
            before = link.accepted
            link.reset()
            for size in CUTS:
                direction = getattr(link, way)
                direction.reset_after_bytes = direction.passed_bytes + size
                wait_until(
                    lambda: getattr(link, way).reset_after_bytes is None,
                    BACK_S,
                    every_s=0.002,
                    what=f"{size} bytes {way}",
                )
            vehicle.driver.halt()
            vehicle.stop()
            links = link.accepted - before
            vehicle.drain()
            counts = check_books(line.service, vehicle)
            assert "MQTT 3.1.1" not in vehicle.program.log()
        finally:
            vehicle.close()
    return {"links": links, **counts}


Running = dict[str, "Future[dict[str, Any]]"]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    made = Line(tmp_path_factory.mktemp("link-faults"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def running(line: Line) -> Iterator[Running]:
    """All of it, begun at once."""
    with ThreadPoolExecutor(len(FAULTS) + 2) as threads:
        begun = {way: threads.submit(cut, line, way) for way in ("up", "down")}
        yield {**begun, **{name: threads.submit(suffer, line, name) for name in FAULTS}}


@pytest.mark.parametrize("name", FAULTS)
def test_the_books_balance_and_the_line_comes_back(name: str, running: Running, line: Line) -> None:
    outcome = running[name].result()
    print(name, outcome)
    assert outcome["fixes"] > ENOUGH_FIXES
    fault = FAULTS[name]
    assert outcome["filtered"] >= fault.drops, "nothing was dropped, so this proves nothing"
    assert fault.shown_as is None or fault.shown_as in codes(line, name)


@pytest.mark.parametrize("way", ["up", "down"])
def test_the_books_balance_after_a_reset_at_any_byte(way: str, running: Running) -> None:
    outcome = running[way].result()
    print(way, outcome)
    assert outcome["links"] >= len(CUTS) - 1


def test_a_broker_that_forgets_everything_costs_nothing(
    tmp_path: Path, mosquitto: Mosquitto, service: Service, programs: list[Program]
) -> None:
    """Sessions, queues and retained messages are gone, also those that it had acknowledged."""
    vehicle = Vehicle(tmp_path, "forgotten", mosquitto.host, mosquitto.port)
    programs.append(vehicle.program)
    vehicle.program.start()
    for _ in range(2):
        wait_for_new(service, vehicle.name, BACK_S)
        service.program.pause()  # so that the broker holds what it has acknowledged
        time.sleep(1)
        mosquitto.kill()
        mosquitto.wipe()
        service.program.resume()
        mosquitto.start()
    print(f"back within {wait_for_new(service, vehicle.name, BACK_S):.1f} s")
    vehicle.driver.halt()
    vehicle.stop()
    vehicle.drain()
    print(check_books(service, vehicle))
    vehicle.close()
