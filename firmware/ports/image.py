"""A flash of the host: a real littlefs on a file, 4 kB erase blocks as on a board.

So killing the process at any moment is what a power cut is, less torn blocks (tests/firmware/flash_judge.py
tears them).
"""

import os
import vfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BLOCK_BYTES = 4096
MOUNT = "/flash"
SLOTS = MOUNT + "/slots.json"
ERASED = b"\xff" * 256


class ImageFlash:
    """A block device on a file: the protocol that littlefs asks of a flash."""

    def __init__(self, path: str, blocks: int) -> None:
        self._blocks = blocks
        try:
            is_new = os.stat(path)[6] < blocks * BLOCK_BYTES
        except OSError:
            is_new = True
        if is_new:
            with open(path, "wb") as image:
                for _ in range(blocks * BLOCK_BYTES // len(ERASED)):
                    image.write(ERASED)
        self._image = open(path, "r+b")

    def readblocks(self, block: int, into: bytearray, offset: int = 0) -> None:
        self._image.seek(block * BLOCK_BYTES + offset)
        self._image.readinto(into)

    def writeblocks(self, block: int, data: bytes, offset: "int | None" = None) -> None:
        if offset is None:
            self.ioctl(6, block)
            offset = 0
        self._image.seek(block * BLOCK_BYTES + offset)
        self._image.write(data)
        self._image.flush()

    def ioctl(self, what: int, block: int) -> int:
        if what == 4:
            return self._blocks
        if what == 5:
            return BLOCK_BYTES
        if what == 6:
            self._image.seek(block * BLOCK_BYTES)
            for _ in range(BLOCK_BYTES // len(ERASED)):
                self._image.write(ERASED)
        self._image.flush()
        return 0


def mount(path: str, blocks: int = 256) -> None:
    """The image at `path` as /flash, formatted when it is new."""
    flash: "Any" = ImageFlash(path, blocks)
    littlefs: "Any" = vfs.VfsLfs2  # the stubs take it for an abstract class
    try:
        vfs.mount(littlefs(flash), MOUNT)
    except OSError:
        littlefs.mkfs(flash)
        vfs.mount(littlefs(flash), MOUNT)


def is_there(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True
