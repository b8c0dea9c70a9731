"""What a board gives to the app and its drivers: types alone, no board carries this file.

esp32, rp2 and host all are a `Port`: `main.port_of` says so, and `./dev check` proves it with the stubs of
both boards. Parameters that drivers give by position have no name here, as the boards' own have none.
"""

from typing import Any, Protocol

class Input(Protocol):
    def value(self) -> int: ...

class Output(Protocol):
    def value(self, level: Any, /) -> object: ...

class I2c(Protocol):
    """OSError when nothing answers at that address."""

    def writeto(self, address: int, data: bytes, /) -> object: ...
    def readfrom(self, address: int, size: int, /) -> bytes: ...
    def writeto_mem(self, address: int, register: int, data: bytes, /) -> object: ...
    def readfrom_mem(self, address: int, register: int, size: int, /) -> bytes: ...

class Spi(Protocol):
    def write(self, data: bytes, /) -> object: ...
    def readinto(self, into: bytearray, sent: int, /) -> object: ...

class Uart(Protocol):
    """`any` tells how much waits; `write` how much it took."""

    def any(self) -> int: ...
    def read(self, size: int, /) -> bytes | None: ...
    def write(self, data: bytes, /) -> int | None: ...

class ModemUart(Uart, Protocol):
    """One whose rate can be changed."""

    def init(self, *, baudrate: int) -> object: ...

class OneWire(Protocol):
    """`reset(True)` raises what is no OSError when nobody is there."""

    def scan(self) -> list[bytearray]: ...
    def reset(self, required: bool = False, /) -> object: ...
    def select_rom(self, rom: bytes, /) -> object: ...
    def writebyte(self, value: int, /) -> object: ...
    def readinto(self, into: bytearray, /) -> object: ...

class Reader(Protocol):
    async def read(self, size: int, /) -> bytes: ...

class Writer(Protocol):
    def write(self, data: bytes, /) -> object: ...
    async def drain(self) -> object: ...
    def close(self) -> object: ...
    async def wait_closed(self) -> object: ...

class Port(Protocol):
    """One board, by its name in board.py. `sleeps`: whether its boot goes on through a deep sleep."""

    @property
    def name(self) -> str: ...
    @property
    def sleeps(self) -> bool: ...
    def begin(self) -> None:
        """What must be first."""
    def watch(self) -> None:
        """Start the watchdog: from here on it is to be fed, and nothing can stop it."""

    # time, identity, flash
    def now_ms(self) -> int:
        """Since this boot, sleeps included."""
    def boot(self) -> str:
        """The id of this boot; a deep sleep does not end it where memory is kept through it."""
    def random(self, size: int) -> bytes: ...
    def path(self, name: str) -> str:
        """Where a folder of that name lies on the flash."""
    def log(self, text: str) -> None: ...
    def log_error(self, error: BaseException) -> None:
        """With its traceback."""
    def feed_watchdog(self) -> None: ...
    def reset(self) -> str:
        """Why this start: one of frame.RESETS."""
    def confirm(self) -> None:
        """This firmware has reached somebody: it counts."""
    def slots(self) -> dict[str, Any]:
        """`trial` and `undone` of slots.py: whether this firmware is on trial, and what was taken back."""
    def restart(self) -> None: ...
    def sleep(self, ms: int) -> None:
        """Deep sleep: what runs ends here, and the next start goes on with this boot."""
    def staged_settings(self) -> bytes | None:
        """Settings that somebody put beside the firmware, or None."""
    # pins and buses, by their names in board.py
    def pin_in(self, signal: str) -> Input: ...
    def pin_out(self, signal: str, value: int = 0) -> Output: ...
    def level(self, signal: str) -> int:
        """What stands at a pin, without pulling at it."""
    def millivolts(self, signal: str) -> int:
        """At the far end of the divider before that pin."""
    def i2c(self, bus: str) -> I2c: ...
    def spi(self, bus: str) -> Spi: ...
    def uart(self, name: str) -> Uart: ...
    def onewire(self, signal: str) -> OneWire: ...
    def clock_in(self, data: list[Input], clock: Output, pulses: int) -> list[int]:
        """What several chips say at the pulses of one clock, the first bit highest."""
    def light(self, is_on: bool) -> None: ...
    def buzz(self, ms: int) -> None:
        """Sound for so long; returns at once."""
    # the network of a node that stands alone
    def has_ppp(self) -> bool:
        """Whether `modem` in the settings is of use here."""
    async def join(self, wifi: dict[str, Any] | None) -> None:
        """Come onto the network; OSError when there is none."""
    async def dial(self, modem: dict[str, Any]) -> None:
        """Come onto the network by a modem, anew each time; ModemFault."""
    async def hang_up(self) -> None:
        """Before a sleep: what was dialled is no longer used."""
    async def evidence(self) -> tuple[str, int] | None:
        """(source, UTC in ms) of the network's time, or None."""
    def certificates(self) -> tuple[bytes, bytes, bytes]:
        """DER of authority, certificate and key; OSError when they are not there."""
    async def connect(
        self, host: str, port: int, tls: tuple[bytes, bytes, bytes] | None = None
    ) -> tuple[Reader, Writer]:
        """A stream to the broker, over TLS with these certificates; OSError when nobody is there."""
