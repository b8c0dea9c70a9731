"""The last call for help, as whoever pressed sees it by light and buzzer; kept through a power cut.

    called   on flash here, and nobody has answered yet    _|‾|_______    one beep
    heard    the service has it                            _|‾‾‾‾|____    two
    coming   somebody comes                                ‾‾‾‾‾‾‾‾‾‾‾    three
    over     answered to the end, or taken back            ___________

It only goes on, never back. What is said of another call than the last one counts only when that is over: a
cut may have come between the call and its note.
"""

from firmware import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.store.notes import Notes

STATES = ("called",) + wire.HELP_STATES
OVER = "over"
LIGHTS = {"called": (100, 900), "heard": (500, 500), "coming": (2900, 100)}  # ms on, ms off
BEEPS = {"called": 1, "heard": 2, "coming": 3}
CANCELLED = 1  # wire: help.event


class Call:
    """Lives in the notes, under the name `help`."""

    def __init__(self, notes: "Notes") -> None:
        self._notes = notes
        kept: "tuple[str, int, str]" = notes.get("help") or ("", 0, OVER)
        self._source, self.number, self.state = kept
        self._beeps: "int | None" = None

    @property
    def light(self) -> "tuple[int, int] | None":
        """ms on and off, None for dark."""
        return LIGHTS.get(self.state)

    def take_beeps(self) -> "int | None":
        """How often to beep for what is new, None when nothing is; given once."""
        beeps, self._beeps = self._beeps, None
        return beeps

    def kept(self, source: str, values: "dict[str, Any]") -> None:
        """A record of a button is on flash."""
        if values["event"] != CANCELLED:
            self._set(source, values["call"], "called")
        elif values["call"] == self.number:
            self._set(source, self.number, OVER)

    def answer(self, source: str, call: int, state: str) -> bool:
        """What the service says of a call; False when it is of no more use."""
        if call == self.number:
            if STATES.index(state) > STATES.index(self.state):
                self._set(source, call, state)
            return True
        if self.state == OVER and state != OVER:
            self._set(source, call, state)
            return True
        return False

    def _set(self, source: str, call: int, state: str) -> None:
        self._source, self.number, self.state = source, call, state
        self._beeps = BEEPS.get(state, 0)
        try:
            self._notes.put({"help": [source, call, state]})
        except OSError:
            pass  # shown all the same; the next one may be kept again
