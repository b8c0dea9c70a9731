"""Taking history out of InfluxDB at the terminal: the same commands, the settings name another store."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.__main__ import app
from ingest.history.factory import InfluxHistories
from ingest.history.influx_server import InfluxServer
from tests.fixtures.influx_proxy import Proxy
from tests.ingest.made import UNIT, Desk, fixes

SETTINGS = """[store]
path = "{path}"
[history]
store = "influx"
[influx]
url = "{url}"
"""


@pytest.fixture
def desk(tmp_path: Path, proxy: Proxy, server: InfluxServer) -> Iterator[Desk]:
    desk = Desk(tmp_path, histories=InfluxHistories(server))
    desk.send(fixes(range(1, 61)))
    desk.send(fixes(range(1, 11)), unit="other-1")
    settings = SETTINGS.format(path=tmp_path / "store.sqlite3", url=proxy.url)
    (tmp_path / "ortoo.toml").write_text(settings)
    yield desk
    desk.connection.close()


def said(desk: Desk, *arguments: str, typed: str = "") -> str:
    config = str(desk.folder / "ortoo.toml")
    done = CliRunner().invoke(app, [*arguments, "--config", config], input=typed)
    assert done.exit_code == 0, done.output
    return done.stdout


def exported(desk: Desk, unit: str) -> list[int]:
    lines = said(desk, "export", "--unit", unit, "--kind", "fix", "--format", "jsonl").splitlines()
    return [json.loads(line)["seq"] for line in lines]


def test_a_unit_is_exported_then_erased_and_the_other_stays(desk: Desk) -> None:
    assert exported(desk, UNIT) == list(range(1, 61))
    said(desk, "erase", UNIT, typed=f"{UNIT}\n")
    assert exported(desk, UNIT) == []
    assert exported(desk, "other-1") == list(range(1, 11))
