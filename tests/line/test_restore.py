"""What a store, a card or an identity may go through besides cuts and kills: each with its own outcome.

A store put back from an old copy, or gone; a card replaced, fallen back, or copied; other content under the
same identity; two services on one store; a service that stood still.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from paho.mqtt import publish

from edge.outbox import Limits, Outbox, connect
from firmware import wire
from tests.fixtures.waiting import wait_until
from tests.line import books
from tests.line.vehicle import Vehicle, check_books, stored_since, wait_for_new

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.fixtures.programs import Program
    from tests.line.whole_line import Service

BACK_S = 30.0
STOP_S = float(os.environ.get("ORTOO_STOP_S", "10"))  # how long a service stands still
NAME = "unit-1"


@pytest.fixture
def make(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Callable[[str], Vehicle]]:
    """A vehicle named NAME, its files in a folder of that name."""
    made: list[Vehicle] = []

    def vehicle(folder: str = "vehicle") -> Vehicle:
        (tmp_path / folder).mkdir()
        made.append(Vehicle(tmp_path / folder, NAME, mosquitto.host, mosquitto.port))
        return made[-1]

    yield vehicle
    for one in made:
        print(one.program.tail())
        one.close()


def remove(file: Path) -> None:
    """Delete an SQLite file and what belongs to it."""
    for part in file.parent.glob(f"{file.name}*"):
        part.unlink()


def put(files: Path, into: Path) -> None:
    """Replace whatever there is of an SQLite file by that copy of it."""
    remove(into)
    for file in files.parent.glob(f"{files.name}*"):
        shutil.copy(file, into.with_name(into.name + file.name[len(files.name) :]))


def copied(file: Path, name: str) -> Path:
    copy = file.with_name(name)
    put(file, copy)
    return copy


def end(vehicle: Vehicle) -> None:
    """No more fixes; all that was accepted has its receipt."""
    vehicle.driver.halt()
    vehicle.stop()
    vehicle.drain()


def wait_for_receipt(vehicle: Vehicle, held: Collection[books.Identity] = ()) -> None:
    """Wait until the unit knows of a row beyond those held that it is stored, so that it can miss it."""
    wait_until(
        lambda: books.receipted(vehicle.unit.outbox).difference(held), BACK_S, every_s=0.2, what="a receipt"
    )


def has_more(vehicle: Vehicle, rows: set[books.Identity]) -> bool:
    """Whether its disk has more fixes than those among the rows."""
    return any(lane == "track" for _, lane, _ in books.numbered(vehicle.unit.outbox) - rows)


def codes(service: Service) -> list[str]:
    """Of the unit's faults, as the API tells them."""
    events = service.get(f"units/{NAME}/events", limit=1000)["events"]
    return [event["values"]["code"] for event in events if event["kind"] == "fault"]


def causes(service: Service) -> set[str]:
    return {refused["cause"] for refused in service.get("refused")["refused"]}


def test_an_old_copy_of_the_store_is_filled_from_the_black_box(
    make: Callable[..., Vehicle], service: Service
) -> None:
    vehicle = make()
    vehicle.program.start()
    wait_for_new(service, NAME, BACK_S)
    assert service.program.stop() == 0
    copy = copied(service.store, "copy")
    held = books.of_service(service.store, NAME).keys()
    service.start()
    wait_for_new(service, NAME, BACK_S)
    wait_for_receipt(vehicle, held)
    service.program.kill()
    put(copy, service.store)
    service.start()
    print(f"back within {wait_for_new(service, NAME, BACK_S):.1f} s")
    end(vehicle)
    print(check_books(service, vehicle))
    assert "store_behind" in codes(service)


def test_a_store_that_is_gone_is_filled_with_all_that_units_still_have(
    make: Callable[..., Vehicle], service: Service
) -> None:
    vehicle = make()
    vehicle.program.start()
    wait_for_new(service, NAME, BACK_S)
    wait_for_receipt(vehicle)
    service.program.kill()
    remove(service.store)
    service.start()
    service.wait_until_ready()
    wait_for_new(service, NAME, BACK_S)
    end(vehicle)
    print(check_books(service, vehicle))
    assert "store_behind" in codes(service)


def test_a_card_that_fell_back_and_then_the_store_too(make: Callable[..., Vehicle], service: Service) -> None:
    """The card's fall begins a new epoch; a restored store lacks rows of the old epoch as well."""
    vehicle = make()
    vehicle.program.start()
    wait_for_new(service, NAME, BACK_S)
    vehicle.stop()
    assert service.program.stop() == 0
    early = copied(service.store, "copy")
    service.start()
    vehicle.program.start()
    wait_for_new(service, NAME, BACK_S)
    vehicle.stop()
    card = copied(vehicle.unit.outbox, "card")
    vehicle.program.start()
    wait_for_new(service, NAME, BACK_S)
    vehicle.stop()
    put(card, vehicle.unit.outbox)
    vehicle.program.start()
    wait_for_new(service, NAME, BACK_S)
    # Whether it has given the numbers anew before it hears of them hangs on the machine.
    fallen = {"store_ahead", "fork"}
    wait_until(lambda: fallen & {*codes(service)}, BACK_S, what="the fall to be told")
    service.program.kill()
    put(early, service.store)
    service.start()
    wait_for_new(service, NAME, BACK_S)
    end(vehicle)
    print(check_books(service, vehicle))


