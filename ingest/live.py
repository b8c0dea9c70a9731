"""The newest state of every unit, in memory: what the map shows.

Order is event time, never arrival: a record from a coverage gap does not move a marker back, and one that
claims to be from the future does not own it. A position whose time is unknown counts as of now when it comes
as `live`, which is never queued, and not at all when it comes late in a batch. A clock that runs a little
ahead wins nothing by it: it is taken as of now, so the next fix is newer.

Whether a unit is connected is what its newest connection said: `conn` counts up, so that the will of an old
connection cannot bury a newer birth. A card that was replaced or fell back counts from lower down again: a
birth is believed whatever its number, and the will of the connection before it is not.

Each change has a higher revision than the one before; `changed_since` is what a stream needs. A unit is
written as JSON once after it changed, for whoever asks: every stream and every look at the fleet joins the
same texts. All methods are called from any thread.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from firmware import wire
from ingest.instants import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

AHEAD_MS = 300_000
CLOCK_NONE = wire.CLOCKS.index("none")

# Our name, the wire's name, and how many of the wire's units make one of ours.
SCALED = (
    ("lat_deg", "lat_e7", 10_000_000),
    ("lon_deg", "lon_e7", 10_000_000),
    ("altitude_msl_m", "altitude_msl_dm", 10),
    ("speed_m_s", "speed_cm_s", 100),
    ("course_deg", "course_ddeg", 10),
    ("satellites", "satellites", 1),
    ("hdop", "hdop_c", 100),
)
POSITION = ("lat_deg", "lon_deg", "altitude_msl_m")
FIX_WORDS = ("fix_mode", "quality")
SHOWN_OF_FIX = (*(name for name, _, _ in SCALED), *FIX_WORDS)
NO_FIX = (0, "none")
VITALS = {field_.name for kind in ("power", "health") for field_ in wire.KINDS[kind].fields}


@dataclass(slots=True)
class UnitState:
    """What is kept of one unit; times in ms, `fix_order_ms` is what a newer fix must reach."""

    unit: str
    name: str | None = None
    capabilities: list[str] = field(default_factory=list)
    is_registered: bool = False
    connection: str = "unknown"
    conn: int = 0
    former_conn: int = 0  # the connection before this one
    sampled_ms: int | None = None
    received_ms: int | None = None
    clock: str | None = None
    fix_order_ms: int = -1
    position_order_ms: int = -1  # of the newest fix that had a position
    unread: tuple[Mapping[str, Any], int | None] | None = None  # the newest fix and its time, as it came
    fix: dict[str, int | float | str | None] = field(default_factory=dict)
    vitals: dict[str, int | str | None] = field(default_factory=dict)
    vital_order_ms: dict[str, int] = field(default_factory=dict)
    revision: int = 0
    text: bytes | None = None  # as JSON, once somebody looked since the last change

    def as_json(self) -> bytes:
        """The unit as the API shows it."""
        if self.text is None:
            self.text = to_json(self.shown())
        return self.text

    def shown(self) -> dict[str, Any]:
        """The unit as the API shows it."""
        self.read()
        fix = self.fix.get
        return {
            "unit": self.unit,
            "name": self.name,
            "capabilities": list(self.capabilities),
            "is_registered": self.is_registered,
            "connection": self.connection,
            "sampled_at": None if self.sampled_ms is None else iso(self.sampled_ms),
            "received_at": None if self.received_ms is None else iso(self.received_ms),
            "clock": self.clock,
            **{name: fix(name) for name in SHOWN_OF_FIX},
            "vitals": dict(self.vitals),
        }

    def read(self) -> None:
        """Turn the newest fix into what is shown: only when somebody looks, for a drain brings thousands."""
        if self.unread is None:
            return
        (values, sampled_ms), self.unread = self.unread, None
        is_position = values.get("lat_e7") is not None
        for name, wire_name, per in SCALED:
            value = values.get(wire_name)
            if is_position or name not in POSITION:  # the last known stays
                self.fix[name] = None if value is None else value if per == 1 else value / per
        for name in FIX_WORDS:
            value = values.get(name)
            self.fix[name] = wire.word("fix", name, value) if isinstance(value, int) else value
        if is_position:
            self.sampled_ms = sampled_ms

    def place(self, values: Mapping[str, Any], sampled_ms: int) -> None:
        """Where the unit was before it lost its position, told by a fix that came late."""
        self.read()
        for name, wire_name, per in SCALED:
            if name in POSITION:
                value = values.get(wire_name)
                self.fix[name] = None if value is None else value / per
        self.sampled_ms = sampled_ms


_PASSING = ("connection", "revision", "unread", "text")
_KEPT = tuple(field_.name for field_ in fields(UnitState) if field_.name not in _PASSING)


class Live:
    """Every unit's newest state, each change under a higher revision."""

    def __init__(self, ahead_ms: int = AHEAD_MS) -> None:
        self._ahead_ms = ahead_ms
        self._lock = threading.RLock()
        self._units: dict[str, UnitState] = {}  # the one that changed last stands last
        self._revision = 0
        self._unkept: set[str] = set()

    def snapshot(self) -> tuple[int, list[dict[str, Any]]]:
        """The revision, and every unit."""
        with self._lock:
            return self._revision, [self._units[unit].shown() for unit in sorted(self._units)]

    def texts(self) -> tuple[int, list[bytes]]:
        """The revision, and every unit as JSON."""
        with self._lock:
            return self._revision, [self._units[unit].as_json() for unit in sorted(self._units)]

    def changed_since(self, revision: int) -> tuple[int, list[bytes]]:
        """The revision, and as JSON the units that changed after the given one."""
        with self._lock:
            changed = []
            for state in reversed(self._units.values()):
                if state.revision <= revision:
                    break
                changed.append(state.as_json())
            return self._revision, changed

    def find(self, unit: str) -> dict[str, Any] | None:
        """One unit, None when it was never heard of."""
        with self._lock:
            state = self._units.get(unit)
            return None if state is None else state.shown()

    def heard_ms(self) -> dict[str, int]:
        """When each unit was last heard of."""
        with self._lock:
            return {u: state.received_ms for u, state in self._units.items() if state.received_ms is not None}

    def count(self) -> int:
        """How many units there are."""
        return len(self._units)

    def apply_fix(self, unit: str, time_ms: int, clock: int, values: Mapping[str, Any], now_ms: int) -> bool:
        """A fix record from a batch moves the marker if it is the newest; False if it is from the future."""
        order_ms = min(time_ms, now_ms) if clock != CLOCK_NONE else -1
        sampled_ms = time_ms if clock != CLOCK_NONE else None
        return self._apply(
            unit, now_ms, lambda state: self._fix(state, order_ms, sampled_ms, clock, values, now_ms)
        )

    def apply_vitals(
        self, unit: str, kind: str, time_ms: int, clock: int, values: Mapping[str, Any], now_ms: int
    ) -> bool:
        """A power or health record from a batch; False if it is from the future."""
        order_ms = min(time_ms, now_ms) if clock != CLOCK_NONE else -1
        worded = {name: _worded(kind, name, value) for name, value in values.items()}
        if self._is_ahead(clock, time_ms, now_ms):
            return False
        return self._apply(unit, now_ms, lambda state: _take_vitals(state, order_ms, worded))

    def apply_live(self, unit: str, message: dict[str, Any], now_ms: int) -> bool:
        """A live message; False if it claims to be from the future."""
        clock = wire.CLOCKS.index(message["clock"])
        time_ms = message["time_ms"]
        is_timed = clock != CLOCK_NONE
        order_ms = min(time_ms, now_ms) if is_timed else now_ms

        def change(state: UnitState) -> bool:
            _connect(state, message["conn"])
            _take_vitals(state, order_ms, {k: v for k, v in message.items() if k in VITALS})
            if "lat_e7" not in message and "fix_mode" not in message:
                return True
            return self._fix(state, order_ms, time_ms if is_timed else None, clock, message, now_ms)

        if self._is_ahead(clock, time_ms, now_ms):
            self.note_news([unit], now_ms)
            return False
        return self._apply(unit, now_ms, change)

    def apply_birth(self, unit: str, message: dict[str, Any], now_ms: int, is_retained: bool) -> bool:
        """A birth or a will; False if a newer connection has spoken. A retained one is no news."""
        return self._apply(unit, None if is_retained else now_ms, lambda state: _take_birth(state, message))

    def is_newer_fix(self, unit: str, time_ms: int, clock: int) -> bool:
        """Whether a stored fix is newer than the one that is shown."""
        with self._lock:
            state = self._units.get(unit)
            return state is None or (time_ms if clock != CLOCK_NONE else -1) > state.fix_order_ms

    def has_newer_vitals(self, unit: str, kind: str, time_ms: int, clock: int) -> bool:
        """Whether a stored power or health record is newer than any of its fields that are shown."""
        order_ms = time_ms if clock != CLOCK_NONE else -1
        with self._lock:
            state = self._units.get(unit)
            known = {} if state is None else state.vital_order_ms
            return any(order_ms > known.get(name, -2) for name in wire.KINDS[kind].by_name)

    def note_news(self, units: Iterable[str], now_ms: int) -> None:
        """Something of these units was received."""
        with self._lock:
            for unit in units:
                self._apply(unit, now_ms, lambda _: True)

    def register(self, unit: str, name: str | None, capabilities: list[str]) -> None:
        """A person says what a unit is called and what it can do."""
        self.add(unit, name, capabilities, is_registered=True)

    def add(self, unit: str, name: str | None, capabilities: list[str], *, is_registered: bool) -> None:
        """Show a unit of which nothing else is known."""

        def change(state: UnitState) -> bool:
            state.is_registered, state.name, state.capabilities = is_registered, name, list(capabilities)
            return True

        self._apply(unit, None, change)

    def erase(self, unit: str, erased_ms: int) -> None:
        """Show nothing of a unit that happened before; who it is and whether it is connected stays."""
        with self._lock:
            old = self._units.get(unit)
            if old is None:
                return
            stays = ("unit", "name", "capabilities", "is_registered", "connection", "conn", "former_conn")
            new = UnitState(**{name: getattr(old, name) for name in stays})
            new.fix_order_ms = new.position_order_ms = erased_ms
            new.vital_order_ms = dict.fromkeys(VITALS, erased_ms)
            self._units[unit] = new
            self._apply(unit, None, lambda _: True)

    def take_unkept(self) -> list[tuple[str, str]]:
        """The states that changed since the last call as JSON, to be kept on disk."""
        with self._lock:
            taken = [(unit, _kept(self._units[unit])) for unit in self._unkept]
            self._unkept.clear()
            return taken

    def give_back(self, taken: Iterable[tuple[str, str]]) -> None:
        """They could not be kept: take them again next time."""
        with self._lock:
            self._unkept.update(unit for unit, _ in taken)

    def load(self, kept: dict[str, dict[str, Any]]) -> None:
        """Begin with what was kept; who was connected is to be heard again."""
        with self._lock:
            for unit, state in sorted(kept.items()):
                self._revision += 1
                known = {name: state[name] for name in _KEPT if name in state}
                self._units[unit] = UnitState(**known, revision=self._revision)

    def _apply(self, unit: str, now_ms: int | None, change: Callable[[UnitState], bool]) -> bool:
        with self._lock:
            state = self._units.pop(unit, None) or UnitState(unit)
            self._units[unit] = state
            is_taken = change(state)
            if now_ms is not None:
                state.received_ms = max(state.received_ms or 0, now_ms)
            self._revision += 1
            state.revision, state.text = self._revision, None
            self._unkept.add(unit)
            return is_taken

    def _is_ahead(self, clock: int, time_ms: int, now_ms: int) -> bool:
        return clock != CLOCK_NONE and time_ms > now_ms + self._ahead_ms

    def _fix(
        self,
        state: UnitState,
        order_ms: int,
        sampled_ms: int | None,
        clock: int,
        values: Mapping[str, Any],
        now_ms: int,
    ) -> bool:
        if sampled_ms is not None and self._is_ahead(clock, sampled_ms, now_ms):
            return False
        is_position = _is_position(values)
        if order_ms < state.fix_order_ms:
            if is_position and sampled_ms is not None and order_ms >= state.position_order_ms:
                state.position_order_ms = order_ms
                state.place(values, sampled_ms)
            return True
        state.fix_order_ms = order_ms
        state.clock = wire.CLOCKS[clock]
        if is_position:
            state.position_order_ms = order_ms
        else:  # then the one before it still says where that was
            state.read()
        state.unread = (values, sampled_ms)
        return True


