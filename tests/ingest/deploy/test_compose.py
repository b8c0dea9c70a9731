"""The containers as far as they can be tried without an engine: the schema, and all that they name."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ingest import config
from tests.fixtures.programs import ROOT

SHIPPED = ROOT / "ingest" / "deploy"
ONE_SHOT = {"influxdb-init"}


@cache
def composed() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(SHIPPED / "compose.yaml")
    return loaded


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What prepare.sh made."""
    folder = tmp_path_factory.mktemp("county") / "secrets"
    prepare(folder, "telemetry.example", "192.0.2.7")
    return folder


def prepare(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SHIPPED / "prepare.sh", *names],
        env={**os.environ, "ORTOO_SECRETS": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_a_compose_file() -> None:
    checked = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    answer = subprocess.run([*checked, SHIPPED / "compose.yaml"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_whatever_is_mounted_is_shipped_or_prepared(secrets: Path) -> None:
    sources = [file["file"] for file in composed()["secrets"].values()]
    for service in composed()["services"].values():
        mounted = [volume.split(":")[0] for volume in service.get("volumes", [])]
        sources += [source for source in mounted if source.startswith("./")]
        assert {source for source in mounted if not source.startswith("./")} <= set(composed()["volumes"])
        names = [one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])]
        assert set(names) <= set(composed()["secrets"])
    for source in sources:
        _, first, *rest = source.split("/")
        path = secrets.joinpath(*rest) if first == "secrets" else SHIPPED.joinpath(first, *rest)
        assert path.exists(), source


def test_what_runs_on_is_watched_and_may_do_little() -> None:
    for name, service in composed()["services"].items():
        assert ":latest" not in service["image"], name
        assert ":" in service["image"] or "build" in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if "profiles" not in service and name not in ONE_SHOT:
            assert "healthcheck" in service, name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:") or name == "broker", port


def test_secrets_are_made_once_and_lie_in_a_folder_that_only_their_owner_enters(secrets: Path) -> None:
    before = {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()}
    assert prepare(secrets, "other.example").returncode == 0
    assert {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()} == before
    assert secrets.stat().st_mode & 0o077 == 0
    assert (secrets / "authority" / "ca.key").stat().st_mode & 0o077 == 0
    assert len((secrets / "influx-token").read_text().strip()) == 48


def test_without_a_name_nothing_is_made(tmp_path: Path) -> None:
    answer = prepare(tmp_path / "secrets")
    assert answer.returncode == 2
    assert "by which name" in answer.stderr
    assert not (tmp_path / "secrets").exists()


def test_the_services_settings_are_good_and_name_what_is_mounted() -> None:
    settings = config.load(SHIPPED / "service.toml")
    service = composed()["services"]["service"]
    given = {f"/run/secrets/{name}" for name in service["secrets"]}
    broker = settings.broker
    named = {broker.ca_file, broker.certificate_file, broker.key_file, settings.influx.token_file}
    assert named == given
    assert Path(settings.store.path).parent.as_posix() in {
        volume.split(":")[1] for volume in service["volumes"]
    }
    assert str(settings.http.port) in service["ports"][0]


def test_dashboards_are_where_grafana_is_told() -> None:
    mounts = [volume.split(":") for volume in composed()["services"]["grafana"]["volumes"]]
    inside = {target: SHIPPED / source for source, target, *_ in mounts if source.startswith("./")}
    provider = YAML(typ="safe").load(SHIPPED / "grafana/provisioning/dashboards/ortoo.yml")["providers"][0]
    pages = inside[provider["options"]["path"]].glob("*.json")
    assert {json.loads(page.read_text())["uid"] for page in pages} == {"ortoo-fleet", "ortoo-ingest"}
