"""What the crew is told: fine, look or act, and why; as lights, as text, as a page. Pure.

    act    something is being spoilt: a rule is broken now. Cold before warm, since a frozen vaccine is lost
    look   something asks for a hand, or nobody can tell: a door, a silent probe, a scan that named nothing
    fine   all is as it should be

`PATTERNS` is for whoever drives a light and a buzzer: (light, ms on, ms off) and (beeps, every s).
"""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["fine", "look", "act"]
LEVELS: tuple[Level, ...] = ("fine", "look", "act")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a lamp and a buzzer do; a buzzer with 0 beeps is quiet."""

    light: str
    on_ms: int
    off_ms: int
    beeps: int
    every_s: int


PATTERNS: dict[Level, Pattern] = {
    "fine": Pattern("green", 50, 4950, 0, 0),
    "look": Pattern("amber", 500, 1500, 1, 300),
    "act": Pattern("red", 250, 250, 3, 30),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it is not fine: what, where, and what to do about it."""

    level: Level
    where: str
    text: str
    rank: int = 0  # the smaller is told first


@dataclass(frozen=True, slots=True)
class Sight:
    """One probe as it stands; `temperature_cc` None: unknown."""

    name: str
    temperature_cc: int | None
    age_s: int | None
    profile: str


@dataclass(frozen=True, slots=True)
class Status:
    """The whole of a cabinet at one moment."""

    probes: tuple[Sight, ...] = ()
    is_door_open: bool | None = None
    reasons: tuple[Reason, ...] = field(default=())

    def and_these(self, reasons: Iterable[Reason]) -> Status:
        """The same with more reasons."""
        return replace(self, reasons=(*self.reasons, *reasons))

    @property
    def level(self) -> Level:
        return max((reason.level for reason in self.reasons), key=LEVELS.index, default="fine")

    @property
    def ranked(self) -> list[Reason]:
        """The worst first."""
        return sorted(self.reasons, key=lambda reason: (-LEVELS.index(reason.level), reason.rank))

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "level": self.level,
            "pattern": asdict(PATTERNS[self.level]),
            "reasons": [asdict(reason) for reason in self.ranked],
            "probes": [asdict(probe) for probe in self.probes],
            "is_door_open": self.is_door_open,
        }


def celsius(temperature_cc: int | None) -> str:
    """As people read it; unknown is a word, never a number."""
    return "unknown" if temperature_cc is None else f"{temperature_cc / 100:.1f} °C"


def span(seconds: int) -> str:
    """A duration as people say it."""
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h {seconds % 3600 // 60} min"


def lines(plain: dict[str, Any], age_s: int | None = None) -> list[str]:
    """A status for a terminal."""
    out = [plain["level"].upper()]
    if age_s is not None and age_s > 60:
        out[0] += f" {span(age_s)} ago; no news since: does the agent run?"
    out += [f"  {reason['where']}: {reason['text']}" for reason in plain["reasons"]]
    for probe in plain["probes"]:
        age = "" if probe["age_s"] is None else f", {span(probe['age_s'])} ago"
        out.append(f"{probe['name']} {celsius(probe['temperature_cc'])}{age} ({probe['profile']})")
    if plain["is_door_open"] is not None:
        out.append("door open" if plain["is_door_open"] else "door closed")
    return out


COLOURS = {"fine": "#1a7f37", "look": "#9a6700", "act": "#b42318"}


def page(plain: dict[str, Any]) -> str:
    """A status as a page that looks again by itself; for a screen on the cabinet."""
    first, *rest = (html.escape(line) for line in lines(plain))
    body = "".join(f"<p>{line}</p>" for line in rest)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5">'
        '<meta name="viewport" content="width=device-width"><title>Cabinet</title>'
        "<style>body{font:1.2rem sans-serif;margin:1rem}h1{color:#fff;padding:.5rem 1rem;"
        f"background:{COLOURS[plain['level']]}}}</style><h1>{first}</h1>{body}</html>\n"
    )
