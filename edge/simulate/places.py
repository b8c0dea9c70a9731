"""Real places of Inner Mongolia by league; data by GeoNames, CC BY 4.0 (see the head of places.csv)."""

import csv
import functools
import math
from dataclasses import dataclass
from pathlib import Path

EARTH_RADIUS_M = 6371008.8


@dataclass(frozen=True, slots=True)
class Place:
    """A settlement; `size` is city, town or sumu, `name_mn` is None where it is not known."""

    geonameid: int
    league: str
    size: str
    name_zh: str
    name_en: str
    name_mn: str | None
    lat_deg: float
    lon_deg: float


def _place(row: dict[str, str]) -> Place:
    return Place(
        geonameid=int(row["geonameid"]),
        league=row["league"],
        size=row["size"],
        name_zh=row["zh"],
        name_en=row["en"],
        name_mn=row["mn"] or None,
        lat_deg=float(row["lat_deg"]),
        lon_deg=float(row["lon_deg"]),
    )


@functools.cache
def places() -> dict[int, Place]:
    """Every place by its GeoNames id."""
    with (Path(__file__).parent / "places.csv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {place.geonameid: place for place in map(_place, rows)}


def distance_m(lat_a_deg: float, lon_a_deg: float, lat_b_deg: float, lon_b_deg: float) -> float:
    """Great-circle distance, by the haversine formula."""
    lat_a, lat_b = math.radians(lat_a_deg), math.radians(lat_b_deg)
    half_lat, half_lon = (lat_b - lat_a) / 2, math.radians(lon_b_deg - lon_a_deg) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(chord))


@functools.cache
def neighbours(geonameid: int) -> tuple[Place, ...]:
    """The other places of the same league at least 5 km away, nearest first."""
    home = places()[geonameid]
    far = [
        (distance_m(home.lat_deg, home.lon_deg, place.lat_deg, place.lon_deg), place.geonameid, place)
        for place in places().values()
        if place.league == home.league and place != home
    ]
    return tuple(place for away_m, _, place in sorted(far, key=lambda entry: entry[:2]) if away_m >= 5000)
