"""Faults that were raised and are not over, across a power cut.

A fault is told when it begins and when it ends. When the power goes in between, nobody would ever tell the
end. So what stands is a note of the outbox, committed with the records; the next start tells that it is over,
and whatever is still wrong is raised again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edge.record import fault

if TYPE_CHECKING:
    from edge.record import Reading

NOTE = "faults"
MOST = 64  # of them, the newest
OVER = 1


class Standing:
    """What stands in this run of the agent."""

    def __init__(self) -> None:
        self._faults: dict[tuple[str, str, str], None] = {}  # source, part, code

    def take(self, reading: Reading) -> str | None:
        """A reading that is about to be a record; the note to keep with it, None where nothing changed."""
        if reading.kind != "fault":
            return None
        key = (reading.source, str(reading.values["part"]), str(reading.values["code"]))
        if reading.values["state"] == OVER:
            self._faults.pop(key, None)
        else:
            self._faults[key] = None
        return json.dumps([*self._faults][-MOST:])

    def over(self, note: str | None, mono_ms: int) -> list[Reading]:
        """The ends of what a run before this one had left standing, by its note."""
        left = [tuple(key) for key in json.loads(note or "[]")]
        return [
            fault(part, code, mono_ms, source=source, detail="ended with the run before", is_over=True)
            for source, part, code in left
            if (source, part, code) not in self._faults
        ]
