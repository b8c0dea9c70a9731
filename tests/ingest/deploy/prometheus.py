"""A real Prometheus with the shipped settings."""

import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.fixtures.ports import free_port as find_free_port
from tests.fixtures.programs import ROOT, Program, find_program
from tests.fixtures.waiting import wait_until

SHIPPED = ROOT / "ingest" / "deploy" / "prometheus"


def program(name: str) -> str:
    found = find_program(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install prometheus")
    return str(found)


def promtool(*arguments: str | Path, cwd: Path) -> None:
    answer = subprocess.run(
        [program("promtool"), *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def started_prometheus(folder: Path, service_port: int, programs: list[Program]) -> str:
    """The shipped settings with this port and a pace for a test in them; its address."""
    (folder / "prometheus.yml").write_text((SHIPPED / "prometheus.yml").read_text().replace("15s", "1s"))
    targets = (SHIPPED / "ortoo.targets.yml").read_text().replace("8080", str(service_port))
    (folder / "ortoo.targets.yml").write_text(targets)
    shutil.copy(SHIPPED / "ortoo.rules.yml", folder)
    (folder / "ortoo.key").touch()
    promtool("check", "config", "prometheus.yml", cwd=folder)
    address = f"127.0.0.1:{find_free_port()}"
    command = [program("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
    server = Program([*command, f"--web.listen-address={address}"], folder / "prometheus.log", cwd=folder)
    programs.append(server)
    server.start()

    def is_ready() -> bool:
        try:
            return httpx.get(f"http://{address}/-/ready", timeout=60).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    wait_until(is_ready, 30, what=lambda: f"prometheus: {server.tail()}")
    return f"http://{address}"
