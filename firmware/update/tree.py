"""A folder of the flash with folders in it, as a whole firmware lies in one. Paths are relative to it.

As in `folder`: what was appended is safe when the call returns, and nothing is rewritten in place.
"""

import hashlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_READ_BYTES = 512
_FOLDER = 0x4000  # of the mode that os.stat tells


class Tree:
    """`root` need not be there: it is made with its first file."""

    def __init__(self, root: str) -> None:
        self._root = root

    def size(self, path: str) -> "int | None":
        """Bytes of a file; None when it is not there."""
        try:
            size: int = os.stat(self._root + "/" + path)[6]
        except OSError:
            return None
        return size

    def read(self, path: str, offset: int, size: int) -> bytes:
        """At most so many bytes of a file; OSError when it is not there."""
        with open(self._root + "/" + path, "rb") as file:
            file.seek(offset)
            data: bytes = file.read(size)
        return data

    def digest(self, path: str) -> bytes:
        """SHA-256 of a file, read bit by bit."""
        found: "Any" = hashlib.sha256()
        with open(self._root + "/" + path, "rb") as file:
            piece = file.read(_READ_BYTES)
            while piece:
                found.update(piece)
                piece = file.read(_READ_BYTES)
        digest: bytes = found.digest()
        return digest

    def append(self, path: str, data: "bytes | bytearray") -> None:
        """Safe when this returns; OSError: perhaps nothing, perhaps all of it is written."""
        whole = self._root + "/" + path
        at = whole.find("/", len(self._root))
        while at > 0:
            try:
                os.stat(whole[:at])
            except OSError:
                os.mkdir(whole[:at])
            at = whole.find("/", at + 1)
        with open(whole, "ab") as file:
            file.write(data)

    def remove(self, path: str) -> None:
        os.remove(self._root + "/" + path)

    def remove_some(self, most: int) -> bool:
        """Remove so many files and folders at most; False once nothing is left to be removed."""
        for _ in range(most):
            if not _remove_one(self._root):
                return False
        return True

    def free_bytes(self) -> int:
        """What its flash has left."""
        found = os.statvfs(self._root or "/")
        free: int = found[0] * found[3]
        return free


def _remove_one(path: str) -> bool:
    try:
        names = os.listdir(path)
    except OSError:
        return False
    for name in sorted(names):
        inner = path + "/" + name
        if os.stat(inner)[0] & _FOLDER:
            return _remove_one(inner)
        os.remove(inner)
        return True
    os.rmdir(path)
    return True
