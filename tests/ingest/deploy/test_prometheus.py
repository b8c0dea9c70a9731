"""Prometheus as it is deployed: the shipped rules do what they say, on metrics that the service has."""

import re
import shutil
import subprocess
from pathlib import Path

import httpx

from ingest.metrics import COUNTERS
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.programs import ROOT, Program, module_command
from tests.fixtures.waiting import wait_until
from tests.ingest.deploy.prometheus import SHIPPED, promtool, started_prometheus
from tests.line.whole_line import Service

HERE = Path(__file__).parent
GAUGES = {
    *("broker_connected", "store_writable", "waiting", "lag_seconds", "dropped", "live_dropped", "units"),
    *("alerts_open", "notifications_waiting", "notifications_uncertain", "notifications_dead"),
}


def test_each_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    shutil.copy(SHIPPED / "ortoo.rules.yml", tmp_path / "rules.yml")
    shutil.copy(HERE / "alerts.yml", tmp_path)
    promtool("test", "rules", "alerts.yml", cwd=tmp_path)


def test_each_alert_has_a_test_and_says_what_to_do() -> None:
    rules = (SHIPPED / "ortoo.rules.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert len(alerts) == len(set(alerts)) == rules.count("description:") == rules.count("severity:")
    for metric in set(re.findall(r"ortoo_\w+", rules)):
        assert metric in (HERE / "alerts.yml").read_text(), metric


def test_the_rules_name_metrics_that_there_are() -> None:
    known = {f"ortoo_{name}_total" for name in COUNTERS} | {f"ortoo_{name}" for name in GAUGES}
    for page in ROOT.glob("ingest/deploy/**/*.yml"):
        assert set(re.findall(r"\bortoo_\w+", page.read_text())) <= known, page


def test_prometheus_reads_the_service_with_its_key(
    mosquitto: Mosquitto, free_port: int, tmp_path: Path, programs: list[Program]
) -> None:
    service = Service(tmp_path, mosquitto.host, mosquitto.port, free_port)
    programs.append(service.program)
    config = str(tmp_path / "service.toml")
    key = subprocess.run(
        module_command("ingest", "key", "add", "prometheus", "--config", config),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    (tmp_path / "ortoo.key").write_text(key.stdout.strip())
    service.start()
    service.wait_until_ready()
    assert httpx.get(f"{service.url}/metrics", timeout=60).status_code == httpx.codes.UNAUTHORIZED
    server = started_prometheus(tmp_path, free_port, programs)

    def values(query: str) -> list[str]:
        answer = httpx.get(f"{server}/api/v1/query", params={"query": query}, timeout=60).json()
        return [sample["value"][1] for sample in answer["data"]["result"]]

    wait_until(lambda: values("ortoo_broker_connected") == ["1"], 30, what="a scrape")
    # A busy machine may be late with the scrape that is due now: what counts is the one that was seen.
    assert values('max_over_time(up{job="ortoo"}[1h])') == ["1"]
    for gauge in GAUGES:
        assert values(f"last_over_time(ortoo_{gauge}[1h])"), gauge
