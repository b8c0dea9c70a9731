"""The whole firmware on a real MicroPython, compiled once."""

from pathlib import Path

import pytest

from tests.micropython import MicroPython, board_with_firmware


@pytest.fixture(scope="session")
def board(micropython: Path, tmp_path_factory: pytest.TempPathFactory) -> MicroPython:
    """A MicroPython that has the firmware."""
    return board_with_firmware(micropython, tmp_path_factory.mktemp("board"))
