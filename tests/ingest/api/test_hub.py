"""The hub without a server: whatever a listener misses and whenever it comes, it ends with what is true."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware import wire
from ingest.api.hub import RING, Hub
from ingest.api.listener import SLOW_S, Listener
from tests.ingest.api.parts import GNSS, NOW_MS, Parts

UNITS = ["van-1", "van-2", "van-3"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.sampled_from(UNITS)),
        st.tuples(st.just("tick"), st.integers(1, RING + 3)),
        st.tuples(st.just("read"), st.integers(0, 2)),
        st.tuples(st.just("return"), st.integers(0, 2)),
        st.tuples(st.just("alert"), st.just(0)),
    ),
    max_size=60,
)


class Browser:
    """A listener's line, which takes nothing while the browser sleeps, and what the browser then knows."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._last_id: str | None = None
        self.units: dict[str, Any] = {}
        self.alerts = 0  # the revision that was asked for last
        self._unread = b""
        self._listener: Listener
        self.come_back()

    def write(self, data: bytes) -> None:
        self._unread += data

    def get_write_buffer_size(self) -> int:
        return len(self._unread)

    def is_closing(self) -> bool:
        return False

    def come_back(self) -> None:
        if self._last_id is not None:
            self._hub.leave(self._listener)
        self._unread = b""
        self._listener = Listener(self._hub, self, self._last_id, is_chunked=False)
        self._hub.join(self._listener)
        self.read()

    def read(self) -> None:
        while self._unread:
            event, _, self._unread = self._unread.partition(b"\n\n")
            self._take(event)
            self._listener.feed(0)

    def _take(self, data: bytes) -> None:
        lines = dict(line.split(": ", 1) for line in data.decode().splitlines() if line)
        self._last_id = lines["id"]
        if lines["event"] == "snapshot":
            self.units = {}
            self.alerts = self._hub._context.alert_news.revision
        elif lines["event"] == "alerts":
            self.alerts = json.loads(lines["data"])["revision"]
        for unit in json.loads(lines["data"]).get("units", []):
            self.units[unit["unit"]] = unit


def move(parts: Parts, unit: str, step: int) -> None:
    values = dict.fromkeys(wire.KINDS["fix"].by_name) | {"lat_e7": step, "lon_e7": 0, "fix_mode": 2}
    parts.live.apply_fix(unit, NOW_MS + step, GNSS, values, NOW_MS + step)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_every_listener_ends_with_what_is_true(parts: Parts, steps: list[tuple[str, Any]]) -> None:
    hub = Hub(parts.context)
    listeners = [Browser(hub) for _ in range(3)]
    for number, (what, which) in enumerate(steps):
        if what == "move":
            move(parts, which, number)
        elif what == "tick":
            for at_s in range(which):
                move(parts, UNITS[0], number)
                hub.tick(at_s)
        elif what == "alert":
            parts.context.alert_news.changed()
        elif what == "read":
            listeners[which].read()
        else:
            listeners[which].come_back()
    hub.tick(0)
    truth = {unit["unit"]: unit for unit in parts.live.snapshot()[1]}
    for listener in listeners:
        listener.read()
        assert listener.units == truth
        assert listener.alerts == parts.context.alert_news.revision
    hub.close()


async def test_all_listeners_get_the_very_same_bytes(parts: Parts) -> None:
    hub = Hub(parts.context)
    number = hub.first_block(None).number
    move(parts, "van-1", 1)
    hub.tick(0)
    first, second = hub.blocks_after(number), hub.blocks_after(number)
    assert first is not None
    assert second is not None
    assert first[0].framed is second[0].framed


async def test_a_line_that_moves_is_slow_but_not_let_go(parts: Parts) -> None:
    hub = Hub(parts.context)
    browser = Browser(hub)
    listener = browser._listener
    for at_s in (0.0, SLOW_S, 2 * SLOW_S):
        browser.write(b"x")
        listener.feed(at_s)
        assert not listener.is_slow
    listener.feed(2 * SLOW_S + 1)
    assert not listener.is_slow
    listener.feed(3 * SLOW_S + 1)
    assert listener.is_slow
    assert listener.ended.is_set()
    hub.close()


async def test_a_change_while_the_first_one_joins_is_told(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(parts.context)
    join = hub.join

    def joining(listener: Listener) -> None:
        move(parts, "van-1", 7)  # as the pipeline's thread may
        join(listener)

    monkeypatch.setattr(hub, "join", joining)
    browser = Browser(hub)
    hub.tick(0)
    browser.read()
    assert browser.units["van-1"]["lat_deg"] == 7e-7
    hub.close()
