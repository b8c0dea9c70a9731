"""The whole line with InfluxDB as the history, which is killed, stopped and restarted while batches flow."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest

from firmware import wire
from ingest.decode import decode_with_chunks
from ingest.history.chunk import rows_by_seq
from ingest.history.factory import InfluxHistories
from ingest.history.influx_server import Access, InfluxServer
from ingest.history.influx_setup import set_up
from ingest.ledger.files import open_reading
from tests.bench.flood import Flood, payloads
from tests.fixtures.influx_proxy import Proxy
from tests.fixtures.influxd import Influxd
from tests.fixtures.waiting import PATIENCE, wait_until
from tests.line import books
from tests.line.vehicle import Vehicle
from tests.line.whole_line import ANSWER_S, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.fixtures.programs import Program

UNITS, BATCHES, ROWS = 20, 60, 20
SETTINGS = """\
[history]
store = "influx"
[influx]
url = "{url}"
timeout_s = 1
"""


@pytest.fixture
def influxd(tmp_path: Path, programs: list[Program]) -> Influxd:
    influxd = Influxd(tmp_path / "influxd")
    programs.append(influxd)
    influxd.start()
    return influxd


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[Proxy]:
    proxy = Proxy(influxd.port)
    yield proxy
    proxy.close()


@pytest.fixture
def histories(proxy: Proxy) -> Iterator[InfluxHistories]:
    made = InfluxHistories(InfluxServer(Access(proxy.url, "", "ortoo", "", "", "", 10)))
    list(set_up(made.server, {}))
    yield made
    made.close()


@pytest.fixture
def service(
    tmp_path: Path, mosquitto: Mosquitto, free_port: int, programs: list[Program], proxy: Proxy
) -> Service:
    settings = SETTINGS.format(url=proxy.url)
    service = Service(tmp_path, mosquitto.host, mosquitto.port, free_port, settings=settings)
    programs.append(service.program)
    return service


def is_waiting(service: Service) -> bool:
    """Whether it says that the store takes nothing."""
    ready = httpx.get(f"{service.url}/readyz", timeout=ANSWER_S).json()
    return ready["is_broker_connected"] and not ready["is_store_writable"]


def trouble(influxd: Influxd, proxy: Proxy, service: Service, flooding: threading.Thread) -> list[str]:
    """Kill, stop and kill again, each when so many posts were made; what was done."""
    done = []
    for what, posts in (("killed", 4), ("paused", 8), ("killed", 12)):
        before = len(proxy.writes)
        wait_until(lambda at=before + posts: len(proxy.writes) >= at, 30, what=f"{posts} more posts")  # type: ignore[misc]
        (influxd.kill if what == "killed" else influxd.pause)()
        wait_until(lambda: is_waiting(service), 10, what="the service to say that it waits")
        assert flooding.is_alive(), "the flood was over before"
        (influxd.start if what == "killed" else influxd.resume)()
        done.append(what)
    return done


def test_books_balance_when_influxdb_is_killed_under_load(
    influxd: Influxd,
    proxy: Proxy,
    histories: InfluxHistories,
    service: Service,
    mosquitto: Mosquitto,
    note: Callable[..., None],
) -> None:
    service.start()
    service.wait_until_ready()
    sent = payloads(BATCHES, ROWS)
    flood = Flood(mosquitto.port, UNITS, sent, ROWS, 1)
    flooding = threading.Thread(target=flood.run, daemon=True)
    began_s = time.monotonic()
    flooding.start()
    done = trouble(influxd, proxy, service, flooding)
    flooding.join(PATIENCE * 60)
    assert not flooding.is_alive()
    flood._socket.close()
    seconds = round(time.monotonic() - began_s, 1)
    assert service.program.stop() == 0
    own = books_of(sent)
    rows = 0
    for unit in range(UNITS):
        assert books.unbalanced(own, books.of_service(service.store, f"u-{unit}", histories)) == []
        rows += len(own)
    assert rows == UNITS * BATCHES * ROWS
    note(kills=done.count("killed"), pauses=done.count("paused"), rows=rows, seconds=seconds, lost=0, twice=0)


def books_of(sent: list[bytes]) -> books.Books:
    """Every row of these batches, as it was sent."""
    own: books.Books = {}
    for payload in sent:
        batch, _ = decode_with_chunks(payload)
        for group in batch.groups:
            for seq, (kind, source, _seq, *cells) in rows_by_seq(group).items():
                own[batch.epoch, batch.lane, seq] = (batch.boot, kind, source, *cells)
    return own


def test_a_vehicle_is_stored_once_through_kills_of_influxdb_and_service(
    tmp_path: Path,
    influxd: Influxd,
    histories: InfluxHistories,
    service: Service,
    mosquitto: Mosquitto,
    programs: list[Program],
) -> None:
    """A real agent; its page shows the track that InfluxDB has."""
    vehicle = Vehicle(tmp_path, "influx-1", mosquitto.host, mosquitto.port)
    programs.append(vehicle.program)
    service.start()
    service.wait_until_ready()
    vehicle.program.start()
    wait_until(lambda: stored(service, histories, vehicle.name) > 0, 30, what="a first fix")
    influxd.kill()
    wait_until(lambda: is_waiting(service), 30, what="the service to say that it waits")
    service.program.kill()
    service.start()  # without InfluxDB
    wait_until(lambda: is_alive(service), 30, what="the service to be alive without InfluxDB")
    influxd.start()
    before = stored(service, histories, vehicle.name)
    wait_until(lambda: stored(service, histories, vehicle.name) > before, 60, what="the next fix")
    vehicle.driver.halt()
    vehicle.stop()
    vehicle.drain(60)
    own, _ = books.of_unit(vehicle.unit.outbox)
    assert books.unbalanced(own, books.of_service(service.store, vehicle.name, histories)) == []
    first_ms = min(int(row[3]) for row in own.values() if row[1] == "fix")
    assert len(service.positions(vehicle.name, first_ms - 1000)) > 0
    assert service.program.stop() == 0
    vehicle.driver.close()


def stored(service: Service, histories: InfluxHistories, unit: str) -> int:
    """How many fixes InfluxDB has of a unit; 0 while there is no ledger."""
    if not service.store.exists():
        return 0
    with closing(open_reading(service.store)) as reading:
        return histories.on(reading).read(unit, "fix", None, 0, wire.MAX_TIME_MS).rows


def is_alive(service: Service) -> bool:
    try:
        return httpx.get(f"{service.url}/healthz", timeout=ANSWER_S).is_success
    except httpx.TransportError:
        return False
