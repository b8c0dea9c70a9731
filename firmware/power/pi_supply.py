"""The Pi's supply: when it may start, when it is asked to shut down, when its power is cut. Pure.

    off ──▶ on ──▶ halting ──▶ off        off to on: ignition, hold-up charged, warm enough
              on to halting: ignition gone for linger_ms, supply low for supply_low_ms, or too cold
              halting to off: the Pi says that it is down, or after halt_timeout_ms all the same

The limits are board.LIMITS and board.PI_COLD_CC, from hardware/power.toml. A cabin whose sensor fails keeps
the Pi off, but does not stop one that runs. A node that starts takes the Pi as it finds it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OFF, ON, HALTING = "off", "on", "halting"


class PiSupply:
    """`cold_cc`: (started above, shut down below)."""

    def __init__(self, limits: "dict[str, int]", cold_cc: "tuple[int, int]", is_on: bool) -> None:
        self._limits = limits
        self._start_cc, self._stop_cc = cold_cc
        self.state = ON if is_on else OFF
        self.cause = ""
        self._since_ms = 0
        self._low_ms: "int | None" = None
        self._left_ms: "int | None" = None

    def step(self, now_ms: int, seen: "dict[str, Any]") -> str:
        """The state from now on. `seen`: supply_mv, holdup_mv, is_ignition_on, cabin_cc or None, is_down."""
        self._left_ms = self._since(not seen["is_ignition_on"], self._left_ms, now_ms)
        self._low_ms = self._since(seen["supply_mv"] < self._limits["supply_low_mv"], self._low_ms, now_ms)
        if self.state == OFF:
            if seen["is_ignition_on"] and self._may_start(seen):
                self._go(ON, "", now_ms)
        elif self.state == ON:
            cause = self._cause_to_halt(seen, now_ms)
            if cause:
                self._go(HALTING, cause, now_ms)
        elif seen["is_down"] or now_ms - self._since_ms >= self._limits["halt_timeout_ms"]:
            self._go(OFF, self.cause if seen["is_down"] else "halt_timeout", now_ms)
        return self.state

    def _may_start(self, seen: "dict[str, Any]") -> bool:
        cabin_cc = seen["cabin_cc"]
        is_warm = cabin_cc is not None and cabin_cc >= self._start_cc
        return is_warm and seen["holdup_mv"] >= self._limits["holdup_start_mv"] and self._low_ms is None

    def _cause_to_halt(self, seen: "dict[str, Any]", now_ms: int) -> str:
        if self._low_ms is not None and now_ms - self._low_ms >= self._limits["supply_low_ms"]:
            return "supply_low"
        if seen["cabin_cc"] is not None and seen["cabin_cc"] < self._stop_cc:
            return "too_cold"
        if self._left_ms is not None and now_ms - self._left_ms >= self._limits["linger_ms"]:
            return "ignition_off"
        return ""

    @staticmethod
    def _since(is_so: bool, since_ms: "int | None", now_ms: int) -> "int | None":
        return (now_ms if since_ms is None else since_ms) if is_so else None

    def _go(self, state: str, cause: str, now_ms: int) -> None:
        self.state, self.cause, self._since_ms = state, cause, now_ms
