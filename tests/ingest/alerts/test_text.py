"""What an alert says, in every language."""

from typing import Any

import pytest

from ingest.alerts.text import LANGUAGES, UNKNOWN, said, values_of, worded
from ingest.ledger.alert_list import Listed
from tests.ingest.made import NOW_MS

NOWHERE: dict[str, Any] = dict.fromkeys(Listed.__slots__)


def listed(rule: str, **fields: Any) -> Listed:
    """An alert that has just begun."""
    times = dict.fromkeys(("since_ms", "fired_ms", "found_ms", "seen_ms"), NOW_MS)
    plain = {"number": 1, "rule": rule, "state": "firing", "source": "door", "numbers": {}, "item_names": {}}
    return Listed(**(NOWHERE | times | plain | fields))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_time_of_day_is_never_told_without_its_zone(language: str) -> None:
    alert = listed("door_open")
    _, why, _ = worded(alert, language)
    since = said(language, "letter.since", values_of(alert, language))
    assert [text.count("2026-11-21 17:00 UTC+8") for text in (why, since)] == [1, 2]


STOCK = {"usable": 8, "usable_day": 20_778, "min": 10, "on_hand": 8}


@pytest.mark.parametrize("pace", [{}, {"monthly": None, "days": None}, {"monthly": 0.0, "days": None}])
@pytest.mark.parametrize("language", LANGUAGES)
def test_how_long_the_rest_lasts_is_said_or_said_to_be_unknown(language: str, pace: dict[str, Any]) -> None:
    _, why, _ = worded(listed("low_stock", numbers=STOCK | pace), language)
    _, known, _ = worded(listed("low_stock", numbers=STOCK | {"monthly": 31.5, "days": 7}), language)
    assert UNKNOWN not in why
    assert "31.5" in known
    assert known.startswith(why[: why.rindex("8") + 1]), "the same but for how long"
