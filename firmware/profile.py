"""Temperature profiles: how warm and how cold, for how long, as data. The comparator is part of the rule.

Sources: WHO PQS E006/TR06 30-day logger and Q-tag CLm/2plus user guides, read from the devices' own exports;
"room" is ours, since the local formulary decides. A profile that is changed gets another version, because an
excursion is judged by the profile that held then. One table for the Pi and for a node that stands alone.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR_S = 3600
# Comparator -> direction of what is beyond it.
DIRECTION_OF = {"below": "low", "at_or_below": "low", "above": "high", "at_or_above": "high"}


class Limit:
    """Outside when `comparator` `limit_cc`; broken by `limit_s` of it in one run (single) or cumulative."""

    def __init__(self, comparator: str, limit_cc: int, limit_s: int, judgement: str = "single") -> None:
        self.comparator = comparator
        self.limit_cc = limit_cc
        self.limit_s = limit_s
        self.judgement = judgement
        self.direction = DIRECTION_OF[comparator]

    def is_outside(self, temperature_cc: int) -> bool:
        """At the sensor's own resolution: 8.04 is above 8.0."""
        if self.comparator == "below":
            return temperature_cc < self.limit_cc
        if self.comparator == "at_or_below":
            return temperature_cc <= self.limit_cc
        if self.comparator == "above":
            return temperature_cc > self.limit_cc
        return temperature_cc >= self.limit_cc


class Profile:
    """What a compartment is kept at."""

    def __init__(self, name: str, version: int, limits: "Iterable[Limit]") -> None:
        self.name = name
        self.version = version
        self.limits = tuple(limits)


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("refrigerator", 1, (Limit("below", -50, HOUR_S), Limit("above", 800, 10 * HOUR_S))),
        Profile("tight", 1, (Limit("below", 200, HOUR_S), Limit("above", 800, HOUR_S))),
        Profile("ultra-low", 1, (Limit("below", -9000, HOUR_S), Limit("above", -6000, HOUR_S))),
        Profile(
            "shipment-1",
            1,
            (
                Limit("at_or_below", -50, HOUR_S),
                Limit("at_or_above", 4500, HOUR_S),
                Limit("at_or_above", 3000, 10 * HOUR_S, "cumulative"),
            ),
        ),
        Profile(
            "shipment-2",
            1,
            (
                Limit("at_or_above", 4500, HOUR_S),
                Limit("at_or_above", 3000, 10 * HOUR_S, "cumulative"),
                Limit("at_or_above", 1000, 20 * HOUR_S, "cumulative"),
            ),
        ),
        Profile(
            "room",
            1,
            (
                Limit("at_or_below", 0, HOUR_S),
                Limit("above", 2500, 24 * HOUR_S),
                Limit("above", 3000, HOUR_S),
            ),
        ),
    )
}
