"""What a report to the Pi says of a reading: what it hears live need not be kept. No part of a node alone."""

from firmware.line import frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LANES = {"climate": "sense", "door": "event"}  # of what is logged when it cannot be told


def entries_of(kind: str, channel: int, values: "dict[str, Any]") -> "list[frame.Entry]":
    """Nothing of kinds that only records tell; `failed` is a driver that could not read, by a code."""
    if kind == "climate":
        found = [frame.Entry(frame.TEMPERATURE_CC, channel, 0, values["temperature_cc"])]
        if values.get("humidity_cpct") is not None:
            found.append(frame.Entry(frame.HUMIDITY_CPCT, channel, 0, values["humidity_cpct"]))
        return found
    if kind == "door":
        return [frame.Entry(frame.DOOR, channel, 0, values["state"])]
    if kind == "mass":
        if values["mass_mg"] is None:
            return [frame.Entry(frame.SCALE_FAULT, channel, 0, frame.FAULTS.index("overload"))]
        return [frame.Entry(frame.MASS_MG, channel, 0, values["mass_mg"])]
    if kind == "failed":
        code = values["code"]
        value = frame.FAULTS.index(code) if code in frame.FAULTS else len(frame.FAULTS)
        return [frame.Entry(frame.PROBE_FAULT, channel, 0, value)]
    return []
