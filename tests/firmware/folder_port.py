"""A port on CPython, as much of it as a store asks for: its flash is a folder, and its clock is told."""

import os
from pathlib import Path


class FolderPort:
    """`said` has what was logged."""

    def __init__(self, folder: Path, ms: int = 0) -> None:
        self._folder = folder
        self.ms = ms
        self.said: list[str] = []

    def path(self, name: str) -> str:
        return str(self._folder / name)

    def boot(self) -> str:
        return "1" * 16

    def random(self, size: int) -> bytes:
        return os.urandom(size)

    def now_ms(self) -> int:
        return self.ms

    def log(self, text: str) -> None:
        self.said.append(text)
