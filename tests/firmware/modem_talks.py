"""A modem that answers as real ones did, in words that their owners have published, and the card in it.

Each answer stands as it was logged; `<` is CR LF. Whatever a log does not tell of is answered with OK.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GUARD_MS = 1000
Answers = dict[str, list[str]]


@dataclass(frozen=True)
class Talk:
    """One modem's answers, as published; with `outcome` the chat has to end."""

    source: str
    outcome: str
    answers: Answers
    echo: str = ""  # how it repeats a command; none where ATE0 was heard before
    signal_dbm: int | None = None
    unasked: dict[str, str] = field(default_factory=dict)  # before the answer to a command


READY = {
    "AT+CPIN?": ["<+CPIN: READY<<OK<"],
    "AT+CEREG?": ["<+CEREG: 0,1<<OK<"],
    "AT+QLTS=1": ["<ERROR<"],
    "ATD*99#": ["<CONNECT 150000000<"],
}

TALKS = {
    "threadx_4g": Talk(
        "eclipse-threadx/netxduo#150, 2023-02-07: a 4G module of CMIOT, with echo",
        "online",
        {
            "AT+CPIN?": ["<+CPIN: READY<<OK<"],
            "AT+CGREG?": ["<+CGREG: 0,1<<OK<"],
            "AT+CEREG?": ["<ERROR<"],
            "ATD*99#": ["<CONNECT<"],
        },
        echo="\r",
    ),
    "quectel_ec21": Talk(
        "ARMmbed/mbed-os#12412, 2020-11-24: an EC21 with a good signal that finds no network",
        "no_network",
        {
            **READY,
            "AT+CSQ": ["<+CSQ: 30,99<<OK<"],
            "AT+CEREG?": ["<+CEREG: 2,0<<OK<"],
            "AT+CGREG?": ["<+CGREG: 2,0<<OK<"],
        },
        signal_dbm=-53,
    ),
    "quectel_ep06": Talk(
        "koshev-msk/luci-app-modeminfo#14, 2020-09-21: calls are denied (+CREG: 2,3), data is not",
        "online",
        {**READY, "AT+CEREG?": ['<+CEREG: 2,1,"2616","DDAEA01",7<<OK<'], "AT+CSQ": ["<+CSQ: 31,99<<OK<"]},
        signal_dbm=-51,
    ),
    "ublox_denied": Talk(
        "u-blox/ubxlib#188, 2024-01-30: no contract with that network",
        "denied",
        {**READY, "AT+CEREG?": ["<+CEREG: 4,3<<OK<"], "AT+CGREG?": ["<+CGREG: 2,4<<OK<"]},
    ),
    "simcom_a7670e": Talk(
        "Xinyuan-LilyGO/LilyGo-Modem-Series#247, 2025-04-10: a state that 27.007 gave to emergencies",
        "no_signal",
        {
            **READY,
            "AT+CEREG?": ["<+CEREG: 0,11<<OK<"],
            "AT+CGREG?": ["<+CGREG: 0,11<<OK<"],
        },
        unasked={"ATE0": "<+CPIN: READY<<SMS DONE<"},
    ),
    "sara_r500s": Talk(
        "ARMmbed/mbed-os#14510, 2021-04: no antenna",
        "no_signal",
        {
            **READY,
            "AT+CSQ": ["<+CSQ: 99,99<<OK<"],
            "AT+CEREG?": ["<+CEREG: 2,0<<OK<"],
            "AT+CGREG?": ["<+CGREG: 2,0<<OK<"],
        },
    ),
    "sim800_without_a_card": Talk(
        "Xinyuan-LilyGO/LilyGo-T-Call-SIM800#33, 2019-11-15: words instead of numbers",
        "no_card",
        {"AT+CPIN?": ["<+CME ERROR: SIM not inserted<"]},
    ),
    "sara_r410": Talk(
        "particle-iot/device-os#2571: registrations come in between",
        "online",
        {
            **READY,
            "AT+CEREG?": ['<+CEREG: 2<<+CEREG: 1,"6A33","7F0B50F",7<<OK<'],
            "ATD*99#": ["<CONNECT 150000000<"],
        },
        unasked={"AT+CPIN?": "<+CEREG: 2<"},
    ),
    "sim7000_refuses_the_dial": Talk(
        "espressif/esp-protocols#637, 2024-08-20",
        "no_carrier",
        {**READY, "AT+CSQ": ["<+CSQ: 99,99<<OK<"], "ATD*99#": ["<ERROR<"]},
    ),
    "quectel_ec2x_garbled": Talk(
        "ARMmbed/mbed-os#11192, 2019-08: an operator's name with what the line made of it; 2,4, then 2,5",
        "online",
        {
            **READY,
            "AT+CSQ": ["<+CSQ: 25,0<<OK<"],
            "AT+CEREG?": ["<+CEREG: 2,4<<OK<", '<+CEREG: 2,5,"2616","DDAEA01",7<<OK<'],
        },
        signal_dbm=-63,
        unasked={"AT+CSQ": '<+COPS: 0,0,"a !dea",0<'},
    ),
    "wants_a_pin": Talk(
        "Motorola G24-L AT commands (2008), 3-182, and Sierra Wireless on AT+CSIM",
        "pin_refused",
        {
            "AT+CPIN?": ["<+CPIN: SIM PIN<<OK<"],
            'AT+CPINR="SIM PIN"': ["<ERROR<"],
            'AT+CSIM=10,"0020000100"': ['<+CSIM: 4,"63C3"<<OK<'],
            'AT+CPIN="7777"': ["<+CME ERROR: incorrect password<"],
        },
    ),
}


