"""The dashboards: every query of every panel, asked of a real InfluxDB and a real Prometheus."""

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from ingest.history import influx_index, influx_setup
from ingest.history.influx import InfluxHistory
from ingest.history.influx_server import Access, InfluxServer
from ingest.ledger.files import open_store
from tests.fixtures.influx_proxy import Proxy
from tests.fixtures.influxd import Influxd
from tests.fixtures.programs import ROOT, Program
from tests.ingest.deploy.prometheus import started_prometheus
from tests.ingest.history.chunks import chunks, keep
from tests.ingest.made import NOW_MS, A, batch_of, group

SHIPPED = ROOT / "ingest" / "deploy" / "grafana"
DASHBOARDS = {page.stem: json.loads(page.read_text()) for page in sorted(SHIPPED.glob("dashboards/*.json"))}
PANELS = [(name, panel) for name, page in DASHBOARDS.items() for panel in page["panels"]]
WIDTH = 24


def asked(source: str) -> list[Any]:
    """(panel's title, target) of a data source."""
    return [
        pytest.param(target, id=panel["title"])
        for _, panel in PANELS
        if panel["datasource"]["uid"] == source
        for target in panel["targets"]
    ]


def test_sources_are_provisioned_and_panels_do_not_lie_on_each_other() -> None:
    sources = YAML(typ="safe").load(SHIPPED / "provisioning/datasources/ortoo.yml")["datasources"]
    known = {source["uid"]: source["type"] for source in sources}
    for name, page in DASHBOARDS.items():
        taken: set[tuple[int, int]] = set()
        for panel in page["panels"]:
            assert known[panel["datasource"]["uid"]] == panel["datasource"]["type"]
            assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
            at = panel["gridPos"]
            columns, rows = (range(at[side], at[side] + at[size]) for side, size in ("xw", "yh"))
            cells = set(product(columns, rows))
            assert not cells & taken, (name, panel["title"])
            assert at["x"] + at["w"] <= WIDTH
            taken |= cells
        assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])


@pytest.fixture(scope="module")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    """A real InfluxDB into which the service's own store wrote a row of each kind that is shown."""
    folder = tmp_path_factory.mktemp("telemetry")
    influxd = Influxd(folder)
    influxd.start()
    proxy = Proxy(influxd.port)
    server = InfluxServer(Access(proxy.url, "", "ortoo", "", "", "", 10))
    ledger = open_store(folder / "ledger.sqlite3")
    influx_index.prepare(ledger)
    list(influx_setup.set_up(server, {}))
    write_all(InfluxHistory(server, ledger))
    yield server
    ledger.close()
    server.close()
    proxy.close()
    influxd.stop()


def write_all(history: InfluxHistory) -> None:
    sense = [
        group("health", [1], odometer_m=120_000, outbox_rows=3, outbox_age_s=60),
        group("power", [2], supply_mv=12_400),
        group("climate", [3], "fridge", temperature_cc=480),
    ]
    fault = {"part": "fridge", "code": "silent", "detail": "no temperature for 300 s", "state": 0}
    for groups in ([group("fix", range(1, 4))], sense, [group("fault", [1], **fault)]):
        keep(history, chunks(batch_of(groups, boot=A)))


@pytest.mark.parametrize("target", asked("ortoo-telemetry"))
def test_influxdb_answers_what_the_fleet_dashboard_asks(
    telemetry: InfluxServer, target: dict[str, Any]
) -> None:
    day_ms = 86_400_000
    when = f"time > {NOW_MS - 30 * day_ms}ms and time < {NOW_MS + day_ms}ms"
    query = target["query"].replace("$timeFilter", when).replace("$__interval", "1h")
    assert "$" not in query
    [tables] = telemetry.ask(query, {})
    assert tables, "not a row"
    for word in target.get("alias", "").split():
        assert word.startswith("$tag_")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    programs: list[Program] = []
    yield started_prometheus(tmp_path_factory.mktemp("prometheus"), 9, programs)
    for program in programs:
        program.kill()


@pytest.mark.parametrize("target", asked("ortoo-service"))
def test_prometheus_understands_what_the_health_dashboard_asks(
    prometheus: str, target: dict[str, Any]
) -> None:
    query = target["expr"].replace("$__rate_interval", "1m")
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": query}, timeout=60).json()
    assert answer["status"] == "success", answer
