"""Series in buckets equal what the records say, whether rows or summaries answer."""

from typing import Any

import pytest

from ingest.api.shapes import Series
from ingest.history.summary import HOUR_MS, begin_of
from ingest.housekeeper import DAY_MS, Housekeeper
from ingest.ledger import dirty_hours
from tests.ingest.api.parts import NOW_MS, Parts

PATH = "/api/v1/units/van/series"
BEGIN_MS = begin_of(NOW_MS) - 3 * DAY_MS
HOURS = 30


async def asked(parts: Parts, **query: Any) -> dict[str, Any]:
    given = {
        "kind": "power",
        "field": "supply_v",
        "from": str(BEGIN_MS),
        "to": str(BEGIN_MS + HOURS * HOUR_MS),
    }
    async with parts.client() as client:
        answer = await client.get(PATH, params=given | {name: str(value) for name, value in query.items()})
    found: dict[str, Any] = answer.json()
    if answer.status_code == 200:
        Series.model_validate_json(answer.content)
    return found


def write(parts: Parts) -> tuple[list[int], list[int | None]]:
    """A reading each ten minutes for some hours; each seventh without a value."""
    times = [BEGIN_MS + minute * 60_000 for minute in range(0, HOURS * 60, 10)]
    values = [None if at % 7 == 6 else 12_000 + at for at in range(len(times))]
    parts.write("van", "power", times, supply_mv=values)
    mark(parts)
    return times, values


def mark(parts: Parts) -> None:
    dirty_hours.add(parts.writer, parts.history.take_touched())


def tidy(parts: Parts, now_ms: int = NOW_MS + DAY_MS, **keep_days: int) -> None:
    keeper = Housekeeper(parts.writer, parts.history, keep_days, set())
    while keeper.step(now_ms):
        pass


def expected(times: list[int], values: list[int | None], bucket_s: int) -> list[tuple[Any, ...]]:
    found = []
    for begin_ms in sorted({time_ms - time_ms % (bucket_s * 1000) for time_ms in times}):
        inside = [
            value
            for time_ms, value in zip(times, values, strict=True)
            if begin_ms <= time_ms < begin_ms + bucket_s * 1000
        ]
        own = [value for value in inside if value is not None]
        mean = sum(own) / len(own) / 1000 if own else None
        least, most = (min(own) / 1000, max(own) / 1000) if own else (None, None)
        found.append((len(inside), least, most, pytest.approx(mean, rel=1e-3) if own else None))
    return found


def shown(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    (series,) = answer["series"]
    return list(zip(series["records"], series["min"], series["max"], series["mean"], strict=True))


@pytest.mark.parametrize("bucket_s", [60, 1200, 3600, 7200, 86400])
async def test_rows_summaries_and_what_is_left_answer_alike(parts: Parts, bucket_s: int) -> None:
    times, values = write(parts)
    wanted = expected(times, values, bucket_s)
    assert shown(await asked(parts, bucket_s=bucket_s)) == wanted, "before anything is summarised"
    tidy(parts)
    assert shown(await asked(parts, bucket_s=bucket_s)) == wanted
    tidy(parts, BEGIN_MS + DAY_MS + 15 * HOUR_MS, climate=1)
    if bucket_s >= 3600:
        assert shown(await asked(parts, bucket_s=bucket_s)) == wanted, "the first hours' rows have gone"


async def test_where_rows_have_gone_hours_stand_in(parts: Parts) -> None:
    times, values = write(parts)
    parts.write("van", "power", [BEGIN_MS + HOURS * HOUR_MS + 1], supply_mv=1)
    mark(parts)
    tidy(parts, NOW_MS + 10 * DAY_MS, climate=1)
    answer = await asked(parts, bucket_s=600)
    assert shown(answer) == expected(times, values, 3600)
    assert answer["series"][0]["begins_at"][1] == "2026-11-18T10:00:00.000Z"


async def test_a_late_row_is_there_at_once(parts: Parts) -> None:
    write(parts)
    tidy(parts)
    parts.write("van", "power", [BEGIN_MS + 1000], supply_mv=20_000)
    mark(parts)
    assert shown(await asked(parts, bucket_s=3600))[0][2] == 20.0


async def test_hours_torn_by_the_question_count_only_what_is_asked(parts: Parts) -> None:
    times, values = write(parts)
    tidy(parts)
    from_ms, to_ms = BEGIN_MS + 30 * 60_000, BEGIN_MS + 150 * 60_000
    inside = [at for at, time_ms in enumerate(times) if from_ms <= time_ms < to_ms]
    wanted = expected([times[at] for at in inside], [values[at] for at in inside], 3600)
    assert shown(await asked(parts, bucket_s=3600, **{"from": from_ms, "to": to_ms})) == wanted


async def test_each_source_is_a_series_of_its_own(parts: Parts) -> None:
    parts.write("van", "power", [BEGIN_MS], supply_mv=1000)
    parts.write("van", "power", [BEGIN_MS], source="second", supply_mv=2000)
    answer = await asked(parts)
    assert [(one["source"], one["mean"]) for one in answer["series"]] == [("second", [2.0]), ("unit", [1.0])]
    answer = await asked(parts, source="second")
    assert [one["source"] for one in answer["series"]] == ["second"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"field": "supply_mv"}, "unknown_field"),
        ({"field": "is_ignition_on"}, "unknown_field"),
        ({"kind": "fault", "field": "detail"}, "unknown_field"),
        ({"kind": "dream"}, "unknown_kind"),
        ({"bucket_s": 0}, "invalid"),
        ({"bucket_s": 1}, "too_many_buckets"),
        ({"from": "2020-01-01", "to": "2026-01-01", "bucket_s": 86_401}, "range_too_long"),
        ({"source": "A"}, "invalid"),
        ({}, "unknown_unit"),
    ],
)
async def test_what_cannot_be_answered_says_why(parts: Parts, query: dict[str, Any], code: str) -> None:
    assert (await asked(parts, **query))["error"]["code"] == code
