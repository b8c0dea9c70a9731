"""A crew that presses its help button now and then, and takes the call back when nobody comes.

start ──FIRST_MS──▶ press ──PATIENCE_MS, and nobody comes──▶ taken back ──about EVERY_MS──▶ press ...
"""

from edge.simulate.dice import dice
from edge.simulate.node import Node
from firmware.call import OVER

FIRST_MS = 180_000  # a spectator is still there
EVERY_MS = 3 * 3_600_000
PATIENCE_MS = 480_000


class Caller:
    """Never calls while the last call is not over."""

    def __init__(self, seed: str, node: Node, at_ms: int) -> None:
        self._dice = dice(seed, "caller", at_ms)
        self._node = node
        self._due_ms = at_ms + FIRST_MS
        self._pressed_ms = at_ms

    def step(self, at_ms: int) -> None:
        """Do what is due."""
        state = self._node.call.state
        if state == OVER and at_ms >= self._due_ms:
            self._node.press()
            self._pressed_ms = at_ms
            self._due_ms = at_ms + EVERY_MS + self._dice.randrange(EVERY_MS)
        elif state != "coming" and at_ms - self._pressed_ms >= PATIENCE_MS:
            self._node.take_back()
