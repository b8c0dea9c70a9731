"""`ortoo-ingest influx init`: on the real 1.6.7, and against answers in the form of versions 2 and 3."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.__main__ import app
from ingest.config import ConfigError, HistorySettings, InfluxSettings, Settings
from ingest.history import StoreMisset
from ingest.history.factory import InfluxHistories, SqliteHistories, histories
from ingest.history.influx_server import Access, InfluxServer
from ingest.history.influx_setup import kept_days, set_up
from tests.fixtures.influx_proxy import Proxy, Request, Said
from tests.fixtures.influxd import Influxd

DAYS = {"track": 365, "climate": 1095, "health": 90, "event": 0}


def opened(url: str, secret: str = "", username: str = "", org: str = "") -> InfluxServer:
    return InfluxServer(Access(url, org, "county", secret, username, "", 5))


@pytest.fixture
def fresh(influxd: Influxd) -> Iterator[InfluxServer]:
    server = opened(influxd.url)
    server.ask("DROP DATABASE county", {}, is_read=False)
    yield server
    server.close()


def test_version_1_gets_a_database_and_a_policy_per_class(fresh: InfluxServer) -> None:
    said = list(set_up(fresh, DAYS))
    assert said[0].startswith("InfluxDB 1.6.7")
    assert "retention policy track: made, 365 days" in said
    assert "retention policy long: made, for ever" in said
    assert kept_days(fresh) == {**DAYS, "long": 0}


def test_again_changes_only_what_differs(fresh: InfluxServer) -> None:
    list(set_up(fresh, DAYS))
    said = list(set_up(fresh, {**DAYS, "track": 400}))
    changed = "retention policy track: changed from 8760h0m0s, 400 days"
    assert [line for line in said[1:] if ": there" not in line] == [changed]
    assert kept_days(fresh)["track"] == 400


def test_the_command_says_what_it_did(influxd: Influxd, fresh: InfluxServer, tmp_path: Path) -> None:
    del fresh
    path = tmp_path / "ingest.toml"
    path.write_text(f'[influx]\nurl = "{influxd.url}"\ndatabase = "county"\n')
    done = CliRunner().invoke(app, ["influx", "init", "--config", str(path)])
    assert done.exit_code == 0, done.output
    assert "retention policy health: made, 90 days" in done.output
    assert 'not used yet: set [history] store = "influx"' in done.output


def test_the_command_says_that_nobody_answers(tmp_path: Path) -> None:
    path = tmp_path / "ingest.toml"
    path.write_text('[influx]\nurl = "http://127.0.0.1:9"\n')
    done = CliRunner().invoke(app, ["influx", "init", "--config", str(path)])
    assert done.exit_code == 2
    assert "no answer from InfluxDB at http://127.0.0.1:9" in done.output


def test_an_account_is_used_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    influxd = Influxd(tmp_path, ["auth-enabled = true"])
    influxd.start()
    try:
        first = opened(influxd.url)
        first.ask("CREATE USER ortoo WITH PASSWORD 'yes' WITH ALL PRIVILEGES", {}, is_read=False)
        with pytest.raises(StoreMisset, match=r"answers 401.*check influx\.token_file, or username"):
            list(set_up(first, DAYS))
        first.close()
        with_account = opened(influxd.url, "yes", "ortoo")
        list(set_up(with_account, DAYS))
        with_account.close()
        wrong = opened(influxd.url, "no", "ortoo")
        with pytest.raises(StoreMisset, match="authorization failed"):
            kept_days(wrong)
        wrong.close()
    finally:
        influxd.stop()


# --- versions 2 and 3: the documented answers; tests/live asks real servers


class Version2:
    """The routes of version 2 that are used, from a table."""

    def __init__(self) -> None:
        self.buckets: list[dict[str, object]] = []
        self.mappings: list[dict[str, object]] = []

    def __call__(self, request: Request) -> Said:
        if request.path == "/ping":
            return Said(204, b"", {"X-Influxdb-Version": "v2.7.12", "X-Influxdb-Build": "OSS"})
        return Said(200, json.dumps(self._answered(request)).encode())

    def _answered(self, request: Request) -> dict[str, object]:
        body = json.loads(request.body) if request.body else {}
        if request.path == "/api/v2/orgs":
            return {"orgs": [{"id": "07f1", "name": request.query["org"]}]}
        if request.path == "/api/v2/dbrps":
            return self._mapped(request, body)
        if request.method == "POST":
            self.buckets.append({**body, "id": f"b{len(self.buckets)}"})
            return self.buckets[-1]
        if request.method == "PATCH":
            (found,) = [own for own in self.buckets if str(own["id"]) == request.path.rsplit("/", 1)[1]]
            found.update(body)
            return found
        return {"buckets": [own for own in self.buckets if own["name"] == request.query["name"]]}

    def _mapped(self, request: Request, body: dict[str, object]) -> dict[str, object]:
        if request.method == "POST":
            self.mappings.append(body)
            return body
        return {"content": [own for own in self.mappings if own["retention_policy"] == request.query["rp"]]}


def test_version_2_gets_a_bucket_and_a_mapping_per_class(proxy: Proxy) -> None:
    proxy.instead = known = Version2()
    server = opened(proxy.url, "token", org="ortoo")
    said = list(set_up(server, DAYS))
    assert "bucket county/track: made, 365 days" in said
    assert "mapping of database county, policy track: made" in said
    assert known.mappings[0] == {
        "orgID": "07f1",
        "bucketID": "b0",
        "database": "county",
        "retention_policy": "track",
        "default": False,
    }
    assert kept_days(server) == {**DAYS, "long": 0}
    said = list(set_up(server, {**DAYS, "health": 30}))
    changed = "bucket county/health: changed from 90 days, 30 days"
    assert [line for line in said[1:] if not line.endswith("there") and ": there" not in line] == [changed]
    assert (len(known.buckets), len(known.mappings)) == (5, 5)
    known.mappings[0]["bucketID"] = "another"
    with pytest.raises(StoreMisset, match="leads to another bucket"):
        list(set_up(server, DAYS))
    server.close()


def test_version_3_gets_a_database_per_class(proxy: Proxy) -> None:
    made: list[str] = []

    def version_3(request: Request) -> Said:
        if request.path == "/ping":
            return Said(200, b"{}", {"X-Influxdb-Version": "3.1.0", "X-Influxdb-Build": "Core"})
        name = json.loads(request.body)["db"]
        if name in made:
            return Said(409, b'{"error": "attempted to create a resource that already exists"}')
        made.append(name)
        assert len(made) <= 5, "more it does not take"
        return Said(200)

    proxy.instead = version_3
    server = opened(proxy.url, "token")
    assert "database county/track: made, 365 days" in list(set_up(server, DAYS))
    assert "fixed when it was made" in list(set_up(server, DAYS))[1]
    assert len(made) == 5
    server.close()


def test_what_is_no_influxdb_is_named(proxy: Proxy) -> None:
    proxy.instead = lambda _: Said(200, b"hello")
    server = opened(proxy.url)
    with pytest.raises(StoreMisset, match="does not say that it is an InfluxDB"):
        list(set_up(server, DAYS))
    server.close()


# --- what a start refuses


def settings(url: str, days: int = 365, **influx: object) -> Settings:
    return Settings(
        history=HistorySettings(store="influx", track_days=days),
        influx=InfluxSettings.model_validate({"url": url, "database": "county", **influx}),
    )


def test_the_factory_gives_the_store_of_the_settings(influxd: Influxd, fresh: InfluxServer) -> None:
    assert isinstance(histories(Settings()), SqliteHistories)
    list(set_up(fresh, DAYS))
    made = histories(settings(influxd.url))
    assert isinstance(made, InfluxHistories)
    made.close()


def test_a_retention_shorter_than_a_backlog_is_refused(influxd: Influxd, fresh: InfluxServer) -> None:
    with pytest.raises(ConfigError, match=r"history.track_days is 10 days, but .* 30 days old"):
        histories(settings(influxd.url, 10))
    list(set_up(fresh, {**DAYS, "health": 7}))
    with pytest.raises(ConfigError, match=r"retention health of InfluxDB 1.6.7.* is 7 days, but"):
        histories(settings(influxd.url))


def test_a_server_that_is_not_there_yet_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    made = histories(settings("http://127.0.0.1:9"))
    made.close()
    assert "the service starts all the same" in caplog.text


def test_a_secret_file_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match=r"influx.token_file /nowhere: cannot be read"):
        histories(settings("http://127.0.0.1:9", token_file="/nowhere"))
    with pytest.raises(ConfigError, match=r"influx.ca_file /nowhere: cannot be used"):
        histories(settings("http://127.0.0.1:9", ca_file="/nowhere"))


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("canary-7\n")
    caplog.set_level("DEBUG")
    made = histories(settings("http://127.0.0.1:9", token_file=str(tmp_path / "token")))
    made.close()
    assert "canary-7" not in caplog.text
