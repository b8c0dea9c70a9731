"""Figures of a run: what a test of the promise has measured goes to a file, and from there on the page.

Each test notes its figures when it has passed. `./dev soak` gathers them in tests/artefacts/soak.json.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Figures = dict[str, int | float | str]


def note(path: Path, test: str, figures: Figures) -> None:
    """Put the figures of a test beside those of the others."""
    noted: dict[str, Figures] = json.loads(path.read_text()) if path.exists() else {}
    noted[test] = figures
    path.write_text(json.dumps(noted, indent=1) + "\n")
