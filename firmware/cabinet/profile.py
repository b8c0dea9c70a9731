"""Temperature profiles: how warm and how cold, for how long, as data. The comparator is part of the rule.

Sources: WHO PQS E006/TR06 30-day logger and Q-tag CLm/2plus user guides, read from the devices' own exports;
"room" is ours, since the local formulary decides. A profile that is changed gets another version, because an
excursion is judged by the profile that held then. One table for the Pi and for a node that stands alone; as
text, since a node has memory for the one that it uses, not for all.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Name -> version, and limits: comparator, 0.01 deg C, minutes, and "in_sum" where short runs add up.
TABLE = {
    "refrigerator": "1, below -50 60, above 800 600",
    "tight": "1, below 200 60, above 800 60",
    "ultra-low": "1, below -9000 60, above -6000 60",
    "shipment-1": "1, at_or_below -50 60, at_or_above 4500 60, at_or_above 3000 600 in_sum",
    "shipment-2": "1, at_or_above 4500 60, at_or_above 3000 600 in_sum, at_or_above 1000 1200 in_sum",
    "room": "1, at_or_below 0 60, above 2500 1440, above 3000 60",
}


class Limit:
    """Outside when `comparator` `limit_cc`; broken by `limit_s` of it in one run (single) or cumulative."""

    def __init__(self, comparator: str, limit_cc: int, limit_s: int, judgement: str = "single") -> None:
        self.comparator = comparator  # below, at_or_below, above or at_or_above
        self.limit_cc = limit_cc
        self.limit_s = limit_s
        self.judgement = judgement
        self.direction = "low" if comparator[-5:] == "below" else "high"

    def is_outside(self, temperature_cc: int) -> bool:
        """At the sensor's own resolution: 8.04 is above 8.0."""
        if temperature_cc == self.limit_cc:
            return self.comparator[:2] == "at"
        return (temperature_cc < self.limit_cc) == (self.direction == "low")


class Profile:
    """What a compartment is kept at."""

    def __init__(self, name: str, version: int, limits: "Iterable[Limit]") -> None:
        self.name = name
        self.version = version
        self.limits = tuple(limits)


def profile_of(name: str) -> Profile:
    """A profile of the table; KeyError for one that is not there."""
    version, *limits = TABLE[name].split(", ")
    return Profile(name, int(version), [_limit(text.split(" ")) for text in limits])


def _limit(words: "list[str]") -> Limit:
    judgement = "cumulative" if words[-1] == "in_sum" else "single"
    return Limit(words[0], int(words[1]), int(words[2]) * 60, judgement)
