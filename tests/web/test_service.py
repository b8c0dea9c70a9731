"""The page on the whole service: a unit publishes to a real broker, a browser shows it."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from firmware import wire
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.programs import Program
from tests.fixtures.waiting import wait_until
from tests.ingest.api.parts import BOOT, EPOCH, group_of
from tests.web.browser import Browsers
from tests.web.fleet import live_message

UNIT = "library-07"
STALE_AFTER_S = 5
ROWS = 30
ZONE_MS, DAY_MS = 8 * 3_600_000, 86_400_000  # of tests.web.browser.ZONE
SETTINGS = """
[broker]
host = "{broker.host}"
port = {broker.port}
[store]
path = "{folder}/store.sqlite3"
[http]
port = {port}
[live]
stale_after_s = {stale_after_s}
"""


@pytest.fixture
def service(
    mosquitto: Mosquitto, free_port: int, tmp_path: Path, start_module: Callable[..., Program]
) -> Iterator[str]:
    """`python -m ingest run` on a real broker."""
    config = tmp_path / "service.toml"
    config.write_text(
        SETTINGS.format(broker=mosquitto, folder=tmp_path, port=free_port, stale_after_s=STALE_AFTER_S)
    )
    program = start_module("ingest", "run", "--config", config)
    url = f"http://127.0.0.1:{free_port}/"
    wait_until(lambda: is_ready(url), 30, what=lambda: f"the service to be ready; {program.tail()}")
    yield url
    assert program.stop() == 0


@pytest.fixture
def unit(mosquitto: Mosquitto) -> Iterator[paho.Client]:
    """A connection that speaks for the unit."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=UNIT, protocol=paho.MQTTv5)
    client.connect(mosquitto.host, mosquitto.port)
    client.loop_start()
    birth = {"conn": 1, "state": "online", "epoch": EPOCH, "boot": BOOT, "software": "test"}
    birth |= {"name": "流动图书馆七号", "capabilities": ["library"]}
    say(client, "birth", wire.encode_json("birth", birth), is_retained=True)
    yield client
    client.disconnect()
    client.loop_stop()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}readyz", timeout=60).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def say(client: paho.Client, leaf: str, payload: bytes, *, is_retained: bool = False) -> None:
    client.publish(wire.topic(UNIT, leaf), payload, qos=1, retain=is_retained).wait_for_publish(60)


def now_ms() -> int:
    return round(time.time() * 1000)


def say_live(client: paho.Client, lat_deg: float, lon_deg: float) -> None:
    say(client, "live", wire.encode_json("live", live_message(lat_deg, lon_deg, 1500, 900, now_ms())))


def drive_begins_ms(now_ms: int) -> int:
    """So long ago that the drive is over, and on one day of whoever looks, also at midnight."""
    drive_ms = ROWS * 10_000
    after_midnight_ms = (now_ms + ZONE_MS) % DAY_MS
    return now_ms - drive_ms - (after_midnight_ms if after_midnight_ms < drive_ms else 0)


def day_of(time_ms: int) -> str:
    """The browser's day."""
    return datetime.fromtimestamp((time_ms + ZONE_MS) / 1000, UTC).date().isoformat()


def track(begin_ms: int) -> bytes:
    """A drive of five minutes, one fix each 10 s, as the unit's first batch."""
    times = [begin_ms + row * 10_000 for row in range(ROWS)]
    columns = {
        "lat_e7": [round((43.9 + row * 0.002) * 1e7) for row in range(ROWS)],
        "lon_e7": [round((116.0 + row * 0.003) * 1e7) for row in range(ROWS)],
        "fix_mode": 2,
        "speed_cm_s": 2000,
    }
    group = group_of("fix", "", times, 0, columns)
    return bytes(wire.encode_batch(wire.Batch(EPOCH, "track", 0, BOOT, None, [group])))


def test_a_unit_appears_moves_leaves_a_track_and_grows_stale(
    chrome: Browsers, service: str, unit: paho.Client
) -> None:
    """How soon it moves is measured by `./dev bench page`."""
    say_live(unit, 43.9, 116.0)
    begin_ms = drive_begins_ms(now_ms())
    say(unit, "batch", track(begin_ms))
    with chrome.open(f"{service}#{UNIT}/{day_of(begin_ms)}", "zh") as watched:
        watched.wait_for_map()
        watched.wait_for_vehicle(UNIT)
        for step in range(1, 6):
            say_live(unit, 43.9 + step / 100, 116.0)
            watched.wait_for_place(UNIT, 43.9 + step / 100)
        wait_until(
            lambda: watched.read("ortoo.map.queryRenderedFeatures({ layers: ['track'] }).length > 0"),
            what="the track",
        )
        chrome.keep(watched, "service")
        watched.wait_for_vehicle(UNIT, STALE_AFTER_S + 15, look="stale")
        chrome.keep(watched, "service-stale")


def test_a_refused_payload_is_shown(chrome: Browsers, service: str, unit: paho.Client) -> None:
    say_live(unit, 43.9, 116.0)
    say(unit, "batch", b"\x0fnonsense")
    with chrome.open(service, "en") as watched:
        watched.wait("document.querySelector('.refused') !== null")
        watched.wait("document.querySelector('.refused').ariaLabel === '1 payloads refused'")
