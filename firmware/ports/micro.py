"""What both boards share of a port: pins and buses by their names on the board, Wi-Fi, time, TLS, watchdog.

Pins come from `firmware/board.py`, which is made from hardware/pinmap.toml. A driver asks by name: a port
knows which pin that is. Flash is the board's own littlefs; rows, certificates and settings.json lie on it.
"""

import asyncio
import gc
import os
import socket
import ssl
import struct
import sys
import time

import machine
import network

from firmware import board
from firmware.clock import Ticks
from firmware.ports import dns
from firmware.update import slots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.ports.port import I2c, Input, OneWire, Output, Reader, Writer
    from firmware.ports.ppp import Ppp

GC_BYTES = 4096  # collected so often, the heap neither fills up with rubbish nor falls into pieces
JOIN_MS, LEAVE_S = 20_000, 0.2
NTP_HOST, NTP_PORT = "pool.ntp.org", 123
ANSWER_LOOKS, ANSWER_LOOK_S, ANSWER_BYTES = 100, 0.02, 512
DNS_TRIES = 3
NO_SUCH_NAME = -2  # as socket.getaddrinfo raises it on a board
BUZZER_HZ, HALF_U16, BUZZER_LOOK_S = 2700, 32768, 0.05
NTP_TO_1970_S = 2_208_988_800
RX_BYTES = 2048  # a Pi may send for 150 ms before somebody reads
SETTINGS = "/settings.json"
TLS_FILES = ("/certs/ca.der", "/certs/node.der", "/certs/node.key.der")


