"""What can be said of the case without drawing it: its sizes, and what does not fit. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hardware.source import Fault, FaultsFound, TomlSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUT = 1.35  # a gland's nut and seal are so much wider than its thread
LEAST_GAP = 2.0


@dataclass(frozen=True, slots=True)
class Case:
    """The sizes that follow, in mm. The origin is the middle of the floor's inside."""

    given: dict[str, Any]
    inner: tuple[float, float, float]
    outer: tuple[float, float, float]
    bosses: tuple[tuple[float, float], ...]
    posts: tuple[tuple[float, float], ...]
    board: tuple[float, float]  # the carrier's middle


def load(
    folder: Path, board: TomlSource, name: str = "hardware/enclosure/case.toml"
) -> tuple[TomlSource, Case]:
    """The case; FaultsFound with every line that does not fit."""
    source = TomlSource(folder / "case.toml", name)
    try:
        case = sizes(source.content, board.content)
        found = list(_misfits(source, case))
    except (KeyError, TypeError, ValueError) as error:
        raise FaultsFound([Fault(name, 1, f"not shaped as a case: {error!r}")]) from None
    if found:
        raise FaultsFound(found)
    return source, case


def sizes(given: dict[str, Any], carrier: dict[str, Any]) -> Case:
    """Everything that follows from the parameters."""
    walls, height, outline = given["walls"], given["height"], carrier["outline"]
    inner = (
        outline["width"] + 2 * walls["beside"] + 2 * given["lid"]["post"],
        outline["depth"] + walls["behind"] + walls["front"],
        height["spacer"] + outline["thickness"] + height["above"],
    )
    wall = walls["thickness"]
    outer = (inner[0] + 2 * wall, inner[1] + 2 * wall, inner[2] + walls["floor"] + walls["lid"])
    middle = (0.0, (walls["front"] - walls["behind"]) / 2)
    bosses = tuple(
        (x - outline["width"] / 2 + middle[0], outline["depth"] / 2 - y + middle[1])
        for x, y in carrier["holes"]["at"]
    )
    inset = given["lid"]["post"] / 2
    posts = tuple(
        (sx * (inner[0] / 2 - inset), sy * (inner[1] / 2 - inset)) for sx in (-1, 1) for sy in (-1, 1)
    )
    return Case(given, inner, outer, bosses, posts, middle)


def _misfits(source: TomlSource, case: Case) -> Iterator[Fault]:
    given, openings = case.given, case.given["opening"]
    groove = given["lid"]
    if groove["groove_depth"] >= groove["cord"] or groove["groove_depth"] < 0.6 * groove["cord"]:
        text = f"a cord of {groove['cord']:g} mm in a groove of {groove['groove_depth']:g} mm is not pressed by 10 to 40 %"
        yield source.fault("lid.groove_depth", text)
    if groove["groove_width"] > given["walls"]["thickness"]:
        yield source.fault("lid.groove_width", "the groove is wider than the wall that it lies on")
    if given["boss"]["depth"] > given["height"]["spacer"]:
        yield source.fault("boss.depth", "the insert is longer than the spacer")
    for name, one in openings.items():
        reach = NUT if one["round"] else 1.0
        half = one["width"] * reach / 2
        if abs(one["across"]) + half > case.inner[0] / 2 - given["lid"]["post"]:
            yield source.fault(f"opening.{name}.across", f"{name} reaches into the corner's post")
        if one["up"] - one["height"] * reach / 2 < 0 or one["up"] + one["height"] * reach / 2 > case.inner[2]:
            yield source.fault(f"opening.{name}.up", f"{name} does not lie within the wall's height")
        for other, two in openings.items():
            gap = (
                abs(one["across"] - two["across"]) - half - two["width"] * (NUT if two["round"] else 1.0) / 2
            )
            if name < other and one["wall"] == two["wall"] and gap < LEAST_GAP:
                yield source.fault(f"opening.{other}.across", f"{other} and {name} are {gap:.1f} mm apart")
