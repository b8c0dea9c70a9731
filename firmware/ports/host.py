"""The unix port of MicroPython as a board: its flash is a file, its broker a socket away.

The flash is a real littlefs on that file, 4 kB erase blocks as on a board, so killing this process at any
moment is what a power cut is, less torn blocks (tests/firmware/flash_judge.py tears them).
"""

import asyncio
import os
import select
import ssl
import time
import vfs

from firmware.clock import Ticks
from firmware.drivers.sht4x import crc8

BLOCK_BYTES = 4096
MOUNT = "/flash"
ERASED = b"\xff" * BLOCK_BYTES


class ImageFlash:
    """A block device on a file: the protocol that littlefs asks of a flash."""

    def __init__(self, path, blocks):
        self._blocks = blocks
        try:
            is_new = os.stat(path)[6] < blocks * BLOCK_BYTES
        except OSError:
            is_new = True
        if is_new:
            with open(path, "wb") as image:
                for _ in range(blocks):
                    image.write(ERASED)
        self._image = open(path, "r+b")

    def readblocks(self, block, into, offset=0):
        self._image.seek(block * BLOCK_BYTES + offset)
        self._image.readinto(into)

    def writeblocks(self, block, data, offset=None):
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        self._image.seek(block * BLOCK_BYTES + offset)
        self._image.write(data)
        self._image.flush()

    def ioctl(self, what, block):
        if what == 4:
            return self._blocks
        if what == 5:
            return BLOCK_BYTES
        if what == 6:
            self._image.seek(block * BLOCK_BYTES)
            self._image.write(ERASED)
        self._image.flush()
        return 0


def mount(path, blocks=256):
    """The image at `path` as /flash, formatted when it is new."""
    flash = ImageFlash(path, blocks)
    try:
        vfs.mount(vfs.VfsLfs2(flash), MOUNT)
    except OSError:
        vfs.VfsLfs2.mkfs(flash)
        vfs.mount(vfs.VfsLfs2(flash), MOUNT)


def tls_context(authority, certificate, key):
    """For a broker with a certificate of `authority` that asks for ours; all are DER, as boards want it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


class SimulatedBus:
    """An I2C bus with SHT4x on it: 0x44 is well, of 0x45 every third answer is damaged."""

    def __init__(self):
        self._reads = 0

    def writeto(self, address, data):
        if address not in (0x44, 0x45):
            raise OSError(5, "EIO")

    def readfrom(self, address, size):
        self._reads += 1
        word = os.urandom(2)
        warmth = bytes((0x66, word[0]))
        damp = bytes((0x70, word[1]))
        check = crc8(warmth) ^ (address == 0x45 and self._reads % 3 == 0)
        return warmth + bytes((check,)) + damp + bytes((crc8(damp),))


class Terminal:
    """A terminal that is read without waiting."""

    def __init__(self, path):
        self._line = open(path, "r+b", 0)
        self._poll = select.poll()
        self._poll.register(self._line, select.POLLIN)

    def any(self):
        return 256 if self._poll.poll(0) else 0

    def read(self, size):
        data = b""
        while len(data) < size and self._poll.poll(0):
            data += self._line.read(1)
        return data

    def write(self, data):
        return self._line.write(data)


class Host:
    """What a board gives to the app. ORTOO_IMAGE names the flash, ORTOO_SETTINGS what is to be staged."""

    name = "host"

    def __init__(self):
        self._boot, since_ms = os.urandom(8).hex(), 0
        self._rtc = os.getenv("ORTOO_RTC")  # a file that stands for memory that is kept in a deep sleep
        try:
            with open(self._rtc or "", "r") as file:
                self._boot, woken_ms = file.read().split()
            since_ms = int(woken_ms)
        except OSError:
            pass
        self.ticks = Ticks(time.ticks_ms, time.ticks_diff, since_ms)

    def begin(self):
        """Mount the flash."""
        mount(os.getenv("ORTOO_IMAGE"))

    def now_ms(self):
        return self.ticks.now()

    def boot(self):
        """The id of this start; a deep sleep does not end it where a board keeps memory through it."""
        return self._boot

    def random(self, size):
        return os.urandom(size)

    def path(self, name):
        return MOUNT + "/" + name

    def log(self, text):
        print(text)  # noqa: T201

    def feed_watchdog(self):
        pass

    def staged_settings(self):
        """Settings that were put beside the firmware, or None."""
        path = os.getenv("ORTOO_SETTINGS")
        if not path:
            return None
        with open(path, "rb") as file:
            return file.read()

    def reset(self):
        """Why this start: one of frame.RESETS."""
        return "power"

    def confirm(self):
        """There is one firmware only."""

    def sleep(self, ms):
        """The process ends; the next one is the wake."""
        with open(self._rtc, "w") as file:
            file.write("%s %d" % (self._boot, self.now_ms() + ms))
        raise SystemExit(0)

    def restart(self):
        raise SystemExit(0)

    def light(self, is_on):
        """There is none."""

    def buzz(self, ms):
        self.log("buzz %d" % ms)

    def uart(self, name):
        """A serial line by its name on the board, as machine.UART; here ORTOO_LINK names a terminal."""
        return Terminal(os.getenv("ORTOO_LINK"))

    def i2c(self, bus):
        return SimulatedBus()

    async def join(self, wifi):
        """Come onto the network; OSError when there is none."""

    async def evidence(self):
        """(source, UTC in ms) of the machine's clock, or None."""
        return "ntp", time.time_ns() // 1000000

    def certificates(self):
        """DER of authority, certificate and key."""
        return read_certificates(os.getenv("ORTOO_CERTIFICATES"))

    async def connect(self, host, port, tls=None):
        """(reader, writer); OSError when nobody is there. `tls`: DER of authority, certificate and key."""
        if tls is None:
            return await asyncio.open_connection(host, port)
        return await asyncio.open_connection(host, port, ssl=tls_context(*tls), server_hostname=host)


def read_certificates(folder):
    found = []
    for name in ("ca.der", "node.der", "node.key.der"):
        with open(folder + "/" + name, "rb") as file:
            found.append(file.read())
    return found
