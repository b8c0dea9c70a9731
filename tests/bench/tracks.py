"""Tracks to measure on: a plausible drive as a receiver reports it, and recorded logs where they are at hand.

The drive is a round: pull away, cruise with a wandering speed, bend, brake, stand. What a receiver adds is a
slow, smooth error of a metre or two (a recorded u-blox at rest drifts 0.1 to 0.4 m/s with second differences
of millimetres), a fast one of centimetres, and the rounding of its sentences: positions to 1e-4 or 1e-5
minutes, speed to 0.01 knots, HDOP to 0.01, height to 0.1 m. Satellites come and go every eight seconds or so,
and HDOP with them.
"""

import json
import math
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.sources.gnss import Decoder
from firmware import wire

BEGIN_MS = 1_795_251_600_000  # 2026-11-21 09:00 UTC
BOOT_AT_MS = BEGIN_MS - 754_321
M_PER_DEG = 111_195.0
KNOT_M_S = 1852 / 3600
Fix = dict[str, Any]  # the values of one fix record, base fields included


@dataclass
class _Wander:
    """A first-order random walk that is drawn back to zero."""

    chance: random.Random
    size: float
    memory_s: float
    value: float = 0.0

    def after(self, seconds: float = 1.0) -> float:
        keep = math.exp(-seconds / self.memory_s)
        self.value = self.value * keep + self.size * math.sqrt(1 - keep * keep) * self.chance.gauss(0, 1)
        return self.value


class _Drift:
    """A slow error as a filter lets it through: without steps."""

    def __init__(self, chance: random.Random) -> None:
        self._raw = _Wander(chance, 1.5, 120)
        self._shown = 0.0

    def after(self) -> float:
        self._shown += (self._raw.after() - self._shown) / 12
        return self._shown


@dataclass(frozen=True)
class Road:
    """What sort of drive: speeds, how long a stretch is, how it ends, how lively the foot is."""

    cruise_m_s: tuple[float, float]
    stretch_s: tuple[int, int]
    stands_s: tuple[int, ...]
    push_m_s2: float
    bends_per_s: float
    bend_deg_s: float


TOWN = Road((6, 17), (40, 150), (0, 0, 5, 20, 60), 0.2, 0.02, 9)
COUNTRY = Road((14, 25), (150, 600), (0, 0, 0, 30), 0.1, 0.01, 3)


def _truth(chance: random.Random, road: Road) -> Iterator[tuple[float, float, float, float]]:
    """North and east in metres, speed and course, second by second."""
    north = east = speed = 0.0
    course = chance.uniform(0, 360)
    push, turn = _Wander(chance, road.push_m_s2, 5), _Wander(chance, road.bend_deg_s / 20, 8)
    while True:
        cruise, bend = chance.uniform(*road.cruise_m_s), 0.0
        length_s, stand_s = chance.randint(*road.stretch_s), chance.choice(road.stands_s)
        for second in range(length_s + stand_s):
            is_braking = stand_s and second > length_s - cruise / 1.2
            goal = 0.0 if is_braking else cruise
            step = max(-1.4, min(1.2, (goal - speed) * 0.4)) + (push.after() if speed > 1 else 0.0)
            speed = max(0.0, speed + step) if second < length_s else 0.0
            if chance.random() < road.bends_per_s:
                bend = chance.choice((-1.0, -0.5, 0.5, 1.0)) * road.bend_deg_s
            bend *= 0.85
            course = (course + (bend + turn.after()) * min(1.0, speed / 5)) % 360
            north += speed * math.cos(math.radians(course))
            east += speed * math.sin(math.radians(course))
            yield north, east, speed, course


def _rounded_e7(value_deg: float, decimals: int) -> int:
    """As written in minutes with so many decimals and read again."""
    return round(round(value_deg * 60, decimals) / 60 * 1e7)


