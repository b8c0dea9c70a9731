"""The places: real, sane, within the region, and connected league by league."""

from edge.simulate.fleet import LEAGUES
from edge.simulate.places import distance_m, neighbours, places


def test_every_place_is_within_the_region_and_named():
    for place in places().values():
        assert 38.60 <= place.lat_deg <= 53.32
        assert 98.53 <= place.lon_deg <= 125.22
        assert place.name_zh
        assert place.name_en
        assert place.size in {"city", "town", "sumu"}
        assert place.league in LEAGUES


def test_no_place_is_there_twice():
    names = [(place.league, place.name_zh) for place in places().values()]
    assert len(names) == len(set(names))


def test_every_place_has_a_neighbour_in_its_league():
    for geonameid, place in places().items():
        near = neighbours(geonameid)
        assert near
        assert {other.league for other in near} == {place.league}


def test_neighbours_come_nearest_first():
    hailar = 2037078
    here = places()[hailar]
    far = [
        distance_m(here.lat_deg, here.lon_deg, other.lat_deg, other.lon_deg) for other in neighbours(hailar)
    ]
    assert far == sorted(far)
    assert far[0] >= 5000


def test_the_distance_of_a_degree_of_latitude():
    assert abs(distance_m(44.0, 116.0, 45.0, 116.0) - 111_195) < 1


def test_the_head_names_source_and_licence():
    from pathlib import Path

    import edge.simulate.places as module

    head = (Path(module.__file__).parent / "places.csv").read_text(encoding="utf-8")[:500]
    assert "GeoNames" in head
    assert "CC BY 4.0" in head
