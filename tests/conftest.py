"""Fixtures for all tests: real parts on free ports, each in a folder of its own, all gone at the end."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import hypothesis
import pytest

from tests.fixtures import proof
from tests.fixtures.chromium import find_chromium
from tests.fixtures.influxd import Influxd
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.ports import free_port as find_free_port
from tests.fixtures.programs import ROOT, Program, find_program, module_command

# A shared machine is slow at times, which is no fault of the code; in CI the same examples come each time.
SLOW = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("hand", **SLOW)
hypothesis.settings.register_profile("ci", **SLOW, derandomize=True, database=None)
hypothesis.settings.load_profile("ci" if proof.is_ci() else "hand")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(proof, "proof")


@pytest.fixture
def free_port() -> int:
    """A port on loopback that nothing listens on."""
    return find_free_port()


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    """Whatever is put into this list is killed at the end of the test, its log shown when the test failed."""
    started: list[Program] = []
    yield started
    for program in reversed(started):
        program.kill()
        print(f"--- {' '.join(program.command)}\n{program.tail()}")


@pytest.fixture
def start_module(tmp_path: Path, programs: list[Program]) -> Callable[..., Program]:
    """start_module("edge", "--config", path, env={...}) runs `python -m edge` with a log under tmp_path."""

    def start(module: str, *arguments: str | Path, env: dict[str, str] | None = None) -> Program:
        log_path = tmp_path / f"{module}-{len(programs)}.log"
        program = Program(module_command(module, *map(str, arguments)), log_path, env=env)
        programs.append(program)
        program.start()
        return program

    return start


@pytest.fixture
def mosquitto_factory(tmp_path: Path, programs: list[Program]) -> Callable[..., Mosquitto]:
    """mosquitto_factory(config_lines, is_anonymous=True): a running broker with further settings."""

    def make(config_lines: Sequence[str] = (), *, is_anonymous: bool = True) -> Mosquitto:
        broker = Mosquitto(tmp_path / f"mosquitto-{len(programs)}", config_lines, is_anonymous=is_anonymous)
        programs.append(broker)
        broker.start()
        return broker

    return make


@pytest.fixture
def mosquitto(mosquitto_factory: Callable[..., Mosquitto]) -> Mosquitto:
    """A running Mosquitto: host, port, stop(), start(), kill(), restart(), wipe(), pause(), resume()."""
    return mosquitto_factory()


@pytest.fixture
def influxd(tmp_path: Path, programs: list[Program]) -> Influxd:
    """A running InfluxDB 1.x: host, port, url."""
    server = Influxd(tmp_path / "influxd")
    programs.append(server)
    server.start()
    return server


@pytest.fixture(scope="session")
def micropython() -> Path:
    """The unix port of MicroPython; its absence is a failure, since the contract runs on it."""
    found = find_program("micropython", variable="MICROPYTHON")
    if found is None:
        pytest.fail("no micropython: set MICROPYTHON, or ./dev test installs one from its lock or from apt")
    return found


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A Chromium that was seen to render a page."""
    found, reason = find_chromium()
    if found is None:
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded logs and tables: $ORTOO_SHARED/data, or ../shared/data beside the checkout."""
    path = Path(os.environ.get("ORTOO_SHARED", ROOT.parent / "shared")) / "data"
    if not path.is_dir():
        pytest.skip(f"no recorded logs at {path}: set ORTOO_SHARED to the folder that holds data/")
    return path


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Where a run leaves what a person may want to see: screenshots, tables."""
    path = ROOT / "tests" / "artefacts"
    path.mkdir(exist_ok=True)
    return path
