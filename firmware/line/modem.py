"""The chat with a cellular modem until PPP has the line. Pure: bytes and time come in, bytes go out.

    sync      AT until OK, at each rate; one left in data mode hears +++ between two silences, then ATH
    card      AT+CPIN?: READY, or a PIN, which is tried only while the card says that it has all its tries
    network   AT+CEREG? and AT+CGREG? until home or roaming; AT+CSQ, the signal; AT+QLTS=1, the time
    dial      AT+CGDCONT=1,"IP",<apn>; ATD*99#; CONNECT: from here on every byte is PPP's

3GPP TS 27.007 (commands), ITU-T V.250 (lines, result codes, escape), Quectel's PPP application note (order
and times) for the EC200U of hardware/bom.csv. Lines that nobody asked for come in between, with echo and
without; noise is no letter. A modem that starts anew in mid-chat begins it anew. It ends within LONGEST_MS,
online or with one word of FAILURES (modem_fault.py).
"""

from firmware.line import at
from firmware.line.modem_fault import LONGEST_MS, ModemFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    Answer = tuple[str, list[str]]  # the result code, "" for none in time, and the lines before it
    Script = Generator[tuple[str, int], Answer, None]  # gives (command, how long to wait in ms)

BAUDS = (115200, 9600)  # what modems come with, and what a sleeping one may listen at
ROUNDS = 2  # through them, while a modem starts: 12 s of an EC200U
_ESCAPE = "+++"
_GUARD_MS = 1_100  # V.250: a second of silence on either side
SETTLE_MS = 300
_CARD_TRIES, _CARD_MS = 20, 1_000  # Quectel: a card that is not ready after 20 s will not be
_NETWORK_TRIES, _NETWORK_MS = 25, 2_000
_ALL_PIN_TRIES = 3
MAX_LINE, MAX_LINES = 160, 8
_RESTARTS = 2

ONLINE = "online"
_STARTED = ("RDY", "*ATREADY: 1")