def drive(seconds: int, *, road: Road = TOWN, decimals: int = 5, seed: int = 1) -> list[Fix]:
    """A fix per second of a drive, from a receiver that writes positions with so many decimals."""
    chance = random.Random(f"drive {seed}")
    slow = [_Drift(chance) for _ in range(3)]
    fast = [_Wander(chance, 0.03, 2.5) for _ in range(3)]
    satellites, hdop, held_course = 11, 0.92, 0.0
    fixes = []
    for second, (north, east, speed, course) in zip(range(seconds), _truth(chance, road), strict=False):
        d_north, d_east, d_up = (a.after() + b.after() for a, b in zip(slow, fast, strict=True))
        if chance.random() < 0.12:
            satellites = min(16, max(6, satellites + chance.choice((-1, 1))))
            hdop = 0.75 + 1.9 / (satellites - 3) + chance.uniform(-0.03, 0.03)
        said_m_s = max(0.0, speed + chance.gauss(0, 0.04))
        if said_m_s > 0.5:
            held_course = (course + chance.gauss(0, 0.8 / said_m_s)) % 360
        lat_deg = 49.2122 + (north + d_north) / M_PER_DEG
        lon_deg = 119.7658 + (east + d_east) / M_PER_DEG / math.cos(math.radians(49.2))
        fixes.append(
            {
                "seq": second + 1,
                "time_ms": BEGIN_MS + 1000 * second,
                "boot_at_ms": BOOT_AT_MS,
                "clock": wire.CLOCKS.index("gnss"),
                "lat_e7": _rounded_e7(lat_deg, decimals),
                "lon_e7": _rounded_e7(lon_deg, decimals),
                "altitude_msl_dm": round(6120 + 4 * math.sin(second / 90) * 10 + 15 * d_up),
                "speed_cm_s": round(round(said_m_s / KNOT_M_S, 2) * KNOT_M_S * 100),
                "course_ddeg": round(held_course * 10) % 3600,
                "satellites": satellites,
                "hdop_c": round(hdop * 100),
                "fix_mode": 2,
                "quality": 0,
            }
        )
    return fixes


def every(fixes: list[Fix], step: int) -> list[Fix]:
    """One fix of so many, numbered anew."""
    return [{**fix, "seq": seq} for seq, fix in enumerate(fixes[::step], 1)]


def batch(fixes: list[Fix]) -> wire.Batch:
    """The batch of consecutive fixes."""
    names = [field.name for field in wire.BASE + wire.KINDS["fix"].fields]
    group = wire.Group("fix", "gnss", {name: [fix[name] for fix in fixes] for name in names})
    return wire.Batch("c0ffee0123456789", "track", fixes[0]["seq"] - 1, "0123456789abcdef", None, [group])


def batches(fixes: list[Fix], rows: int) -> list[wire.Batch]:
    """All whole batches of so many fixes."""
    return [batch(fixes[at : at + rows]) for at in range(0, len(fixes) - rows + 1, rows)]


def as_flat(fix: Fix) -> dict[str, Any]:
    """The fix as a plain MQTT tracker would name and scale it."""
    return {
        "time": datetime.fromtimestamp(fix["time_ms"] / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lat": _scaled(fix["lat_e7"], 1e7),
        "lon": _scaled(fix["lon_e7"], 1e7),
        "alt": _scaled(fix["altitude_msl_dm"], 10),
        "speed": _scaled(fix["speed_cm_s"], 100),
        "course": _scaled(fix["course_ddeg"], 10),
        "sat": fix["satellites"],
        "hdop": _scaled(fix["hdop_c"], 100),
        "mode": "3d",
    }


def _scaled(value: int | None, by: float) -> float | None:
    return None if value is None else value / by


def as_json(fix: Fix) -> bytes:
    """One flat JSON object."""
    return json.dumps(as_flat(fix), separators=(",", ":")).encode()


def _recordings() -> Path | None:
    shared = Path(os.environ.get("ORTOO_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    folder = shared / "data" / "nmea"
    return folder if folder.is_dir() else None


def recorded(least: int = 8) -> dict[str, list[Fix]]:
    """By log name the dated fixes of recorded logs, where at hand, through the edge's own decoder."""
    folder = _recordings()
    found = {}
    for path in sorted(folder.glob("*.log")) if folder else ():
        decoder = Decoder("gnss")
        readings = decoder.feed(path.read_bytes(), 0) + decoder.flush()
        fixes = [_recorded_fix(seq, r.utc_ms, r.values) for seq, r in enumerate(readings, 1) if r.utc_ms]
        if len(fixes) >= least:
            found[path.stem] = fixes
    return found


def _recorded_fix(seq: int, utc_ms: int, values: dict[str, Any]) -> Fix:
    return {"seq": seq, "time_ms": utc_ms, "boot_at_ms": BOOT_AT_MS, "clock": 4, **values}
