"""Cold and power as a vehicle's computer feels them: pure functions of place, time and engine."""

import math
from datetime import timedelta

from edge.simulate.drive import Scene
from edge.simulate.sentences import SINCE

CHARGING_V = 28.2  # a 24 V vehicle with its engine on
RESTED_V = 25.4
DRAIN_V_H = 0.25
COLD_V_K = 0.012  # a battery at -30 C gives half a volt less
WARM_S = 1200
HEATED_C = 17.0


def outside_c(lat_deg: float, lon_deg: float, utc_ms: int) -> float:
    """Air temperature by latitude, season and local hour: -30 in a Hulunbuir winter night, +28 in July."""
    moment = SINCE + timedelta(milliseconds=utc_ms)
    season = math.cos(math.tau * (moment.timetuple().tm_yday - 18) / 365.25)
    hour = (moment.hour + moment.minute / 60 + lon_deg / 15) % 24
    day = math.cos(math.tau * (hour - 15) / 24)
    return 6.0 - 0.9 * (lat_deg - 42) - 19 * season + 6 * day


def cabin_c(scene: Scene, utc_ms: int) -> float:
    """The air around people: heated, and cooling down when the vehicle is parked."""
    outside = outside_c(scene.lat_deg, scene.lon_deg, utc_ms)
    left = math.exp(-scene.parked_s / WARM_S) if not scene.is_ignition_on else 1.0
    return outside + (max(outside, HEATED_C) - outside) * left


def soc_c(scene: Scene, utc_ms: int) -> float:
    """The processor's own temperature: a closed box some 30 K above the cabin."""
    return cabin_c(scene, utc_ms) + 30.0 + math.sin(utc_ms / 90_000)


def supply_v(scene: Scene, utc_ms: int) -> float:
    """Voltage of the vehicle's network."""
    if scene.is_ignition_on:
        return CHARGING_V + 0.15 * math.sin(utc_ms / 40_000)
    cold_k = max(0.0, 20 - outside_c(scene.lat_deg, scene.lon_deg, utc_ms))
    return RESTED_V - DRAIN_V_H * scene.parked_s / 3600 - COLD_V_K * cold_k
