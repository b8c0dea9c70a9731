"""The unix port of MicroPython as a board: its flash is a file, its broker a socket away.

The flash is a real littlefs on that file, 4 kB erase blocks as on a board, so killing this process at any
moment is what a power cut is, less torn blocks (tests/firmware/flash.py tears them).
"""

import asyncio
import os
import ssl
import time
import vfs

from firmware.clock import Ticks

BLOCK_BYTES = 4096
MOUNT = "/flash"


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
                    image.write(b"\xff" * BLOCK_BYTES)
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
            self._image.write(b"\xff" * BLOCK_BYTES)
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


class Host:
    """What a board gives to the app."""

    name = "host"

    def __init__(self):
        self.ticks = Ticks(time.ticks_ms, time.ticks_diff)

    def now_ms(self):
        return self.ticks.now()

    def random(self, size):
        return os.urandom(size)

    def evidence(self):
        """(source, UTC in ms) of the machine's clock."""
        return "ntp", time.time_ns() // 1000000

    async def connect(self, host, port, tls=None):
        """(reader, writer); OSError when nobody is there. `tls`: DER of authority, certificate and key."""
        if tls is None:
            return await asyncio.open_connection(host, port)
        return await asyncio.open_connection(host, port, ssl=tls_context(*tls), server_hostname=host)
