"""The API over real stores in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.api.parts import Parts


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """The API's real parts."""
    made = Parts(tmp_path / "store.sqlite3")
    yield made
    made.close()
