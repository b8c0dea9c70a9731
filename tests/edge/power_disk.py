"""A disk in memory that forgets what was not synced: SQLite runs on it through an apsw VFS.

Writes and truncations of a file are pending until its sync. `image` gives what a cut of power would leave at
this moment: the synced bytes, and of the pending writes none, all, or any random part, torn at sectors of 512
bytes. What was pending at a sync that is made to fail is never written. `before_call` is told ahead of every
call that changes the disk, so a test can cut at each of them.

Not modelled: lost directory entries, cards that lie about a sync (user-mode Linux and the protocol's model
cover those).
"""

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import apsw

if TYPE_CHECKING:
    from collections.abc import Callable

SECTOR_BYTES = 512


class File:
    """What reads see (`now`), what is safe (`synced`), and what lies between, in order."""

    def __init__(self) -> None:
        self.now = bytearray()
        self.synced = b""
        self.pending: list[tuple[int, bytes | None]] = []  # (offset, data), or (size, None) for a truncation

    def write(self, data: bytes, offset: int) -> None:
        _apply(self.now, offset, data)
        self.pending.append((offset, bytes(data)))

    def truncate(self, size: int) -> None:
        _apply(self.now, size, None)
        self.pending.append((size, None))

    def sync(self) -> None:
        self.synced = self.after_cut(random.Random(0), "all")
        self.pending = []

    def forget(self) -> None:
        """A sync has failed, as on Linux: reads still see what was written, no later sync writes it."""
        self.pending = []

    def after_cut(self, rng: random.Random, survive: Literal["none", "all", "some"]) -> bytes:
        left = bytearray(self.synced)
        for offset, data in self.pending:
            if survive == "all":
                _apply(left, offset, data)
            elif survive == "some":
                _apply_some(left, offset, data, rng)
        return bytes(left)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _apply_some(content: bytearray, offset: int, data: bytes | None, rng: random.Random) -> None:
    if data is None:
        if rng.random() < 0.5:
            _apply(content, offset, None)
        return
    for start in range(0, len(data), SECTOR_BYTES):
        if rng.random() < 0.5:
            _apply(content, offset + start, data[start : start + SECTOR_BYTES])


class PowerDisk(apsw.VFS):
    """Register under `name`, then open with apsw.Connection(path, vfs=name)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.files: dict[str, File] = {}
        self.calls = 0
        self.syncs = 0
        self.injected = 0
        self.written_bytes = 0
        self.before_call: Callable[[str], None] = lambda _what: None
        self.failing: Callable[[str], type[apsw.Error] | None] = lambda _what: None
        super().__init__(name, "")

    def changed(self, what: str) -> None:
        self.calls += 1
        self.before_call(what)
        error = self.failing(what)
        if error is not None:
            self.injected += 1
            raise error(f"injected at {what}")

    def image(self, folder: Path, rng: random.Random, survive: Literal["none", "all", "some"]) -> None:
        """Write the files as a cut of power would leave them."""
        for old in folder.iterdir():
            old.unlink(missing_ok=True)
        for name, file in self.files.items():
            (folder / Path(name).name).write_bytes(file.after_cut(rng, survive))

    def load(self, folder: Path, mount: str) -> None:
        """Begin with the files of an image, all synced."""
        for path in folder.iterdir():
            if path.name.endswith("-shm"):
                continue
            file = self.files[f"{mount}/{path.name}"] = File()
            file.write(path.read_bytes(), 0)
            file.sync()

    def xOpen(self, name: Any, flags: list[int]) -> "OpenFile":
        path = name.filename() if hasattr(name, "filename") else str(name)
        flags[1] = flags[0]
        return OpenFile(self, path, self.files.setdefault(path, File()))

    def xAccess(self, pathname: str, flags: int) -> bool:
        return pathname in self.files

    def xFullPathname(self, name: str) -> str:
        return name

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.changed("delete")
        self.files.pop(filename, None)


class OpenFile:
    """The part of apsw.VFSFile that SQLite uses in exclusive locking mode."""

    def __init__(self, disk: PowerDisk, path: str, file: File) -> None:
        self._disk = disk
        self._path = path
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._file.now[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.changed("write")
        self._disk.written_bytes += len(data)
        self._file.write(data, offset)

    def xTruncate(self, size: int) -> None:
        self._disk.changed("truncate")
        self._file.truncate(size)

    def xSync(self, flags: int) -> None:
        try:
            self._disk.changed("sync")
        except apsw.Error:
            self._file.forget()
            raise
        self._disk.syncs += 1
        self._file.sync()

    def xFileSize(self) -> int:
        return len(self._file.now)

    def xClose(self) -> None:
        pass

    def xLock(self, level: int) -> None:
        pass

    def xUnlock(self, level: int) -> None:
        pass

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR_BYTES

    def xDeviceCharacteristics(self) -> int:
        return 0
