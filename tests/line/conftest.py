"""The whole line on a real Mosquitto."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.line import figures
from tests.line.whole_line import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto
    from tests.fixtures.programs import Program

# Recordings are older than what a service keeps by default.
KEEP_ALL = """\
[history]
track_days = 0
climate_days = 0
health_days = 0
"""


@pytest.fixture
def service(
    mosquitto: Mosquitto, free_port: int, tmp_path: Path, programs: list[Program]
) -> Iterator[Service]:
    """The service on the broker, ready."""
    made = Service(tmp_path, mosquitto.host, mosquitto.port, free_port, settings=KEEP_ALL)
    programs.append(made.program)
    made.start()
    made.wait_until_ready()
    yield made
    assert made.program.stop() == 0


@pytest.fixture
def note(request: pytest.FixtureRequest, artefacts: Path) -> Callable[..., None]:
    """note(cuts=30, lost=0): the figures of a test that has passed, printed and kept for the page."""

    def keep(**found: float | str) -> None:
        print(", ".join(f"{name} {value}" for name, value in found.items()))
        figures.note(
            artefacts / os.environ.get("ORTOO_FIGURES", "figures.json"), request.node.originalname, found
        )

    return keep
