"""Plausible drives at 1 Hz, from a seed: bends, traffic lights, a receiver's slow wander."""

import math
import random

from edge.track import Point

M_PER_E7 = 111_195.0 / 1e7


def drive(seed, seconds, lat_deg=43.93, lon_deg=116.09, noise_m=1.5):
    """Points with t_ms from 0 in steps of 1000."""
    dice = random.Random(seed)
    scale = math.cos(math.radians(lat_deg))
    x = y = wander_x = wander_y = speed = turn = 0.0
    course, wanted, stop_s = dice.uniform(0, math.tau), 15.0, 0
    points = []
    for second in range(seconds):
        if stop_s > 0:
            stop_s -= 1
            wanted = 0.0 if stop_s else dice.choice([8.0, 14.0, 22.0])
        elif dice.random() < 0.006:
            stop_s = dice.randint(10, 60)
        if dice.random() < 0.02:
            turn = dice.choice([0.0, 0.0, 0.05, -0.05, 0.15, -0.15])
        speed += max(-2.0, min(1.5, wanted - speed))
        course += turn * min(1.0, speed / 10)
        x, y = x + speed * math.sin(course), y + speed * math.cos(course)
        wander_x = 0.98 * wander_x + dice.gauss(0, noise_m * 0.2)
        wander_y = 0.98 * wander_y + dice.gauss(0, noise_m * 0.2)
        lat_e7 = round(lat_deg * 1e7 + (y + wander_y) / M_PER_E7)
        lon_e7 = round(lon_deg * 1e7 + (x + wander_x) / M_PER_E7 / scale)
        points.append(Point(second * 1000, lat_e7, lon_e7))
    return points


def drift(seed, seconds, lat_deg=43.93, lon_deg=116.09, sigma_m=4.0, minutes=4.0):
    """A receiver at rest: wandering with that spread and memory."""
    dice = random.Random(seed)
    keep = math.exp(-1 / (60 * minutes))
    kick_m = sigma_m * math.sqrt(1 - keep * keep)
    scale = math.cos(math.radians(lat_deg))
    x = y = 0.0
    points = []
    for second in range(seconds):
        x, y = keep * x + dice.gauss(0, kick_m), keep * y + dice.gauss(0, kick_m)
        lat_e7 = round(lat_deg * 1e7 + y / M_PER_E7)
        points.append(Point(second * 1000, lat_e7, round(lon_deg * 1e7 + x / M_PER_E7 / scale)))
    return points
