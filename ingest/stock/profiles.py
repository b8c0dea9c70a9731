"""Temperature profiles: which limits, compared how, for how long. The comparator is part of the profile.

Sources: WHO E006/TR06 as two real loggers carry it (refrigerator, tight), a maker's export (ultra_low) and
the WHO guide to the Q-tag 2 plus (shipment). `room` is a default that the local formulary decides. A version
goes up whenever a number here changes, because an excursion names the version it was judged by.
"""

from __future__ import annotations

from dataclasses import dataclass

SINGLE, CUMULATIVE = "single", "cumulative"
COMPARATORS = ("below", "at_or_below", "above", "at_or_above")


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit in 0.01 degrees C, and how long beyond it is too long: in one run, or in sum."""

    comparator: str
    limit_cc: int
    minutes: int
    judgement: str = SINGLE

    @property
    def direction(self) -> str:
        return "low" if self.comparator in {"below", "at_or_below"} else "high"

    def is_beyond(self, temperature_cc: int) -> bool:
        """Whether a temperature lies outside, at the sensor's own resolution."""
        return {
            "below": temperature_cc < self.limit_cc,
            "at_or_below": temperature_cc <= self.limit_cc,
            "above": temperature_cc > self.limit_cc,
            "at_or_above": temperature_cc >= self.limit_cc,
        }[self.comparator]


@dataclass(frozen=True, slots=True)
class Profile:
    """The limits that an item's stock is judged by."""

    name: str
    version: int
    limits: tuple[Limit, ...]


_HOT = Limit("at_or_above", 4500, 60)
PROFILES = {
    profile.name: profile
    for profile in (
        Profile("refrigerator", 1, (Limit("below", -50, 60), Limit("above", 800, 600))),
        Profile("tight", 1, (Limit("below", 200, 60), Limit("above", 800, 60))),
        Profile("ultra_low", 1, (Limit("below", -9000, 60), Limit("above", -6000, 60))),
        Profile(
            "shipment_1",
            1,
            (Limit("at_or_below", -50, 60), _HOT, Limit("at_or_above", 3000, 600, CUMULATIVE)),
        ),
        Profile(
            "shipment_2",
            1,
            (
                _HOT,
                Limit("at_or_above", 3000, 600, CUMULATIVE),
                Limit("at_or_above", 1000, 1200, CUMULATIVE),
            ),
        ),
        Profile("room", 1, (Limit("at_or_below", 0, 60), Limit("above", 3000, 600))),
    )
}
