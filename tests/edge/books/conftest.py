"""A unit with a book shelf that has its lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.edge.books.made import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Unit]:
    made = Unit(tmp_path)
    made.bring()
    made.start()
    yield made
    if made.thread.is_alive():
        made.end()