class Modem:
    """Hears commands, answers; in data mode it hears only +++ between two silences."""

    def __init__(
        self, talk: Talk, *, is_in_data: bool = False, wakes_ms: int = 0, baud: int = 115200
    ) -> None:
        self.talk = talk
        self.heard: list[str] = []
        self.is_in_data = is_in_data
        self.on: dict[str, Callable[[], str]] = {}
        self._left = {command: list(answers) for command, answers in talk.answers.items()}
        self._wakes_ms, self._baud = wakes_ms, baud
        self._line = b""
        self._last_ms = -GUARD_MS
        self._plus_ms: int | None = None

    def hear(self, data: bytes, now_ms: int, baud: int = 115200) -> bytes:
        """What it says to these bytes."""
        if now_ms < self._wakes_ms or baud != self._baud:
            return b""
        quiet_ms, self._last_ms = now_ms - self._last_ms, now_ms
        if self.is_in_data:
            if self._plus_ms is not None and now_ms - self._plus_ms >= GUARD_MS:
                self.is_in_data, self._plus_ms = False, None
            else:
                self._plus_ms = now_ms if data == b"+++" and quiet_ms >= GUARD_MS else None
                return b""
        self._line += data
        out = b""
        while b"\r" in self._line:
            line, self._line = self._line.split(b"\r", 1)
            out += self._answer(line.decode())
        return out

    def _answer(self, line: str) -> bytes:
        command = line[line.find("AT") :]
        self.heard.append(command)
        echo = line + self.talk.echo if self.talk.echo and "ATE0" not in self.heard[:-1] else ""
        said = self.on[command]() if command in self.on else self._next(command)
        if "CONNECT" in said:
            self.is_in_data = True
        return (echo + self.talk.unasked.get(command, "") + said).replace("<", "\r\n").encode()

    def _next(self, command: str) -> str:
        answers = self._left.get(command, ["<OK<"])
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Card:
    """A SIM that wants a PIN and counts, whoever restarts beside it."""

    def __init__(self, pin: str) -> None:
        self.pin, self.left, self.is_open = pin, 3, False

    def state(self) -> str:
        """To AT+CPIN?."""
        word = "READY" if self.is_open else "SIM PIN" if self.left else "SIM PUK"
        return f"<+CPIN: {word}<<OK<"

    def counted(self) -> str:
        """To AT+CPINR."""
        return f"<+CPINR: SIM PIN,{self.left},3<<OK<"

    def verify(self, pin: str) -> str:
        """To AT+CPIN=."""
        self.is_open = self.left > 0 and pin == self.pin
        self.left = 3 if self.is_open else max(0, self.left - 1)
        return "<OK<" if self.is_open else "<+CME ERROR: 16<"
