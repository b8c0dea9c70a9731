"""What sounds at a cabinet, whoever else hears of it: limits of a probe's own, beside its official profile.

    cc     ──────╱‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾╲──────     high_cc
    state  fine  | waits | alarm |  fine     waits for_s; over at once within the limits less _BACK_CC

It is the judge of excursions that judges. A probe that falls silent while it sounds goes on sounding: it is
over when a sample says so.
"""

from firmware.cabinet.excursion import Judge
from firmware.cabinet.profile import Limit, Profile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BACK_CC = 20
CODES = {"low": "too_cold", "high": "too_warm"}


class Alarm:
    """`given` has low_cc, high_cc and for_s."""

    def __init__(self, given: "dict[str, Any]", period_ms: int) -> None:
        for_s = int(given["for_s"])
        limits = (Limit("below", int(given["low_cc"]), for_s), Limit("above", int(given["high_cc"]), for_s))
        self.judge = Judge(Profile("alarm", 1, limits), period_ms)
        self.code = ""  # too_cold or too_warm while it sounds

    def resume(self, state: "dict[str, Any]", code: str) -> None:
        """Go on from the state of its judge."""
        if self.judge.resume(state):
            self.code = code

    def step(self, temperature_cc: int, now_ms: int) -> bool:
        """Whether `code` has changed."""
        back_cc = {"too_cold": -_BACK_CC, "too_warm": _BACK_CC}.get(self.code, 0)
        self.judge.take(now_ms, temperature_cc + back_cc)
        self.judge.settle(now_ms + 1)
        found, before = self.judge.open(), self.code
        if found:
            self.code = CODES[found[0].limit.direction]
        elif self.judge.is_calm:
            self.code = ""
        return self.code != before
