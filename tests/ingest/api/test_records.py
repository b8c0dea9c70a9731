"""Records of any kind come out whole, in the units of their names, in every format."""

import csv
import io
import json
from typing import Any

import pytest

from firmware import wire
from ingest.api.fields import FIELDS
from ingest.api.formats import NUMBERS
from ingest.api.shapes import Records
from tests.ingest.api.parts import NOW_MS, Parts
from tests.ingest.api.test_track import drive

PATH = "/api/v1/units/van/records"


async def asked(parts: Parts, **query: Any) -> Any:
    async with parts.client() as client:
        return await client.get(PATH, params=query)


def test_the_track_and_the_records_name_a_fix_alike() -> None:
    names = {outside.field.name: (outside.name, outside.per) for outside in FIELDS["fix"]}
    for name, wire_name, per in NUMBERS:
        assert names[wire_name] == (name, per or 1)


def test_every_name_ends_in_a_unit_of_the_outside() -> None:
    for kind, fields in FIELDS.items():
        names = [outside.name for outside in fields]
        assert len(set(names)) == len(names), kind
        assert not [name for name in names if name.endswith(("_e7", "_cc", "_mv", "_dm", "_cm_s", "_ms"))]
    assert [outside.name for outside in FIELDS["climate"]][:2] == ["temperature_c", "humidity_pct"]


async def test_numbers_are_in_the_unit_of_their_name(parts: Parts) -> None:
    parts.write(
        "van", "power", [NOW_MS - 2000, NOW_MS - 1000], supply_mv=[12345, None], is_ignition_on=[1, 0]
    )
    answer = await asked(parts, kind="power")
    Records.model_validate_json(answer.content)
    first, second = answer.json()["records"]
    assert first == {
        "source": "unit",
        "sampled_at": "2026-11-21T08:59:58.000Z",
        "clock": "gnss",
        "seq": 1,
        "supply_v": 12.345,
        "battery_v": None,
        "is_ignition_on": "yes",
        "is_undervolted": None,
    }
    assert (second["supply_v"], second["is_ignition_on"]) == (None, "no")


async def test_all_formats_say_the_same(parts: Parts) -> None:
    parts.write("van", "fix", **drive(50))
    whole = (await asked(parts, kind="fix")).json()["records"]
    lines = (await asked(parts, kind="fix", format="jsonl")).text.splitlines()
    assert [json.loads(line) for line in lines] == [{"unit": "van", "kind": "fix", **row} for row in whole]
    table = await asked(parts, kind="fix", format="csv")
    assert table.headers["content-disposition"] == 'attachment; filename="van-fix-2026-11-21.csv"'
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert rows == [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in whole]


async def test_a_text_is_no_formula_in_a_table_and_whole_in_json(parts: Parts) -> None:
    text = '=HYPERLINK("http://x"),\n"'
    parts.write("van", "fault", [NOW_MS], part="gnss", code="@x", state=0, detail=text)
    (row,) = (await asked(parts, kind="fault", to=str(NOW_MS + 1))).json()["records"]
    assert row["detail"] == text
    (cells,) = csv.DictReader(
        io.StringIO((await asked(parts, kind="fault", to=str(NOW_MS + 1), format="csv")).text)
    )
    assert (cells["detail"], cells["code"]) == ("'" + text, "'@x")


async def test_a_record_without_a_time_says_none(parts: Parts) -> None:
    parts.write("van", "health", [5000], uptime_s=5, clock=wire.CLOCKS.index("none"), boot_at_ms=0)
    answer = await asked(parts, kind="health", **{"from": "1970-01-01", "to": "1970-01-02"})
    (row,) = answer.json()["records"]
    assert (row["sampled_at"], row["clock"], row["uptime_s"]) == (None, "none", 5)


async def test_pages_have_each_record_once(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.reader.PAGE_ROWS", 7)
    times = sorted(NOW_MS - 1000 * (seq // 3) for seq in range(100))
    parts.write("van", "power", times, supply_mv=12000)
    parts.write("van", "power", times[:5], source="second", supply_mv=5000)
    rows = (await asked(parts, kind="power", to=str(NOW_MS + 1))).json()["records"]
    assert sorted(row["seq"] for row in rows) == list(range(1, 106))
    only = (await asked(parts, kind="power", to=str(NOW_MS + 1), source="second")).json()["records"]
    assert [row["source"] for row in only] == ["second"] * 5


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"kind": "dream"}, 422, "unknown_kind"),
        ({"kind": "fix", "source": "A B"}, 422, "invalid"),
        ({"kind": "fix", "format": "xml"}, 422, "invalid"),
        ({"kind": "fix", "from": "2020-01-01"}, 422, "range_too_long"),
        ({}, 422, "invalid"),
        ({"kind": "fix"}, 404, "unknown_unit"),
    ],
)
async def test_what_cannot_be_answered_says_why(
    parts: Parts, query: dict[str, str], status: int, code: str
) -> None:
    answer = await asked(parts, **query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_what_is_long_is_gzipped_for_whoever_takes_it(parts: Parts) -> None:
    parts.write("van", "fix", **drive(500))
    async with parts.client() as client:
        for encoding, is_packed in (("gzip", True), ("identity", False)):
            answer = await client.get(PATH, params={"kind": "fix"}, headers={"Accept-Encoding": encoding})
            assert (answer.headers.get("content-encoding") == "gzip") is is_packed
            assert answer.headers["vary"] == "Accept-Encoding"
            assert len(answer.json()["records"]) == 500
        short = await client.get("/api/v1/units", headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in short.headers
