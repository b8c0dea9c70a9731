"""A second engine: MicroPython 1.27 in WebAssembly, whose objects have a board's 32 bits.

It has come with what the page is checked by (ingest/web/package-lock.json, by hash).
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.firmware import fuzz_judge, parity_judge, sizes
from tests.fixtures.programs import ROOT, find_program
from tests.micropython import MicroPython

ENGINE = ROOT / "ingest/web/node_modules/@micropython/micropython-webassembly-pyscript/micropython.mjs"
SEEDS = {parity_judge: 40, fuzz_judge: 5}
# A board's heap as a share of the one that sizes.json has, of a 64-bit machine: README.md says 0.71.
LEAST_SHARE, MOST_SHARE = 0.69, 0.73


class Wasm:
    """Functions of judges on that engine."""

    def __init__(self, node: Path, library: Path) -> None:
        self._command = [node, ROOT / "tests/firmware/wasm.mjs", ENGINE, library]

    def call(self, function: str, argument: Any) -> tuple[Any, int]:
        """(result, heap in use after it); AssertionError with the engine's traceback."""
        given = json.dumps(argument)
        done = subprocess.run(
            [*self._command, function], input=given, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        result, heap_bytes = json.loads(done.stdout)
        return result, heap_bytes


@pytest.fixture(scope="module")
def wasm(board: MicroPython) -> Wasm:
    node = find_program("node")
    if node is None or not ENGINE.exists():
        pytest.skip("no second engine: ./dev test brings it with the page's packages")
    return Wasm(node, board.library)


@pytest.mark.parametrize("judge", SEEDS, ids=lambda judge: judge.__name__.rpartition(".")[2])
def test_the_same_comes_out_with_32_bits(wasm: Wasm, judge: Any) -> None:
    seeds = list(range(1, SEEDS[judge] + 1))
    name = judge.__name__.rpartition(".")[2]
    assert wasm.call(f"{name}.judged", seeds)[0] == json.loads(json.dumps(judge.judged(seeds)))


@pytest.mark.parametrize("name", sizes.LOADED)
def test_a_boards_heap_is_the_share_that_is_said(wasm: Wasm, board: MicroPython, name: str) -> None:
    modules = list(sizes.LOADED[name])
    _, found = wasm.call("heap_judge.after", modules)
    here = board.call("heap_judge.after", modules).result
    print(f"{name}: {found} bytes with 32 bits, {here} with 64: {found / here:.2f}")
    assert LEAST_SHARE < found / here < MOST_SHARE