def test_a_replaced_card_goes_on_and_costs_no_history(
    make: Callable[..., Vehicle], service: Service, mosquitto: Mosquitto
) -> None:
    vehicle = make()
    vehicle.program.start()
    wait_for_new(service, NAME, BACK_S)
    vehicle.stop()
    vehicle.drain()
    old, _ = books.of_unit(vehicle.unit.outbox)
    card = copied(vehicle.unit.outbox, "card")
    remove(vehicle.unit.outbox)
    vehicle.program.start()
    wait_for_new(service, NAME, BACK_S)
    end(vehicle)
    new, _ = books.of_unit(vehicle.unit.outbox)
    assert {row[0] for row in old}.isdisjoint(row[0] for row in new), "the new card has an epoch of its own"
    assert books.unbalanced({**old, **new}, books.of_service(service.store, NAME)) == []
    assert causes(service) == set()
    _change_what_was_said(card, service, mosquitto)
    assert books.unbalanced({**old, **new}, books.of_service(service.store, NAME)) == []


def _change_what_was_said(card: Path, service: Service, broker: Mosquitto) -> None:
    """Other content under the numbers of stored rows is set aside, for an operator to see."""
    payload = wire.encode_batch(_first_batch(card))
    publish.single(wire.topic(NAME, "batch"), payload, 1, hostname=broker.host, port=broker.port)
    wait_until(lambda: causes(service), 10, what="a payload set aside")
    (refused,) = service.get("refused")["refused"]
    assert (refused["unit"], refused["cause"]) == (NAME, "conflict")
    kept = httpx.get(f"{service.url}/api/v1/refused/{refused['id']}/payload")
    assert kept.content == payload


def _first_batch(card: Path) -> wire.Batch:
    """The card's first batch of its track, a metre off."""
    with closing(connect(card)) as file:
        outbox = Outbox(file, "f" * 16, Limits())
        file.execute("UPDATE lanes SET mark = 0")
        batch = outbox.take("track")
    assert batch is not None
    for group in batch.groups:
        group.columns["lat_e7"] = [None if lat is None else lat + 90 for lat in group.columns["lat_e7"]]
    return batch


def test_two_units_of_one_name_are_told_apart_and_seen(
    make: Callable[..., Vehicle], service: Service, mosquitto: Mosquitto
) -> None:
    """A copied card: both go on from the same numbers, and throw each other out of the broker."""
    first, second = make("first"), make("second")
    first.program.start()
    wait_for_new(service, NAME, BACK_S)
    first.stop()
    put(first.unit.outbox, second.unit.outbox)
    common = books.numbered(first.unit.outbox)
    mosquitto.stop()  # until both have given numbers: else the later might hear of those of the other first
    for vehicle in (first, second):
        vehicle.program.start()
    for vehicle in (first, second):
        wait_until(lambda one=vehicle: has_more(one, common), BACK_S, every_s=0.2, what="new rows")  # type: ignore[misc]
    mosquitto.start()
    wait_until(lambda: "fork" in codes(service), BACK_S, every_s=0.5, what="the fork to be told")
    assert causes(service) == {"fork"}
    for vehicle in (first, second):
        vehicle.driver.halt()
        vehicle.stop()
    for vehicle in (first, second):
        vehicle.drain()
    stored = books.of_service(service.store, NAME)
    own = [books.of_unit(vehicle.unit.outbox)[0] for vehicle in (first, second)]
    assert [row for one in own for row in one if row not in stored] == []
    assert [row for row in stored if not any(row in one for one in own)] == []
    for one in own:
        assert {row: one[row] for row in one} == {row: stored[row] for row in one}
    boots = {row[0] for row in stored.values()}
    print({"rows": len(stored), "epochs": len({row[0] for row in stored}), "boots": len(boots)})


def test_a_service_that_stood_still_writes_nothing_stale_and_keeps_its_store(
    make: Callable[..., Vehicle], service: Service, start_module: Callable[..., Program], tmp_path: Path
) -> None:
    vehicle = make()
    vehicle.program.start()
    wait_for_new(service, NAME, BACK_S)
    service.program.pause()
    second = start_module("ingest", "run", "--config", tmp_path / "service.toml")
    assert second.wait(20) == 2
    assert "is held by another ortoo-ingest: stop it first" in second.log()
    time.sleep(STOP_S)
    stopped_ms = time.time_ns() // 1_000_000
    service.program.resume()
    seen: list[Any] = []

    def is_back() -> bool:
        seen.append(service.get(f"units/{NAME}")["sampled_at"])
        return stored_since(service, NAME, stopped_ms) > 0

    wait_until(is_back, BACK_S, every_s=0.02, what="fixes of after the stop")
    assert seen == sorted(seen), "the live position went back"
    end(vehicle)
    print(check_books(service, vehicle))
