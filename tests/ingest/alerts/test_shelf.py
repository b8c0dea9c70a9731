"""What the rules of stock see in the book of a site's item."""

from ingest.alerts.shelf import Facts, seen
from ingest.stock.board import Line
from ingest.stock.days import DAY_MS
from tests.ingest.made import NOW_MS


def test_what_is_held_without_a_number_lasts_no_day() -> None:
    lines = [
        Line(NOW_MS - 60 * DAY_MS, "", "receive", 100),
        Line(NOW_MS - 3 * DAY_MS, "", "dispense", -80),
        Line(NOW_MS - DAY_MS, "", "dispense", -5),
    ]
    free = Facts(0, is_wanted=True, min=20)
    held = free._replace(held={"": (True, None)})
    found = [seen(lines, [facts], {}, 30, NOW_MS).samples["low_stock", None][-1] for facts in (free, held)]
    assert [sample.numbers["usable"] for sample in found] == [15, 0]
    assert [sample.numbers["days"] == 0 for sample in found] == [False, True]
