"""From a unit's publish to a browser's bytes: 1,000 units, each with a live message a second.

A publisher process speaks for the units on a real Mosquitto; the service is the real one; a stream of its
API is read as a browser does. The time is from just before the publish to the arrival of the update. The
reference is the same messages to a bare MQTT subscriber on the same broker.
"""

import http.client
import json
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from firmware import wire
from tests.bench.bench_ingest import Line
from tests.bench.report import Report

UNITS = 1000
SECONDS = 8
SETTLE_S = 2.0
GOAL = "<= 100"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def client(name: str, port: int) -> paho.Client:
    made = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=paho.MQTTv5)
    made.connect("127.0.0.1", port)
    return made


def publish(port: int) -> None:
    """Each unit once a second, spread over it."""
    speaker = client("fleet", port)
    speaker.loop_start()
    began_s = time.monotonic()
    for number in range(UNITS * SECONDS):
        wait_s = began_s + number / UNITS - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        speaker.publish(wire.topic(f"u-{number % UNITS}", "live"), live(number))
    speaker.disconnect()
    speaker.loop_stop()


def live(number: int) -> bytes:
    place = {"lat_e7": 439_000_000 + number * 100, "lon_e7": 1_160_000_000 + number % UNITS * 1000}
    rest = {"conn": 1, "time_ms": now_ms(), "clock": "gnss", "speed_cm_s": 1500, "fix_mode": "3d"}
    return wire.encode_json("live", place | rest)


def to_browser(line: Line) -> list[float]:
    """Milliseconds of every update that a stream brings."""
    connection = http.client.HTTPConnection("127.0.0.1", line.http_port, timeout=SECONDS + 10)
    connection.request("GET", "/api/v1/stream")
    answer = connection.getresponse()
    speaker = multiprocessing.Process(target=publish, args=(line.broker.port,))
    speaker.start()
    began_s, delays_ms = time.monotonic(), []
    while time.monotonic() - began_s < SECONDS:
        text = answer.readline()
        if text.startswith(b"data:") and time.monotonic() - began_s > SETTLE_S:
            arrived_ms = now_ms()
            units = json.loads(text[5:]).get("units", [])
            delays_ms += [arrived_ms - parsed_ms(unit["sampled_at"]) for unit in units if unit["sampled_at"]]
    speaker.join()
    connection.close()
    return delays_ms


def parsed_ms(instant: str) -> int:
    seconds, millis = instant.rstrip("Z").split(".")
    return int(time.mktime(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) - time.timezone) * 1000 + int(millis)


def to_subscriber(line: Line) -> list[float]:
    delays_ms: list[float] = []
    listener = client("listener", line.broker.port)
    listener.on_message = lambda *given: delays_ms.append(now_ms() - json.loads(given[2].payload)["time_ms"])
    listener.subscribe("ortoo/v1/+/live")
    listener.loop_start()
    speaker = multiprocessing.Process(target=publish, args=(line.broker.port,))
    speaker.start()
    speaker.join()
    listener.disconnect()
    listener.loop_stop()
    return delays_ms


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory() as folder, Line(Path(folder), has_service=False) as line:
        bare = statistics.quantiles(to_subscriber(line), n=100)
    with tempfile.TemporaryDirectory() as folder, Line(Path(folder), has_service=True) as line:
        seen = to_browser(line)
    ours = statistics.quantiles(seen, n=100)
    name = f"{UNITS} units at 1 Hz, publish to browser"
    report.row(f"{name}, p50", ours[49], "ms", "bare subscriber", bare[49])
    report.row(f"{name}, p99", ours[98], "ms", "bare subscriber", bare[98], GOAL)
    report.row("updates seen of those published", 100 * len(seen) / (UNITS * (SECONDS - SETTLE_S)), "%")
