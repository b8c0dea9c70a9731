"""What the page reckons, in node; and that its types hold."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.web.fleet import WEB

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not on PATH")
    return found


def test_logic(node: str, libraries: Path) -> None:
    del libraries  # the modules under test import two of them
    environment = {**os.environ, "TZ": "Asia/Shanghai"}
    command = [node, "--test", str(HERE / "logic.test.mjs")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def test_types(node: str) -> None:
    compiler = WEB / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        pytest.skip("no typescript: run npm ci --ignore-scripts in ingest/web")
    done = subprocess.run(
        [node, str(compiler), "-p", str(WEB)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout
