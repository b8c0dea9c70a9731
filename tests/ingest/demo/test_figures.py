"""The demo's status line from what the service answers."""

from ingest.demo.figures import figures, line

NOW = "2026-11-21T09:00:10.000Z"
METRICS = """\
# HELP ortoo_rows_stored_total Rows committed.
# TYPE ortoo_rows_stored_total counter
ortoo_rows_stored_total{kind="fix"} 1200.0
ortoo_rows_stored_total{kind="health"} 34.0
ortoo_live_total{outcome="taken"} 99.0
ortoo_live_total{outcome="older"} 7.0
ortoo_other_total{kind="fix"} 9e+06
"""


def unit(connection: str, sampled_at: str | None, **vitals: int) -> dict[str, object]:
    return {"connection": connection, "sampled_at": sampled_at, "vitals": vitals}


def test_figures_count_what_is_online() -> None:
    units = [
        unit("online", "2026-11-21T09:00:09.500Z", outbox_rows=3),
        unit("online", None),
        unit("offline", "2026-11-21T08:00:00.000Z", outbox_rows=900),
    ]
    now = figures(METRICS, {"now": NOW, "units": units})
    assert (now.units, now.online, now.stored_fixes, now.stored_rows) == (3, 2, 1200, 1234)
    assert now.live == 99
    assert (now.lag_s, now.outbox_rows) == (0.5, 3)


def test_a_line_says_all_of_it() -> None:
    now = figures(METRICS, {"now": NOW, "units": [unit("online", "2026-11-21T09:00:09.500Z", outbox_rows=3)]})
    said = line(now, 2.25)
    for part in (
        "1/1 units online",
        "2 fixes/s",
        "stored 1,234 (1,200 fixes)",
        "lag 0.5 s",
        "outboxes 3",
    ):
        assert part in said


def test_no_fix_yet_is_no_lag() -> None:
    assert "lag -" in line(figures("", {"now": NOW, "units": [unit("online", None)]}), 0)
