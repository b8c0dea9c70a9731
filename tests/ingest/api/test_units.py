"""Units as the API shows them."""

from pydantic import TypeAdapter

from firmware import wire
from ingest.api.shapes import Fleet, LiveCollection, LiveUnit, Units, UnitState
from ingest.ledger import marks, units
from tests.ingest.api.parts import EPOCH, GNSS, NOW_MS, Parts


def place(parts: Parts, unit: str) -> None:
    values = dict.fromkeys(wire.KINDS["fix"].by_name) | {"lat_e7": 408_000_000, "lon_e7": -5, "fix_mode": 2}
    parts.hear_of(unit)
    parts.live.apply_fix(unit, NOW_MS, GNSS, values, NOW_MS)


async def test_all_units_known_and_unknown(parts: Parts) -> None:
    place(parts, "van-2")
    parts.hear_of("van-1")
    async with parts.client() as client:
        listed = Units.model_validate_json((await client.get("/api/v1/units")).content)
        fleet = Fleet.model_validate_json((await client.get("/api/v1/live")).content)
    assert [unit.unit for unit in listed.units] == ["van-1", "van-2"]
    assert listed.units == fleet.units
    assert (listed.units[0].lat_deg, listed.units[0].is_registered) == (None, False)
    assert (listed.units[1].lat_deg, listed.units[1].lon_deg) == (40.8, -5e-7)
    assert fleet.stale_after_s == 90


async def test_live_as_geojson_has_no_place_for_who_has_none(parts: Parts) -> None:
    place(parts, "van-2")
    parts.hear_of("van-1")
    async with parts.client() as client:
        answer = await client.get("/api/v1/live", params={"format": "geojson"})
    assert answer.headers["content-type"] == "application/geo+json"
    one, other = TypeAdapter(LiveCollection).validate_json(answer.content).features
    assert one.geometry is None
    assert other.geometry is not None
    assert tuple(other.geometry.coordinates) == (-5e-7, 40.8)


async def test_one_unit_with_what_is_stored_of_it(parts: Parts) -> None:
    place(parts, "van")
    birth = {"conn": 3, "epoch": EPOCH, "boot": "b" * 16, "software": "0.1.0", "state": "online"}
    units.note_birth(parts.writer, "van", birth)
    marks.move(parts.writer, [("van", EPOCH, "track", 42, 40, 2, NOW_MS)])
    marks.add_gap(parts.writer, marks.Gap("van", EPOCH, "track", 7, 8, 2, NOW_MS))
    async with parts.client() as client:
        state = UnitState.model_validate_json((await client.get("/api/v1/units/van")).content)
    assert (state.software, state.epoch, state.first_seen_at) == ("0.1.0", EPOCH, "2026-11-21T09:00:00.000Z")
    (lane,) = state.lanes
    assert (lane.lane, lane.mark, lane.stored, lane.gone) == ("track", 42, 40, 2)
    assert [(gap.first_seq, gap.last_seq) for gap in state.gaps] == [(7, 8)]


async def test_a_person_names_a_unit(parts: Parts) -> None:
    parts.hear_of("van")
    said = {"name": "流动图书车 1", "capabilities": ["library", "health", "library"]}
    async with parts.client() as client:
        answer = await client.patch("/api/v1/units/van", json=said)
        unit = LiveUnit.model_validate_json(answer.content)
        assert (unit.name, unit.capabilities) == ("流动图书车 1", ["health", "library"])
        assert unit.is_registered
        assert (await client.get("/api/v1/units/van")).json()["name"] == "流动图书车 1"


async def test_what_cannot_be_said_of_a_unit(parts: Parts) -> None:
    parts.hear_of("van")
    async with parts.client() as client:
        for said, where in [
            ({"name": "a\nb"}, "body.name"),
            ({"name": "流" * 30}, "body.name"),
            ({"capabilities": ["Library!"]}, "body.capabilities.0"),
            ({"capabilities": ["a"] * 17}, "body.capabilities"),
            ({"nmae": "x"}, "body.nmae"),
            ([], "body"),
        ]:
            answer = await client.patch("/api/v1/units/van", json=said)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["where"]) == (422, "invalid", where)
        for text in (b"{", b"\xff", b'{"name": "\\ud800"}', b"[" * 10_000, b""):
            answer = await client.patch(
                "/api/v1/units/van", content=text, headers={"content-type": "application/json"}
            )
            assert answer.status_code in {400, 422}
        answer = await client.patch("/api/v1/units/nobody", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_unit")
