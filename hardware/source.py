"""Sources with their lines: whatever is wrong is said as file:line, what, and what would be right.

tomllib tells no line numbers, so in our TOML files every key stands on a line of its own, and the line of a
key is found by reading the text once more.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_TABLE = re.compile(r"^\[\[?([^\]]+)\]\]?")
_KEY = re.compile(r'^("[^"]+"|[\w-]+)\s*=')


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong, and in which line of which file."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class FaultsFound(Exception):
    """The sources contradict themselves or each other: nothing is made until they are corrected."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(set(faults))
        super().__init__("\n".join(map(str, self.faults)))


class TomlSource:
    """A TOML file's content, and the line in which each of its keys stands."""

    def __init__(self, path: Path, name: str) -> None:
        """`name` is how errors call the file. FaultsFound when it is no TOML."""
        self.name = name
        text = path.read_text(encoding="utf-8")
        try:
            self.content: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise FaultsFound([Fault(name, 1, f"no TOML: {error}")]) from None
        self._lines = _lines_of(text)

    def fault(self, key: str, text: str) -> Fault:
        """A fault at the key "table.key", or at its table where there is no such key."""
        while key not in self._lines and "." in key:
            key = key.rpartition(".")[0]
        return Fault(self.name, self._lines.get(key, 1), text)


def _lines_of(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TABLE.match(line):
            table = found[1].replace('"', "")
            lines.setdefault(table, number)
        elif found := _KEY.match(line):
            key = found[1].strip('"')
            lines.setdefault(f"{table}.{key}" if table else key, number)
    return lines
