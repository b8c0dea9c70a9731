"""Too cold or too warm for too long: judged on the node, so that it sounds with everything else dead. Pure.

    cc     ──────╱‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾╲──────     high_cc
    state  fine  | waits | alarm |  fine     waits for_s; over at once within the limits less BACK_CC

The official judgement of an excursion is the Pi's and the service's; this one calls a person to the cabinet.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BACK_CC = 20


class Alarm:
    """`given` has low_cc, high_cc and for_s."""

    def __init__(self, given: "dict[str, Any]") -> None:
        self._low_cc, self._high_cc = int(given["low_cc"]), int(given["high_cc"])
        self._for_ms = int(given["for_s"]) * 1000
        self._since_ms: "int | None" = None
        self.code = ""  # too_cold or too_warm while it sounds

    def step(self, temperature_cc: int, now_ms: int) -> bool:
        """Whether `code` has changed."""
        back_cc = BACK_CC if self.code else 0
        code = ""
        if temperature_cc < self._low_cc + back_cc:
            code = "too_cold"
        elif temperature_cc > self._high_cc - back_cc:
            code = "too_warm"
        if not code:
            self._since_ms = None
        elif self._since_ms is None:
            self._since_ms = now_ms
        is_due = self._since_ms is not None and now_ms - self._since_ms >= self._for_ms
        before, self.code = self.code, code if is_due else ""
        return self.code != before
