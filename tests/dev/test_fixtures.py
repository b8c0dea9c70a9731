"""The fixtures themselves: a broker that forgets or not, programs that end, gaps that are counted."""

import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from tests.fixtures.influxd import Influxd
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.programs import Program
from tests.fixtures.waiting import wait_until

QUICK_S = 30


def retained_text(broker: Mosquitto, topic: str) -> str | None:
    """What a new subscriber gets at once, None when nothing is retained."""
    got: list[str] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: got.append(message.payload.decode())
    client.on_connect = lambda *_: client.subscribe([(topic, 0), ("$SYS/broker/version", 0)])
    client.connect(broker.host, broker.port)
    client.loop_start()
    wait_until(lambda: any(text.startswith("mosquitto version") for text in got), QUICK_S)
    client.disconnect()
    client.loop_stop()
    return next((text for text in got if not text.startswith("mosquitto version")), None)


def retain(broker: Mosquitto, topic: str, text: str) -> None:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.publish(topic, text, qos=1, retain=True).wait_for_publish(QUICK_S)
    client.disconnect()
    client.loop_stop()


def test_a_broker_keeps_over_a_clean_stop_and_forgets_when_killed(mosquitto: Mosquitto) -> None:
    retain(mosquitto, "a", "kept")
    mosquitto.restart()
    assert retained_text(mosquitto, "a") == "kept"
    retain(mosquitto, "b", "lost")
    mosquitto.kill()
    mosquitto.start()
    assert retained_text(mosquitto, "b") is None


def test_a_wiped_broker_is_empty(mosquitto: Mosquitto) -> None:
    retain(mosquitto, "a", "kept")
    mosquitto.stop()
    mosquitto.wipe()
    mosquitto.start()
    assert retained_text(mosquitto, "a") is None


def test_a_broken_setting_shows_the_brokers_own_words(mosquitto_factory: Callable[..., Mosquitto]) -> None:
    with pytest.raises(AssertionError, match="no_such_setting"):
        mosquitto_factory(["no_such_setting true"])


def test_influxd_answers(influxd: Influxd) -> None:
    with urllib.request.urlopen(f"{influxd.url}/ping", timeout=QUICK_S) as answer:
        assert answer.headers["X-Influxdb-Version"].startswith("1.")


def test_micropython_runs_python(micropython: Path) -> None:
    command = [micropython, "-c", "import sys; print(sys.implementation.name)"]
    assert subprocess.check_output(command, text=True).strip() == "micropython"


def test_chromium_is_there(chromium: Path) -> None:
    assert chromium.exists()


def test_the_recorded_logs_are_there(shared_data: Path) -> None:
    assert list((shared_data / "nmea").glob("*.log"))


def test_a_module_is_stopped_and_its_log_read(start_module: Callable[..., Program], free_port: int) -> None:
    server = start_module("http.server", "--bind", "127.0.0.1", str(free_port))
    server.wait_for_log("Serving HTTP")
    with socket.create_connection(("127.0.0.1", free_port), QUICK_S):
        pass
    assert server.stop() == -signal.SIGTERM


def test_a_program_that_ends_early_is_named_with_its_log(start_module: Callable[..., Program]) -> None:
    program = start_module("http.server", "--no-such-option")
    with pytest.raises(AssertionError, match="unrecognized arguments"):
        program.wait_for_log("Serving")


@pytest.mark.parametrize(("is_ci", "reason", "code"), [
    ("false", "no broker", 0),
    ("true", "no broker", 1),
    ("true", "needs hardware: a receiver", 0),
])  # fmt: skip
def test_a_gap_is_listed_and_fails_in_ci(tmp_path: Path, is_ci: str, reason: str, code: int) -> None:
    (tmp_path / "test_gap.py").write_text(f"import pytest\ndef test_gap():\n    pytest.skip({reason!r})\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.fixtures.proof",
        tmp_path,
    ]
    env = {"CI": is_ci, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert reason in done.stdout
