"""What the operator's page says of copies: ledger first, then InfluxDB; put back, nothing is missing."""

import sqlite3
import subprocess
from pathlib import Path

from ingest.history.factory import InfluxHistories
from ingest.history.influx_server import InfluxServer
from ingest.history.influx_setup import kept_days, set_up
from tests.fixtures.influxd import Influxd
from tests.ingest.made import Desk, fixes


def influxd_says(influxd: Influxd, what: str, folder: Path) -> None:
    """Back up to a folder, or restore from it."""
    address = f"{influxd.host}:{influxd.rpc_port}"
    command = [influxd.command[0], what, "-portable", "-host", address, "-db", "ortoo", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ledger_first_then_influxdb(tmp_path: Path, influxd: Influxd, server: InfluxServer) -> None:
    list(set_up(server, {"track": 365}))
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    desk = Desk(tmp_path / "old", histories=InfluxHistories(server))
    desk.send(fixes(range(1, 61)))
    copy = sqlite3.connect(tmp_path / "new" / "store.sqlite3")
    desk.connection.backup(copy)
    copy.close()
    desk.send(fixes(range(61, 121)))  # between the two copies
    influxd_says(influxd, "backup", tmp_path / "copy")
    desk.send(fixes(range(121, 181)))  # lost here, and the units still have them
    desk.connection.close()
    server.ask('DROP DATABASE "ortoo"', {}, is_read=False)
    influxd_says(influxd, "restore", tmp_path / "copy")

    assert kept_days(server)["track"] == 365
    desk = Desk(tmp_path / "new", histories=InfluxHistories(server))
    assert desk.mark(desk.send(fixes(range(1, 61)))) == 60
    assert desk.mark(desk.send(fixes(range(61, 181)))) == 180
    assert desk.seqs() == list(range(1, 181))
    assert desk.refused() == []
    desk.connection.close()
