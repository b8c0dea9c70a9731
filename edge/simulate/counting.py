"""The agent with a count of what it does, for those who watch it from the same process."""

from typing import TYPE_CHECKING

from edge.agent import Agent
from edge.health import Machine
from edge.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.record import Reading
    from edge.sources import Source
    from edge.time_source import TimeSource


class CountingAgent(Agent):
    """The real agent; with `machine` it feels another machine than this one."""

    def __init__(
        self,
        settings: Settings,
        time: "TimeSource",
        *,
        machine: Machine | None = None,
        sources: "Sequence[Source] | None" = None,
    ) -> None:
        super().__init__(settings, time, machine=machine, sources=sources)
        self.fixes = 0

    def emit(self, reading: "Reading") -> None:
        """As the agent's own; positions are counted."""
        self.fixes += reading.values.get("lat_e7") is not None
        super().emit(reading)


class DrainingAgent(CountingAgent):
    """An agent that measures nothing more and only waits for its receipts."""

    is_drained = False

    def sense(self, now_ms: int) -> None:
        """In place of records of its own: how much still waits."""
        if self.measure_depth(now_ms):
            self.is_drained = self.depth_rows == 0
