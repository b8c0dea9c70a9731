"""Events, newest first, page by page."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware import wire
from ingest.api.shapes import Events
from ingest.reader import MAX_EVENTS_READ
from tests.ingest.api.parts import NOW_MS, Parts

UNIT = "van"
PATH = f"/api/v1/units/{UNIT}/events"


def fault(parts: Parts, times_ms: list[int], **columns: Any) -> None:
    parts.write(UNIT, "fault", times_ms, part="gnss", code="no_reply", state=0, **columns)


async def pages(parts: Parts, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": limit}
    async with parts.client() as client:
        while True:
            answer = await client.get(PATH, params=query)
            Events.model_validate_json(answer.content)
            page = answer.json()
            found += page["events"]
            if page["before"] is None:
                return found
            query["before"] = page["before"]


async def test_all_kinds_in_words(parts: Parts) -> None:
    fault(parts, [NOW_MS - 4000], detail="time-out")
    parts.write(
        UNIT, "thinned", [NOW_MS - 3000], lane=2, first_seq=1, last_seq=9, count=5, reason=0, bound_m=20
    )
    parts.write(UNIT, "clock_set", [NOW_MS - 2000], step_ms=12, was=3)
    parts.write(UNIT, "answer", [NOW_MS - 1000], command_id="c1", state=0, rows=7)
    answer, clock_set, thinned, one = await pages(parts, 10)
    assert answer["values"] == {"command_id": "c1", "state": "done", "detail": None, "rows": 7}
    assert clock_set["values"] == {"step_ms": 12, "was": "ntp"}
    assert (thinned["values"]["lane"], thinned["values"]["reason"]) == ("track", "quota")
    assert one["values"]["detail"] == "time-out"
    assert (one["kind"], one["source"], one["clock"]) == ("fault", "unit", "gnss")
    assert one["sampled_at"] == "2026-11-21T08:59:56.000Z"


async def test_a_boot_without_time_comes_last_and_has_none(parts: Parts) -> None:
    fault(parts, [NOW_MS])
    fault(parts, [5000], clock=[wire.CLOCKS.index("none")], boot_at_ms=[0])
    assert [one["sampled_at"] is None for one in await pages(parts, 10)] == [False, True]


async def test_a_flood_far_back_is_paged_too(parts: Parts) -> None:
    month_ms = 30 * 86_400_000
    times_ms = [NOW_MS - month_ms + row for row in range(2 * MAX_EVENTS_READ)]
    fault(parts, times_ms)
    async with parts.client() as client:
        page = (await client.get(PATH, params={"limit": 3})).json()
    assert [one["seq"] for one in page["events"]] == [10_000, 9_999, 9_998]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.sampled_from([0, 1, 1000, 86_400_000]), min_size=1, max_size=40),
    limit=st.integers(1, 7),
)
async def test_pages_have_each_event_once(parts: Parts, steps: list[int], limit: int) -> None:
    parts.hear_of(UNIT)
    before = len(await pages(parts, 1000))
    time_ms = NOW_MS - sum(steps)
    for step_ms in steps:
        time_ms += step_ms
        fault(parts, [time_ms])
    found = await pages(parts, limit)
    assert len(found) == before + len(steps)
    assert len({one["seq"] for one in found}) == len(found)
    assert [one["sampled_at"] for one in found] == sorted((one["sampled_at"] for one in found), reverse=True)


async def test_bad_questions(parts: Parts) -> None:
    parts.hear_of(UNIT)
    async with parts.client() as client:
        for query, where in [({"before": "then"}, "query.before"), ({"limit": 0}, "query.limit")]:
            answer = await client.get(PATH, params=query)
            assert (answer.status_code, answer.json()["error"]["where"]) == (422, where)
        assert (await client.get("/api/v1/units/nobody/events")).status_code == 404
