"""The hub without a server: whatever a listener misses and whenever it comes, it ends with what is true."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware import wire
from ingest.api.hub import RING, Hub
from tests.ingest.api.parts import GNSS, NOW_MS, Parts

UNITS = ["van-1", "van-2", "van-3"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.sampled_from(UNITS)),
        st.tuples(st.just("tick"), st.integers(1, RING + 3)),
        st.tuples(st.just("read"), st.integers(0, 2)),
        st.tuples(st.just("return"), st.integers(0, 2)),
    ),
    max_size=60,
)


class Listener:
    """What stream.py and a browser do together, without the bytes between."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._block = hub.first_block(None)
        self._last_id = ""
        self.units: dict[str, Any] = {}
        self._take(self._block.data)

    def _take(self, data: bytes) -> None:
        lines = dict(line.split(": ", 1) for line in data.decode().splitlines() if line)
        self._last_id = lines["id"]
        if lines["event"] == "snapshot":
            self.units = {}
        for unit in json.loads(lines["data"]).get("units", []):
            self.units[unit["unit"]] = unit

    def read(self) -> None:
        following = self._hub.blocks_after(self._block.number)
        for block in [self._hub.catch_up(self._block.revision)] if following is None else following:
            self._take(block.data)
            self._block = block

    def come_back(self) -> None:
        self._block = self._hub.first_block(self._last_id)
        self._take(self._block.data)


def move(parts: Parts, unit: str, step: int) -> None:
    values = dict.fromkeys(wire.KINDS["fix"].by_name) | {"lat_e7": step, "lon_e7": 0, "fix_mode": 2}
    parts.live.apply_fix(unit, NOW_MS + step, GNSS, values, NOW_MS + step)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_every_listener_ends_with_what_is_true(parts: Parts, steps: list[tuple[str, Any]]) -> None:
    hub = Hub(parts.context)
    listeners = [Listener(hub) for _ in range(3)]
    for number, (what, which) in enumerate(steps):
        if what == "move":
            move(parts, which, number)
        elif what == "tick":
            for at_s in range(which):
                move(parts, UNITS[0], number)
                hub.tick(at_s)
        elif what == "read":
            listeners[which].read()
        else:
            listeners[which].come_back()
    hub.tick(0)
    truth = {unit["unit"]: unit for unit in parts.live.snapshot()[1]}
    for listener in listeners:
        listener.read()
        assert listener.units == truth


def test_all_listeners_get_the_very_same_bytes(parts: Parts) -> None:
    hub = Hub(parts.context)
    number = hub.first_block(None).number
    move(parts, "van-1", 1)
    hub.tick(0)
    first, second = hub.blocks_after(number), hub.blocks_after(number)
    assert first is not None
    assert second is not None
    assert first[0].data is second[0].data
