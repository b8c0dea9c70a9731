"""What was fetched of a release, on disk: a file for each blob, named by its digest.

A blob grows as `.part` and takes its name only when its digest is right: after a power cut what the card made
of the last bytes shows then, and it is fetched anew. Sizes are bounded by whoever asks: a head by the wire, a
file by its signed manifest.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Shelf:
    """Blobs below a folder, which is made when the first comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def is_whole(self, digest: str) -> bool:
        """Whether all of it is there, and was right."""
        return (self._folder / digest).exists()

    def size(self, digest: str) -> int:
        """How much of a blob that is not whole is there, in bytes."""
        try:
            return self._growing(digest).stat().st_size
        except FileNotFoundError:
            return 0

    def put(self, digest: str, data: bytes, whole_bytes: int) -> bool:
        """Add what follows; False when the blob is complete and wrong: then all of it is gone."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._growing(digest)
        with path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.stat().st_size < whole_bytes:
            return True
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            path.unlink()
            return False
        path.rename(self._folder / digest)
        return True

    def read(self, digest: str, offset: int = 0, most: int = -1) -> bytes:
        """Some of a whole blob; b"" when it is not there. From any thread."""
        try:
            with (self._folder / digest).open("rb") as file:
                file.seek(offset)
                return file.read(most)
        except OSError:
            return b""

    def clear(self) -> None:
        """Everything goes."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _growing(self, digest: str) -> Path:
        return self._folder / f"{digest}.part"
