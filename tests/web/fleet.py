"""A small fleet in the real live state and stores, with one unit of each look."""

from pathlib import Path
from typing import Any

from ingest.ledger import units
from tests.ingest.api.parts import EPOCH, NOW_MS, Parts

WEB = Path(__file__).parents[2] / "ingest" / "web"

MINUTE_MS = 60_000

# Unit, name, capability, latitude, longitude, speed, course, age of the fix, age of the last news.
FLEET = (
    ("fire-01", "消防一号", "fire", 40.84, 111.75, 2210, 450, 0, 0),
    ("health-01", "巡回医疗车", "health", 40.65, 109.82, 0, 0, 0, 0),
    ("library-01", "流动图书馆", "library", 43.93, 116.08, 1390, 1800, 0, 0),
    ("police-01", "", "police", 42.27, 118.96, 1666, 2700, 0, 0),
    ("culture-01", "乌兰牧骑", "culture", 43.61, 122.26, 1200, 900, 20 * MINUTE_MS, 20 * MINUTE_MS),
    (
        "education-01",
        "科普大篷车",
        "education",
        49.21,
        119.73,
        0,
        0,
        9 * 1440 * MINUTE_MS,
        9 * 1440 * MINUTE_MS,
    ),
    ("agriculture-01", "农牧服务车", "agriculture", 46.07, 122.09, 0, 0, 15 * MINUTE_MS, 0),
)
LIVE, STALE, GONE, HELD, NOWHERE = "library-01", "culture-01", "education-01", "agriculture-01", "postal-01"


def live_message(
    lat_deg: float, lon_deg: float, speed_cm_s: int, course_ddeg: int, time_ms: int
) -> dict[str, Any]:
    """What a unit says in its live message."""
    return {
        "v": 1,
        "conn": 1,
        "time_ms": time_ms,
        "clock": "gnss",
        "lat_e7": round(lat_deg * 1e7),
        "lon_e7": round(lon_deg * 1e7),
        "speed_cm_s": speed_cm_s,
        "course_ddeg": course_ddeg,
        "altitude_msl_dm": 10402,
        "satellites": 17,
        "hdop_c": 80,
        "fix_mode": "3d",
        "supply_mv": 13820,
        "outbox_rows": 12,
        "outbox_age_s": 4,
    }


class PagedParts(Parts):
    """The service's parts with units to look at; its clock stands until a test moves it."""

    def populate(self) -> None:
        """One unit of each look, and one that never had a position."""
        for unit, name, capability, lat, lon, speed, course, fix_age_ms, news_age_ms in FLEET:
            units.see(self.writer, [unit], NOW_MS - news_age_ms)
            birth = {"conn": 1, "state": "online", "epoch": EPOCH, "capabilities": [capability]}
            self.live.apply_birth(unit, birth, NOW_MS, is_retained=True)
            if name:
                self.register_unit(unit, name, [capability])
            message = live_message(lat, lon, speed, course, NOW_MS - fix_age_ms)
            self.live.apply_live(unit, message, NOW_MS - news_age_ms)
        self.hear_of(NOWHERE)

    def say(self, unit: str, lat_deg: float, lon_deg: float, speed_cm_s: int = 1500) -> None:
        """A live message that just came."""
        self.live.apply_live(unit, live_message(lat_deg, lon_deg, speed_cm_s, 0, self.now_ms), self.now_ms)
