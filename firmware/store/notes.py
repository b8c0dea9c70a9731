"""What a node must remember: a few values by name, in files that are appended to and removed.

    file    n and a number; entries as in `ring`, each {"name": value} as JSON, the later one counts
    first   an entry that holds all names: a file without it is none

When a file has grown, a new one is begun with all that is known, in one append; then the old one is removed.
Whatever is cut, the newest file that has its first entry holds everything that `put` returned for.
"""

import json

from firmware.store import ring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.store.ring import Files

_FILE_BYTES = 4096  # a flash's erase block


class Notes:
    """`values` by name, as JSON knows them; change them by `put` alone."""

    def __init__(self, files: "Files", file_bytes: int = _FILE_BYTES) -> None:
        self._files = files
        self._file_bytes = file_bytes
        self._number = 0
        self._size = file_bytes
        self.values: "dict[str, Any]" = {}
        names = [name for name in files.names() if name[:1] == "n"]
        for name in reversed(names):
            if not self._number and self._load(name):
                self._number = int(name[1:], 16)
            else:
                files.remove(name)

    def _load(self, name: str) -> bool:
        data = self._files.read(name)
        found = list(ring.entries(data))
        for text in found:
            self.values.update(json.loads(text))
        whole = sum([len(ring.entry(text)) for text in found])
        self._size = (
            len(data) if whole == len(data) else self._file_bytes
        )  # behind a torn end nothing is read
        return bool(found)

    def get(self, name: str, otherwise: "Any" = None) -> "Any":
        return self.values.get(name, otherwise)

    def put(self, values: "dict[str, Any]") -> None:
        """Safe when this returns; OSError: nothing is claimed, and nothing has changed."""
        data = ring.entry(json.dumps(values).encode())
        is_fresh = self._size + len(data) > self._file_bytes
        known = dict(self.values)
        known.update(values)
        if is_fresh:
            data = ring.entry(json.dumps(known).encode())
        self._number += is_fresh
        try:
            self._files.append(self._name(self._number), data)
        except OSError:
            self._size = self._file_bytes  # its end may be torn: the next one goes to a new file
            raise
        self.values = known
        self._size = len(data) if is_fresh else self._size + len(data)
        if is_fresh:
            self._remove_older()

    def _remove_older(self) -> None:
        for name in self._files.names():
            if name[:1] == "n" and name < self._name(self._number):
                self._files.remove(name)

    def _name(self, number: int) -> str:
        return "n%015x" % number
