"""A folder of the flash: names, and bytes that are safe when the call returns.

littlefs commits a file when it is closed, so each append is open, write, close. A file is only ever appended
to or removed, never rewritten in place.
"""

import os


class Folder:
    """`path` is made when it is not there."""

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            os.stat(path)
        except OSError:
            os.mkdir(path)

    def names(self) -> "list[str]":
        return sorted(os.listdir(self._path))

    def read(self, name: str) -> bytes:
        """The whole file; OSError when it is not there."""
        with open(self._path + "/" + name, "rb") as file:
            data: bytes = file.read()
        return data

    def append(self, name: str, data: bytes) -> None:
        """Safe when this returns; OSError: perhaps nothing, perhaps all of it is written."""
        with open(self._path + "/" + name, "ab") as file:
            file.write(data)

    def remove(self, name: str) -> None:
        os.remove(self._path + "/" + name)
