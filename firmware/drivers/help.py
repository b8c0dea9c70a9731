"""The help button, a switch to ground: low is pressed.

level   ‾‾|_|‾|______|‾‾‾‾‾‾‾‾|___|‾‾‾‾‾‾‾‾|__________________________|‾‾
          called      hammered, nothing     held CANCEL_MS: taken back

{"type": "help", "name": "help", "pin": "HELP"}

The first press calls at once. A call can be taken back for a while: until then a press tells of itself when
it is let go, as another call if the one before is not just made, or when it was held for long. A button that
was down at the start calls when it is let go; one that never is, is a fault and calls nobody.
"""

from firmware.steady import LOOK_MS, Steady

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.ports.port import Port

AGAIN_MS = 60_000  # sooner it is the same call, from a frightened hand
CANCEL_MS = 10_000
CANCEL_WITHIN_MS = 600_000  # of the call; a later press is a call, however long it is held
STUCK_MS = 120_000
CALLED, CANCELLED = 0, 1  # wire: help.event


class Presses:
    """Levels as they are seen -> what the person wants: called, cancelled, stuck or free; pure."""

    def __init__(self) -> None:
        self._steady = Steady()
        self._called_ms: "int | None" = None
        self._is_told = True  # of this press
        self._is_stuck = False
        self.pressed_ms: "int | None" = None

    def step(self, level: int, now_ms: int) -> str:
        """One of the four words, or nothing."""
        was = self._steady.level
        if not self._steady.step(level):
            return self._held(now_ms)
        if level:
            return self._let_go(now_ms)
        self.pressed_ms = now_ms
        self._is_told = False
        if was < 0 or self._can_cancel(now_ms):
            return ""
        return self._call(now_ms)

    def _call(self, now_ms: int) -> str:
        self._called_ms = now_ms
        self._is_told = True
        return "called"

    def _can_cancel(self, now_ms: int) -> bool:
        return self._called_ms is not None and now_ms - self._called_ms < CANCEL_WITHIN_MS

    def _held(self, now_ms: int) -> str:
        if self.pressed_ms is None or self._is_stuck:
            return ""
        if now_ms - self.pressed_ms >= STUCK_MS:
            self._is_stuck = True
            return "stuck"
        if self._is_told or now_ms - self.pressed_ms < CANCEL_MS or not self._can_cancel(self.pressed_ms):
            return ""
        self._called_ms, self._is_told = None, True
        return "cancelled"

    def _let_go(self, now_ms: int) -> str:
        was_told, was_stuck = self._is_told, self._is_stuck
        self.pressed_ms, self._is_told, self._is_stuck = None, True, False
        if was_stuck:
            return "free"
        if was_told or (self._called_ms is not None and now_ms - self._called_ms < AGAIN_MS):
            return ""
        return self._call(now_ms)


class Help:
    period_ms = LOOK_MS

    def __init__(self, port: "Port", given: "dict[str, Any]") -> None:
        self._port = port
        self._pin = port.pin_in(given.get("pin", "HELP"))
        self._name = given["name"]
        self._presses = Presses()
        self._call = 0

    @property
    def is_held(self) -> bool:
        return self._presses.pressed_ms is not None

    async def read(self) -> "list[tuple[str, dict[str, Any]]]":
        now_ms, pressed_ms = self._port.now_ms(), self._presses.pressed_ms
        word = self._presses.step(self._pin.value(), now_ms)
        if word == "called":
            self._call = int.from_bytes(self._port.random(4), "big") >> 1 or 1
            return [("help", {"event": CALLED, "call": self._call})]
        if word == "cancelled":
            held_ms = now_ms - (pressed_ms or 0)
            return [("help", {"event": CANCELLED, "call": self._call, "held_ms": held_ms})]
        if word:
            return [("fault", {"part": self._name, "code": "stuck", "state": int(word == "free")})]
        return []
