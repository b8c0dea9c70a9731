"""The cases of tests/edge/captures/failures.toml, and what a reader made of them in the same words."""

import datetime
import tomllib
from pathlib import Path

from edge.sources import fix

CAPTURES = Path(__file__).parent.parent / "captures"
NUMBERED = {"fix_mode": fix.MODES, "quality": fix.QUALITIES}


def captures():
    table = tomllib.loads((CAPTURES / "failures.toml").read_text())
    return [capture | {"sent": "".join(capture["sent"]).encode("latin1")} for capture in table["capture"]]


def in_words(reading):
    """A fix reading as a capture tells it."""
    words = {name: "absent" if value is None else value for name, value in reading.values.items()}
    for name, names in NUMBERED.items():
        if reading.values[name] is not None:
            words[name] = names[reading.values[name]]
    words["utc"] = ""
    if reading.utc_ms is not None:
        utc = datetime.datetime.fromtimestamp(reading.utc_ms / 1000, datetime.UTC)
        words["utc"] = utc.isoformat().replace("+00:00", "Z")
    return words


def positions(readings):
    """(lat_deg, lon_deg) of those that have a position."""
    return [
        (reading.values["lat_e7"] / 1e7, reading.values["lon_e7"] / 1e7)
        for reading in readings
        if reading.kind == "fix" and reading.values["lat_e7"] is not None
    ]


def is_near(a, b, degrees=1e-6):
    return abs(a[0] - b[0]) <= degrees and abs(a[1] - b[1]) <= degrees
