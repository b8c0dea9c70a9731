"""The whole firmware on a real MicroPython, compiled once."""

from pathlib import Path

import pytest

from tests.fixtures.programs import ROOT
from tests.micropython import MicroPython


@pytest.fixture(scope="session")
def board(micropython: Path, tmp_path_factory: pytest.TempPathFactory) -> MicroPython:
    """A MicroPython with the firmware's .mpy files, and with what the tests run on it."""
    made = MicroPython(micropython, tmp_path_factory.mktemp("board"))
    made.add_package(ROOT / "firmware")
    here = ROOT / "tests" / "firmware"
    made.add(sorted([*here.glob("*_judge.py"), *here.glob("*_talker.py")]))
    return made
