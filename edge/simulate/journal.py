"""What a simulated unit must remember to go on later: its motion, and a time that it never falls behind."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from edge.simulate.drive import Motion
from edge.simulate.places import places


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a unit was at a simulated moment."""

    utc_ms: int
    motion: Motion


def load(path: Path) -> Entry | None:
    """The last entry; None when there is none that can be used."""
    try:
        table = json.loads(path.read_text())
        motion = Motion(**{field.name: table["motion"][field.name] for field in fields(Motion)})
        if motion.start_id not in places() or motion.goal_id not in places():
            return None
        return Entry(int(table["utc_ms"]), motion)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(path: Path, entry: Entry) -> None:
    """Replace the file as a whole; a reader never sees half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(entry)))
    os.replace(fresh, path)  # noqa: PTH105 (one call that is known to be atomic)


def last_ms(data: Path) -> int | None:
    """The latest simulated moment that any unit under `data` has seen."""
    entries = [load(path) for path in data.glob("*/journal.json")]
    return max((entry.utc_ms for entry in entries if entry is not None), default=None)
