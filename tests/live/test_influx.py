"""What every history owes, on the server that the environment names."""

from ingest.history.influx_server import InfluxServer
from ingest.history.influx_setup import kept_days, set_up
from tests.ingest.history.test_both import test_both_stores_read_the_same  # noqa: F401
from tests.ingest.history.test_suite import *  # noqa: F403
from tests.ingest.history.test_summaries import *  # noqa: F403


def test_setting_up_again_changes_nothing(server: InfluxServer) -> None:
    said = list(set_up(server, {}))
    assert [line for line in said[1:] if ": there" not in line] == []
    assert set(kept_days(server).values()) <= {0}