def _kept(state: UnitState) -> str:
    state.read()
    return json.dumps({name: getattr(state, name) for name in _KEPT}, separators=(",", ":"))


def _worded(kind: str, name: str, value: Any) -> Any:
    field_ = wire.KINDS[kind].by_name[name]
    return field_.words[value] if field_.words and value is not None else value


def _is_position(values: Mapping[str, Any]) -> bool:
    """Told by the mode where there is one: the coordinates are restored when someone looks."""
    mode = values.get("fix_mode")
    return values.get("lat_e7") is not None if mode is None else mode not in NO_FIX


def _take_vitals(state: UnitState, order_ms: int, values: dict[str, Any]) -> bool:
    """Each field by itself: a live message carries a few, and must not make a late record's others old."""
    for name, value in values.items():
        if order_ms >= state.vital_order_ms.get(name, -1):
            state.vital_order_ms[name] = order_ms
            state.vitals[name] = value
    return True


def _connect(state: UnitState, conn: int) -> None:
    """A live message proves its connection, unless that one has ended already."""
    if conn > state.conn or (conn == state.conn and state.connection == "unknown"):
        state.conn, state.connection = conn, "online"


def _take_birth(state: UnitState, message: dict[str, Any]) -> bool:
    """Births come in the order they were said; a will may come late, after the next connection's birth."""
    conn = message["conn"]
    if message["state"] == "offline":
        if conn < state.conn or (conn == state.former_conn and conn != state.conn):
            return False
        state.conn, state.connection = conn, "offline"
        return True
    if conn != state.conn:
        state.former_conn = state.conn
    state.conn, state.connection = conn, "online"
    if not state.is_registered:
        state.name = message.get("name")
        state.capabilities = list(message.get("capabilities", []))
    return True
