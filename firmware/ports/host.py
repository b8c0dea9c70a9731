"""The unix port of MicroPython as a board: its flash is a file (`image`), its broker a socket away."""

import asyncio
import gc
import os
import select
import ssl
import sys
import time

from firmware.clock import Ticks
from firmware.drivers.sht4x import crc8
from firmware.ports.image import MOUNT, SLOTS, is_there, mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.ports.port import I2c, Input, OneWire, Output, Reader, Spi, Writer

GC_BYTES = 4096  # as on a board


def tls_context(authority: bytes, certificate: bytes, key: bytes) -> "Any":
    """For a broker with a certificate of `authority` that asks for ours; all are DER, as boards want it."""
    context: "Any" = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


class SimulatedBus:
    """An I2C bus with SHT4x on it: 0x44 is well, of 0x45 every third answer is damaged."""

    def __init__(self) -> None:
        self._reads = 0

    def writeto(self, address: int, data: bytes) -> None:
        if address not in (0x44, 0x45):
            raise OSError(5, "EIO")

    def readfrom(self, address: int, size: int) -> bytes:
        self._reads += 1
        word = os.urandom(2)
        warmth = bytes((0x66, word[0]))
        damp = bytes((0x70, word[1]))
        check = crc8(warmth) ^ (address == 0x45 and self._reads % 3 == 0)
        return warmth + bytes((check,)) + damp + bytes((crc8(damp),))

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        raise OSError(5, "EIO")

    def readfrom_mem(self, address: int, register: int, size: int) -> bytes:
        raise OSError(5, "EIO")


class Terminal:
    """A terminal that is read without waiting."""

    def __init__(self, path: str) -> None:
        self._line = open(path, "r+b", 0)
        self._poll = select.poll()
        self._poll.register(self._line, select.POLLIN)

    def any(self) -> int:
        return 256 if self._poll.poll(0) else 0

    def init(self, *, baudrate: int) -> None:
        """A rate means nothing to it."""

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size and self._poll.poll(0):
            data += self._line.read(1)
        return data

    def write(self, data: bytes) -> "int | None":
        taken: "int | None" = self._line.write(data)
        return taken


class Host:
    """What a board gives to the app, from the environment.

    ORTOO_IMAGE names the flash, ORTOO_SETTINGS what is to be staged, ORTOO_RTC a file that stands for memory
    that is kept in a deep sleep, ORTOO_LINK a terminal, ORTOO_CERTIFICATES a folder; ORTOO_WIRED names a
    module with what else is wired to it: a function for each kind of bus and pin, as `spi("books")`.
    """

    name = "host"
    sleeps = True

    def __init__(self) -> None:
        self._boot, since_ms = os.urandom(8).hex(), 0
        self._rtc = os.getenv("ORTOO_RTC") or ""
        try:
            with open(self._rtc, "r") as file:
                self._boot, woken_ms = file.read().split()
            since_ms = int(woken_ms)
        except OSError:
            pass
        self._ticks = Ticks(time.ticks_ms, time.ticks_diff, since_ms)  # type: ignore[arg-type] # as in `micro`

    def begin(self) -> None:
        """Mount the flash."""
        gc.threshold(GC_BYTES)
        if not is_there(MOUNT):  # `start` has done it
            mount(os.getenv("ORTOO_IMAGE") or "")

    def watch(self) -> None:
        """Nobody watches."""

    def now_ms(self) -> int:
        return self._ticks.now()

    def boot(self) -> str:
        return self._boot

    def random(self, size: int) -> bytes:
        return os.urandom(size)

    def path(self, name: str) -> str:
        return MOUNT + "/" + name

    def log(self, text: str) -> None:
        print(text)  # noqa: T201 - the console

    def log_error(self, error: BaseException) -> None:
        sys.print_exception(error)

    def feed_watchdog(self) -> None:
        pass

    def staged_settings(self) -> "bytes | None":
        path = os.getenv("ORTOO_SETTINGS")
        if not path:
            return None
        with open(path, "rb") as file:
            found: bytes = file.read()
        return found

    def reset(self) -> str:
        return "power"

    def confirm(self) -> None:
        if is_there(SLOTS):
            from firmware.update import keys, slots

            trial = slots.load(SLOTS)["trial"]
            if trial:
                keys.follow(self.path, trial)
            slots.confirm(SLOTS)

    def slots(self) -> "dict[str, Any]":
        if not is_there(SLOTS):
            return {"trial": "", "undone": ""}
        from firmware.update import slots

        return slots.load(SLOTS)

    def sleep(self, ms: int) -> None:
        """The process ends; the next one is the wake."""
        with open(self._rtc, "w") as file:
            file.write("%s %d" % (self._boot, self.now_ms() + ms))
        raise SystemExit(0)

    def restart(self) -> None:
        raise SystemExit(0)

    # --- what is wired to it ----------------------------------------------------------------------------

    def _wired(self, kind: str, name: str) -> "Any":
        module = os.getenv("ORTOO_WIRED")
        if not module:
            raise OSError(19, "nothing is wired to " + name)
        return getattr(__import__(module), kind)(name)

    def pin_in(self, signal: str) -> "Input":
        pin: "Input" = self._wired("pin", signal)
        return pin

    def pin_out(self, signal: str, value: int = 0) -> "Output":
        pin: "Output" = self._wired("pin", signal)
        pin.value(value)
        return pin

    def level(self, signal: str) -> int:
        return self.pin_in(signal).value()

    def millivolts(self, signal: str) -> int:
        return int(self._wired("millivolts", signal))

    def light(self, is_on: bool) -> None:
        """There is none."""

    def buzz(self, ms: int) -> None:
        self.log("buzz %d" % ms)

    def uart(self, name: str) -> Terminal:
        return Terminal(os.getenv("ORTOO_LINK") or "")

    def i2c(self, bus: str) -> "I2c":
        return SimulatedBus()

    def spi(self, bus: str) -> "Spi":
        wired: "Spi" = self._wired("spi", bus)
        return wired

    def onewire(self, signal: str) -> "OneWire":
        wired: "OneWire" = self._wired("onewire", signal)
        return wired

    def clock_in(self, data: "list[Input]", clock: "Output", pulses: int) -> "list[int]":
        raise OSError(19, "nothing is clocked here")

    # --- the network ------------------------------------------------------------------------------------

    async def join(self, wifi: "dict[str, Any] | None") -> None:
        """The machine is on it."""

    def has_ppp(self) -> bool:
        """What a modem has dialled is the machine's own network here."""
        return True

    async def dial(self, modem: "dict[str, Any]") -> None:
        """Bring the modem on that terminal online; ModemFault."""
        from firmware.line.modem_line import dial  # late: most nodes have no modem

        await dial(self.uart("link"), modem, self.now_ms)

    async def hang_up(self) -> None:
        """There is nothing to hang up."""

    async def evidence(self) -> "tuple[str, int] | None":
        return "ntp", time.time_ns() // 1000000

    def certificates(self) -> "tuple[bytes, bytes, bytes]":
        folder, found = os.getenv("ORTOO_CERTIFICATES") or "", []
        for name in ("ca.der", "node.der", "node.key.der"):
            with open(folder + "/" + name, "rb") as file:
                found.append(file.read())
        return found[0], found[1], found[2]

    async def connect(
        self, host: str, port: int, tls: "tuple[bytes, bytes, bytes] | None" = None
    ) -> "tuple[Reader, Writer]":
        if tls is None:
            return await asyncio.open_connection(host, port)
        return await asyncio.open_connection(host, port, ssl=tls_context(*tls), server_hostname=host)
