"""Calls for help on the Pi: where it was goes along with the call, and the answer goes to the button.

    button ──▶ its node's own rows ──▶ here, with the newest position ──▶ outbox ──▶ service
    light  ◀── its node ◀── told again every AGAIN_MS ◀── note in the outbox ◀── command `help`

A node may be off, or just say hello, when an answer comes: so the last one of each button is kept, and told
until the call is over and a while after, at first quickly. The cabinet's page shows the same.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edge.cabinet.status import Level, Reason
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge.outbox import Outbox
    from edge.record import Reading
    from edge.sources import Commander

NOTE = "help"
SOON_MS, SOON_TIMES = 3_000, 5
AGAIN_MS = 30_000
LAST_TIMES = 120  # an hour
OLD_FIX_MS = 3_600_000
CALLED, OVER = "called", "over"
STATES = (CALLED, *wire.HELP_STATES)
_EVENTS = wire.KINDS["help"].by_name["event"].words
SAID = {
    CALLED: "help is called; nobody has answered yet",
    "heard": "help is called; the service has heard it",
    "coming": "help is called; somebody comes",
}


@dataclass(slots=True)
class _Call:
    number: int
    state: str
    told_ms: int | None = None
    times: int = 0  # told of this state

    def go_on(self, state: str) -> None:
        self.state, self.told_ms, self.times = state, None, 0

    def is_due(self, now_ms: int) -> bool:
        if self.state == CALLED:  # the node knows by itself
            return False
        period_ms = SOON_MS if self.times <= SOON_TIMES else AGAIN_MS
        return self.told_ms is None or now_ms - self.told_ms >= period_ms


def placed(call: Reading, fix: Reading | None) -> Reading:
    """The call with the newest position, unless it has one, or that was measured too long before or after."""
    if call.values.get("lat_e7") is not None or fix is None or fix.values.get("lat_e7") is None:
        return call
    age_ms = call.mono_ms - fix.mono_ms
    if not -AGAIN_MS <= age_ms <= OLD_FIX_MS:
        return call
    position = {name: fix.values[name] for name in ("lat_e7", "lon_e7")}
    return replace(call, values={**call.values, **position, "fix_age_s": max(age_ms, 0) // 1000})


class Helpline:
    """Of the buttons of these nodes, by name. Runs in the agent's main thread."""

    def __init__(self, nodes: Mapping[str, Commander]) -> None:
        self._nodes = nodes
        self._calls: dict[str, _Call] = {}
        self._is_resumed = False

    def take(self, call: Reading, fix: Reading | None) -> Reading:
        """A call on its way to the outbox; as it is to be recorded."""
        number, event = call.values.get("call"), call.values.get("event")
        if isinstance(number, int) and isinstance(event, int) and 0 <= event < len(_EVENTS):
            known = self._calls.get(call.source)
            if _EVENTS[event] == CALLED:
                if known is None or known.number != number:
                    self._calls[call.source] = _Call(number, CALLED)
            elif known is not None and known.number == number:
                known.go_on(OVER)
        return placed(call, fix)

    def answer(self, outbox: Outbox, command: Mapping[str, Any]) -> None:
        """What the service says of a call; it goes on, never back."""
        self._resume(outbox)
        source, number, state = command["source"], command["call"], command["state"]
        known = self._calls.get(source)
        if known is not None and known.number != number and known.state != OVER:
            return
        if known is None or known.number != number:
            known = self._calls[source] = _Call(number, CALLED)
        if STATES.index(state) > STATES.index(known.state):
            known.go_on(state)
            self._keep(outbox)

    def step(self, outbox: Outbox, now_ms: int) -> None:
        """Tell the nodes what is due."""
        self._resume(outbox)
        for source, call in list(self._calls.items()):
            if not call.is_due(now_ms):
                continue
            call.told_ms, call.times = now_ms, call.times + 1
            self._tell(source, call)
            if call.state == OVER and call.times > LAST_TIMES:
                del self._calls[source]
                self._keep(outbox)

    def reasons(self) -> Iterable[Reason]:
        """What the crew is to see of calls, before all else."""
        for source, call in self._calls.items():
            if call.state in SAID:
                level: Level = "look" if call.state == "coming" else "act"
                yield Reason(level, source, SAID[call.state], -1)

    def _tell(self, source: str, call: _Call) -> None:
        for name, node in self._nodes.items():
            if source.startswith(name + "-"):
                said = {"do": "help", "source": source[len(name) + 1 :], "call": call.number}
                node.command(secrets.token_bytes(8), json.dumps({**said, "state": call.state}))

    def _keep(self, outbox: Outbox) -> None:
        told = {source: [c.number, c.state] for source, c in self._calls.items() if c.state != CALLED}
        outbox.note(NOTE, json.dumps(told))

    def _resume(self, outbox: Outbox) -> None:
        if self._is_resumed:
            return
        self._is_resumed = True
        for source, (number, state) in json.loads(outbox.note(NOTE) or "{}").items():
            known = self._calls.setdefault(source, _Call(number, state))
            if known.number == number and STATES.index(state) > STATES.index(known.state):
                known.state = state
