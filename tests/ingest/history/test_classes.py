"""Classes of retention: every kind has one, and settings and classes agree."""

from firmware import wire
from ingest.config import HistorySettings
from ingest.history.classes import CLASSES, LONG, OF_ROWS, class_of, kinds_of
from tests.ingest.made import NONE, RTC


def test_every_kind_has_a_class_with_a_setting() -> None:
    assert {class_of(kind) for kind in wire.KINDS} <= set(OF_ROWS)
    assert sorted(kind for name in CLASSES for kind in kinds_of(name)) == sorted(wire.KINDS)
    assert set(HistorySettings().keep_days()) == set(OF_ROWS)


def test_kinds_lie_where_people_look_for_them() -> None:
    assert class_of("fix") == "track"
    assert class_of("power", RTC) == "climate"
    assert class_of("health") == "health"
    assert class_of("fault") == "event"
    assert kinds_of(LONG) == ()


def test_without_a_time_a_row_is_never_too_old() -> None:
    assert class_of("fix", NONE) == LONG