class Micro:
    """`name` is the board's in board.py, `watchdog_ms` at most what its chip can.

    `spare_tx` is a GPIO that a UART may have for a moment which is there to receive alone.
    """

    name = ""
    watchdog_ms = 8000
    spare_tx = -1
    sleeps = False
    resets: "dict[int, str]" = {}

    def __init__(self) -> None:
        self.pins: "dict[str, int]" = board.pins(self.name)
        self._ticks = Ticks(time.ticks_ms, time.ticks_diff)  # type: ignore[arg-type] # a number of its own
        self._boot = os.urandom(8).hex()
        self._watchdog: "machine.WDT | None" = None
        self._buzzer: "machine.PWM | None" = None
        self._hushing: "asyncio.Task[None] | None" = None
        self._quiet_ms = 0  # when it ends
        self._station: "network.WLAN | None" = None
        self._buses: "dict[str, machine.I2C]" = {}
        self._ppp: "Ppp | None" = None

    def begin(self) -> None:
        gc.threshold(GC_BYTES)

    def watch(self) -> None:
        """The watchdog begins here; nothing can stop it again."""
        self._watchdog = machine.WDT(timeout=self.watchdog_ms)

    # --- time, identity, flash --------------------------------------------------------------------------

    def now_ms(self) -> int:
        return self._ticks.now()

    def boot(self) -> str:
        return self._boot

    def random(self, size: int) -> bytes:
        return os.urandom(size)

    def path(self, name: str) -> str:
        return "/" + name

    def log(self, text: str) -> None:
        print(text)  # noqa: T201 - the console of a board

    def log_error(self, error: BaseException) -> None:
        sys.print_exception(error)

    def feed_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.feed()

    def reset(self) -> str:
        """Why this start: one of frame.RESETS."""
        return self.resets.get(machine.reset_cause(), "unknown")

    def confirm(self) -> None:
        """This firmware has reached somebody: it counts, and the keys that it names."""
        trial = slots.load()["trial"]
        if trial:
            from firmware.update import keys  # late: once after an update

            keys.follow(self.path, trial)
        slots.confirm()

    def slots(self) -> "dict[str, Any]":
        return slots.load()

    def restart(self) -> None:
        machine.reset()

    def staged_settings(self) -> "bytes | None":
        """Settings that somebody put on the flash; they are taken once."""
        try:
            with open(SETTINGS, "rb") as file:
                found: bytes = file.read()
        except OSError:
            return None
        return found

    def resume(self, boot: str, since_ms: int) -> None:
        """Go on with a boot that only slept."""
        self._boot = boot
        self._ticks = Ticks(time.ticks_ms, time.ticks_diff, since_ms)  # type: ignore[arg-type]

    def sleep(self, ms: int) -> None:
        """Deep sleep: everything stops, and the next start is another boot."""
        machine.deepsleep(ms)

    # --- pins and buses ---------------------------------------------------------------------------------

    def pin_in(self, signal: str) -> "machine.Pin":
        """An input; resistors outside hold it (hardware/pinmap.toml says why)."""
        return machine.Pin(self.pins[signal], machine.Pin.IN)

    def pin_out(self, signal: str, value: int = 0) -> "machine.Pin":
        return machine.Pin(self.pins[signal], machine.Pin.OUT, value=value)

    def level(self, signal: str) -> int:
        """What stands at a pin, without pulling at it."""
        return machine.Pin(self.pins[signal], machine.Pin.IN).value()

    def millivolts(self, signal: str) -> int:
        """At the far end of the divider before that pin."""
        raw = machine.ADC(machine.Pin(self.pins[signal])).read_u16()
        return raw * 3300 // 65535 * board.DIVIDERS[signal]

    def light(self, is_on: bool) -> None:
        self.pin_out("LED", int(is_on))

    def buzz(self, ms: int) -> None:
        """Sound for so long; returns at once."""
        self._quiet_ms = self.now_ms() + ms
        if self._buzzer is None:
            pin = machine.Pin(self.pins["BUZZER"])
            self._buzzer = machine.PWM(pin, freq=BUZZER_HZ, duty_u16=HALF_U16)
            self._hushing = asyncio.create_task(self._hush())

    async def _hush(self) -> None:
        """A task: an ESP32 has no Timer(-1), and an RP2's ends with its last reference."""
        while self.now_ms() < self._quiet_ms:  # noqa: ASYNC110 - it may be put off
            await asyncio.sleep(BUZZER_LOOK_S)
        if self._buzzer is not None:
            self._buzzer.deinit()
            self._buzzer = None
        self.pin_out("BUZZER")  # an RP2 leaves it at the level that it just had

    def i2c(self, bus: str) -> "I2c":
        """The bus of that name, or of that device."""
        bus = board.DEVICES[bus][0] if bus in board.DEVICES else bus
        if bus not in self._buses:
            _, signals, hertz, controllers = board.BUSES[bus]
            data, clock = [machine.Pin(self.pins[signal]) for signal in signals]
            number = controllers[self.name]
            if number < 0:
                self._buses[bus] = machine.SoftI2C(scl=clock, sda=data, freq=hertz)
            else:
                self._buses[bus] = machine.I2C(number, scl=clock, sda=data, freq=hertz)
        return self._buses[bus]

    def spi(self, bus: str) -> "machine.SPI":
        _, signals, hertz, controllers = board.BUSES[bus]
        sck, miso, mosi = [machine.Pin(self.pins[signal]) for signal in signals]
        return machine.SPI(
            controllers[self.name], baudrate=hertz, polarity=0, phase=0, sck=sck, mosi=mosi, miso=miso
        )

    def uart(self, name: str) -> "machine.UART":
        _, signals, baud, controllers = board.BUSES[name]
        found = {signal[-2:]: machine.Pin(self.pins[signal]) for signal in signals}
        number = controllers[self.name]
        if "TX" not in found:  # it would take one by itself: LINK_TX of an ESP32, BOOKS_RESET of an RP2
            spare = machine.Pin(self.spare_tx)
            uart = machine.UART(number, baudrate=baud, tx=spare, rx=found["RX"], rxbuf=RX_BYTES, timeout=0)
            machine.Pin(self.spare_tx, machine.Pin.IN)
            return uart
        return machine.UART(number, baudrate=baud, tx=found["TX"], rx=found["RX"], rxbuf=RX_BYTES, timeout=0)

    def onewire(self, signal: str) -> "OneWire":
        """The bus on that pin."""
        import onewire

        return onewire.OneWire(machine.Pin(self.pins[signal]))

    def clock_in(self, data: "list[Input]", clock: "Output", pulses: int) -> "list[int]":
        """What several chips say at the pulses of one clock, the first bit highest."""
        found = [0] * len(data)
        for _ in range(pulses):
            state = machine.disable_irq()  # or a pulse might be long enough to switch the chips off
            clock.value(1)
            clock.value(0)
            machine.enable_irq(state)
            for at, pin in enumerate(data):
                found[at] = found[at] << 1 | pin.value()
        return found

    # --- the network ------------------------------------------------------------------------------------

    def has_ppp(self) -> bool:
        """Whether `modem` in the settings is of use here."""
        from firmware.ports import ppp  # late: most nodes have no modem

        return ppp.is_there()

    async def join(self, wifi: "dict[str, Any] | None") -> None:
        """Come onto the network; OSError when there is none."""
        if wifi is None:
            return
        station = self._station = network.WLAN(network.STA_IF)
        if station.isconnected():
            return
        if station.active():  # an ESP32 goes on trying by itself, and refuses another try meanwhile
            station.disconnect()
            await asyncio.sleep(LEAVE_S)
        station.active(True)
        begin = time.ticks_ms()
        try:
            station.connect(wifi["ssid"], wifi.get("password"))
            while not station.isconnected():
                if time.ticks_diff(time.ticks_ms(), begin) > JOIN_MS:
                    raise OSError("no network %s" % wifi["ssid"])
                await asyncio.sleep(0.2)
        finally:  # one that is not waited for any more is not to go on by itself
            if not station.isconnected():
                station.disconnect()

    async def dial(self, modem: "dict[str, Any]") -> None:
        """Come onto the network by a modem on the link's UART, anew each time; ModemFault."""
        if self._ppp is None:
            from firmware.ports.ppp import Ppp  # late: most nodes have no modem

            self._ppp = Ppp(lambda: self.uart("link"), self.now_ms)
        await self._ppp.join(modem)

    async def hang_up(self) -> None:
        """Before a sleep: what was dialled is no longer used."""
        if self._ppp is not None:
            await self._ppp.leave()

    async def evidence(self) -> "tuple[str, int] | None":
        """(source, UTC in ms) by SNTP, else as a modem's network told it, or None; TLS judges by it, too."""
        word, utc_ms = "ntp", await self._asked_ms()
        if utc_ms is None and self._ppp is not None:
            word, utc_ms = "rtc", self._ppp.time()
        if utc_ms is None:
            return None
        since_s = utc_ms // 1000 - (0 if time.gmtime(0)[0] == 1970 else 946_684_800)
        year, month, day, hour, minute, second, weekday = time.gmtime(since_s)[:7]
        machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))
        return word, utc_ms

    async def _asked_ms(self) -> "int | None":
        try:
            address = await self._address(NTP_HOST)
        except OSError:
            return None
        question = b"\x1b" + bytes(39) + self.random(8)
        answer = await self._asked(address, NTP_PORT, question)
        return None if answer is None else sntp_ms(answer, question)

    async def _address(self, host: str) -> str:
        """Of a machine by its name; OSError when nobody knows it."""
        server = network.ipconfig("dns")
        if dns.is_address(host) or ":" in host or host.endswith(".local") or not dns.is_address(server):
            return host  # a local one is asked for by MicroPython itself, over multicast
        for _ in range(DNS_TRIES):
            question = dns.question(host, self.random(2))
            answer = await self._asked(server, dns.PORT, question)
            found = None if answer is None else dns.address(answer, question)
            if found is not None:
                return found
        raise OSError(NO_SUCH_NAME, host)

    async def _asked(self, address: str, port: int, question: bytes) -> "bytes | None":
        """The answer of whom a datagram asked, or None: what waits here is this task alone."""
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            asker.setblocking(False)
            asked = socket.getaddrinfo(address, port)[0][-1]
            asker.sendto(question, asked)
            for _ in range(ANSWER_LOOKS):
                await asyncio.sleep(ANSWER_LOOK_S)
                try:
                    answer, answerer = asker.recvfrom(ANSWER_BYTES)
                except OSError:  # EAGAIN: not yet
                    continue
                if answerer == asked:
                    return bytes(answer)
        except OSError:  # no way to anybody
            pass
        finally:
            asker.close()
        return None

    def certificates(self) -> "tuple[bytes, bytes, bytes]":
        """DER of authority, certificate and key."""
        found = []
        for name in TLS_FILES:
            with open(name, "rb") as file:
                found.append(file.read())
        return found[0], found[1], found[2]

    async def connect(
        self, host: str, port: int, tls: "tuple[bytes, bytes, bytes] | None" = None
    ) -> "tuple[Reader, Writer]":
        """(reader, writer); OSError when nobody is there."""
        address = await self._address(host)
        if tls is None:
            return await asyncio.open_connection(address, port)
        context: "Any" = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=tls[0])
        context.load_cert_chain(tls[1], tls[2])
        return await asyncio.open_connection(address, port, ssl=context, server_hostname=host)


def sntp_ms(answer: bytes, asked: bytes) -> "int | None":
    """UTC in ms of an SNTP answer (RFC 4330) to that question; None for another, or of one without a clock.

    It repeats the time that the question bore: here bytes of chance.
    """
    if len(answer) < 48 or answer[0] & 7 != 4 or not 1 <= answer[1] <= 15 or answer[24:32] != asked[40:48]:
        return None
    seconds, fraction = struct.unpack(">II", answer[40:48])
    if seconds < 0x80000000:
        seconds += 1 << 32  # era 1, from 2036 on
    return (int(seconds) - NTP_TO_1970_S) * 1000 + (int(fraction) * 1000 >> 32)
