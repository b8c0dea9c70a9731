"""Why there is no connection by a modem, and how long to wait for one. Apart, since the chat is not kept."""

LONGEST_MS = 110_000  # of a chat: the watchdog and the time awake on a battery count on it
ADDRESS_MS = 30_000  # the same for PPP after it

# Why there is no connection -> does waiting help.
FAILURES = {
    "no_reply": True,  # power, cable, rate
    "restarts": True,  # it starts anew again and again: its supply is too weak
    "no_card": False,
    "card_busy": True,
    "pin_needed": False,  # the SIM card wants one: set modem.pin, or take it off the card
    "pin_refused": False,  # enter the right PIN in a telephone, then set modem.pin
    "card_locked": False,  # it wants its PUK: unlock it in a telephone
    "denied": False,  # the network does not take this card
    "no_signal": True,  # antenna, place
    "no_network": True,  # a signal, but no network that takes it
    "apn_refused": False,  # the modem does not take modem.apn
    "no_carrier": True,  # the network gave no connection
    "no_address": True,  # PPP came to none: modem.apn, modem.user
    "no_ppp": False,  # this board's MicroPython has none
}


class ModemFault(OSError):
    """No connection by the modem: `code` is one of FAILURES, `detail` what was said."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__("modem: " + code)
        self.code = code
        self.is_waiting_good = FAILURES[code]
        self.detail = detail
