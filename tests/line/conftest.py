"""The whole line on a real Mosquitto."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.line.whole_line import Service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.fixtures.programs import Program


@pytest.fixture
def service(
    mosquitto: Mosquitto, free_port: int, tmp_path: Path, programs: list[Program]
) -> Iterator[Service]:
    """The service on the broker, ready."""
    made = Service(tmp_path, mosquitto.host, mosquitto.port, free_port)
    programs.append(made.program)
    made.start()
    made.wait_until_ready()
    yield made
    assert made.program.stop() == 0