class Chat:
    """One attempt: write what `output` gives, `feed` it and `step` until `outcome` says how it ended."""

    def __init__(self, apn: str, pin: "str | None", now_ms: int) -> None:
        self.baud = BAUDS[0]  # to be used from now on
        self.outcome = ""  # ONLINE or one of FAILURES, then with its fault
        self.fault: "ModemFault | None" = None
        self.signal_dbm: "int | None" = None
        self.is_roaming = False
        self.utc: "tuple[int, int] | None" = None  # the network's time in ms, and when it was told
        self._apn = apn
        self._pin = pin
        self._is_pin_tried = False
        self._end_ms = now_ms + LONGEST_MS
        self._restarts = 0
        self._held = bytearray()
        self._out = b""
        self._begin(now_ms)

    def output(self) -> bytes:
        """What is to be written now; it is given once."""
        given, self._out = self._out, b""
        return given

    def feed(self, data: bytes, now_ms: int) -> None:
        """Take what came. Give it byte by byte where what follows CONNECT must not be read."""
        for byte in data:
            if self.outcome:
                return
            if byte in (10, 13):
                line, self._held = str(self._held, "utf-8"), bytearray()
                if line:
                    self._take(line, now_ms)
            elif 32 <= byte < 127 and len(self._held) < MAX_LINE:
                self._held.append(byte)

    def step(self, now_ms: int) -> None:
        """What time brings: the next command, or the end."""
        if self.outcome:
            return
        if now_ms >= self._end_ms:
            self._fail(ModemFault(self._late, "not within %d s" % (LONGEST_MS // 1000)))
        elif now_ms >= self._due_ms:
            self._go_on("", now_ms)

    # --- lines ------------------------------------------------------------------------------------------

    def _begin(self, now_ms: int) -> None:
        self._is_awake = False
        self._late = "no_reply"  # what a chat that takes too long failed at
        self._asked = ""
        self._lines: "list[str]" = []
        self._script = self._talk()
        self._go_on(None, now_ms)

    def _take(self, line: str, now_ms: int) -> None:
        if line in _STARTED and self._is_awake:
            self._restarts += 1
            if self._restarts > _RESTARTS:
                self._fail(ModemFault("restarts"))
            else:
                self._begin(now_ms)
        elif self._asked and line != self._asked:  # else nobody asked, or it is the echo
            if at.is_result(line, self._asked):
                self._go_on(line, now_ms)
            elif len(self._lines) < MAX_LINES:
                self._lines.append(line)

    def _go_on(self, result: "str | None", now_ms: int) -> None:
        """Give the script its answer, and send what it asks next; None: begin it."""
        self._now_ms = now_ms
        lines, self._lines = self._lines, []
        try:
            asked, wait_ms = next(self._script) if result is None else self._script.send((result, lines))
        except StopIteration:
            self.outcome = ONLINE
            return
        except ModemFault as fault:
            self._fail(fault)
            return
        self._due_ms = now_ms + wait_ms
        self._asked = "" if asked == _ESCAPE else asked
        self._out += asked.encode() + (b"\r" if self._asked else b"")

    def _fail(self, fault: ModemFault) -> None:
        self.outcome, self.fault, self._out = fault.code, fault, b""

    # --- the script: each part goes on, or raises what is in the way ------------------------------------

    def _talk(self) -> "Script":
        yield from self._sync()
        for command in ("ATH", "ATE0", "AT+CMEE=1"):  # no call, no echo, errors as numbers
            yield command, 3_000
        yield from self._card()
        yield from self._network()
        yield from self._dial()

    def _sync(self) -> "Script":
        for turn in range(ROUNDS * len(BAUDS)):
            self.baud = BAUDS[turn % len(BAUDS)]
            for is_escaped in (False, True):
                if is_escaped:
                    yield "", _GUARD_MS
                    yield _ESCAPE, _GUARD_MS
                    yield "ATH", 1_000  # in command mode the end of a line that began with +++
                for _ in range(3):
                    result, _ = yield "AT", 500
                    if result == "OK":
                        yield "", SETTLE_MS  # answers to what it heard before
                        self._is_awake = True
                        return
        raise ModemFault("no_reply")

    def _card(self) -> "Script":
        self._late = "card_busy"
        state = ""
        for _ in range(_CARD_TRIES):
            result, lines = yield "AT+CPIN?", 5_000
            state = at.value(lines, "+CPIN") or at.cause(result)
            if state == "READY":
                self._is_pin_tried = False
                return
            if state == "SIM PIN" and not self._is_pin_tried:
                yield from self._unlock()
            elif "PUK" in state or state.startswith("PH-"):
                raise ModemFault("card_locked", state)
            yield "", _CARD_MS
        if self._is_pin_tried:
            raise ModemFault("pin_refused")
        is_absent = state in ("10", "NOT INSERTED", "SIM not inserted")
        raise ModemFault("no_card" if is_absent else "card_busy", state)

    def _unlock(self) -> "Script":
        """Three wrong ones lock a card: after one, by whomever, no other is tried here."""
        if self._pin is None:
            raise ModemFault("pin_needed")
        _, lines = yield 'AT+CPINR="SIM PIN"', 3_000
        left = at.tries(at.value(lines, "+CPINR"))
        if left is None:  # ask the card itself: VERIFY without a PIN (ETSI TS 102 221, 11.1.9)
            _, lines = yield 'AT+CSIM=10,"0020000100"', 3_000
            left = at.card_tries(at.value(lines, "+CSIM"))
        if left is None or left < _ALL_PIN_TRIES:
            count = "unknown" if left is None else str(left)
            raise ModemFault("pin_refused", "not tried; tries that the card has left: " + count)
        self._is_pin_tried = True
        result, _ = yield 'AT+CPIN="%s"' % self._pin, 20_000
        if result != "OK":
            raise ModemFault("pin_refused", at.cause(result))

    def _network(self) -> "Script":
        self._late = "no_network"
        is_denied = False
        for _ in range(_NETWORK_TRIES):
            _, lines = yield "AT+CSQ", 2_000
            self.signal_dbm = at.signal_dbm(at.value(lines, "+CSQ"))
            states = []
            for name in ("+CEREG", "+CGREG"):  # LTE; 2G and 3G. +CREG tells of calls only
                _, lines = yield "AT" + name + "?", 3_000
                states.append(at.registration(at.value(lines, name)))
                if states[-1] in ("1", "5"):
                    self.is_roaming = states[-1] == "5"
                    _, lines = yield "AT+QLTS=1", 2_000
                    utc_ms = at.utc_ms(at.value(lines, "+QLTS"))
                    self.utc = None if utc_ms is None else (utc_ms, self._now_ms)
                    return
            is_denied = "3" in states
            yield "", _NETWORK_MS
        if is_denied:
            raise ModemFault("denied")
        if self.signal_dbm is None:
            raise ModemFault("no_signal")
        raise ModemFault("no_network", "%d dBm" % self.signal_dbm)

    def _dial(self) -> "Script":
        self._late = "no_carrier"
        for _ in range(2):
            result, _ = yield 'AT+CGDCONT=1,"IP","%s"' % self._apn, 5_000
            if result == "OK":
                break
            yield "AT+CGACT=0,1", 10_000  # one that is active cannot be set
        if result != "OK":
            raise ModemFault("apn_refused", at.cause(result))
        result, _ = yield "ATD*99#", 30_000
        if not result.startswith("CONNECT"):
            raise ModemFault("no_carrier", at.cause(result))
