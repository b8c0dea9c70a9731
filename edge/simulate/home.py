"""A household far out on the grassland: a cabinet that never moves, and a network that comes and goes. Pure.

Its motion is one stop after the other at the same place, an hour each, with a network or without.
"""

from dataclasses import replace

from edge.simulate.dice import dice
from edge.simulate.drive import Motion, Scene
from edge.simulate.places import places

HOUR_S = 3600.0
COVERED = 0.7  # of the hours
AROUND_DEG = 0.12


class Home:
    """One household near its place; it stands in for a `Vehicle`."""

    def __init__(self, seed: str, home_id: int) -> None:
        place, chance = places()[home_id], dice(seed, "home")
        self._seed = seed
        self._home_id = home_id
        self._lat_deg = place.lat_deg + chance.uniform(-AROUND_DEG, AROUND_DEG)
        self._lon_deg = place.lon_deg + chance.uniform(-AROUND_DEG, AROUND_DEG)

    def start(self) -> Motion:
        """Where it stays."""
        return Motion(0, self._home_id, self._home_id, 0.0, 0.0, HOUR_S)

    def after(self, motion: Motion, seconds: int) -> Motion:
        """It never moves."""
        hours, left_s = divmod(HOUR_S - motion.stop_left_s + seconds, HOUR_S)
        return replace(motion, leg=motion.leg + int(hours), stop_left_s=HOUR_S - left_s)

    def scene(self, motion: Motion) -> Scene:
        """What is to be seen there."""
        return Scene(
            lat_deg=self._lat_deg,
            lon_deg=self._lon_deg,
            altitude_m=1100.0,
            speed_m_s=0.0,
            course_deg=0.0,
            is_open=True,
            is_covered=not motion.leg or dice(self._seed, "cover", motion.leg).random() < COVERED,
            is_ignition_on=False,
            is_powered=True,
            parked_s=0.0,
        )
