"""The case as solids (build123d): python -m hardware.enclosure.case FOLDER writes STL, STEP and a drawing there.

Run in an environment of its own, ./dev hardware makes it: build123d and what it needs take 800 MB.
"""

from __future__ import annotations

import sys
from pathlib import Path

from build123d import (
    Align,
    Axis,
    Box,
    Compound,
    Cylinder,
    ExportSVG,
    LineType,
    Location,
    Part,
    RectangleRounded,
    Unit,
    export_step,
    export_stl,
    extrude,
    fillet,
)

from hardware.enclosure import fit
from hardware.source import TomlSource

HERE = Path(__file__).resolve().parent
UP = (Align.CENTER, Align.CENTER, Align.MIN)
FAR = 1000  # so far away that parallel edges stay parallel
VIEWS = {
    "above": ((0, 0, 100 * FAR), (0, 1, 0)),
    "front": ((0, -100 * FAR, 0), (0, 0, 1)),
    "all": ((-35 * FAR, -42 * FAR, 33 * FAR), (0, 0, 1)),
}


def block(x: float, y: float, z: float, size: tuple[float, float, float]) -> Part:
    """A box that stands on z, its middle over x, y."""
    return Location((x, y, z)) * Box(*size, align=UP)


def post(x: float, y: float, z: float, diameter: float, height: float) -> Part:
    """A cylinder that stands on z."""
    return Location((x, y, z)) * Cylinder(diameter / 2, height, align=UP)


def base(case: fit.Case) -> Part:
    """The box: walls, bosses, posts, ears, openings."""
    walls, given = case.given["walls"], case.given
    inside, depth = case.inner[2], walls["floor"]
    shell = Location((0, 0, -depth)) * extrude(
        RectangleRounded(case.outer[0], case.outer[1], walls["corner"]), inside + depth
    )
    shell -= extrude(RectangleRounded(case.inner[0], case.inner[1], walls["corner"] - 2), inside)
    for x, y in case.bosses:
        shell += post(x, y, 0, given["boss"]["outside"], given["height"]["spacer"])
        shell -= post(
            x,
            y,
            given["height"]["spacer"] - given["boss"]["depth"],
            given["boss"]["hole"],
            given["boss"]["depth"],
        )
    side = given["lid"]["post"]
    for x, y in case.posts:
        shell += block(x, y, 0, (side, side, inside))
        shell -= post(x, y, inside - 10, given["lid"]["insert"], 10)
    shell += ears(case)
    for one in given["opening"].values():
        shell -= opening(case, one)
    return shell


def ears(case: fit.Case) -> Part:
    """Four tongues with holes, at the height of the floor."""
    ear, floor = case.given["ears"], case.given["walls"]["floor"]
    found = Part()
    for side in (-1, 1):
        for y in (-case.outer[1] / 4, case.outer[1] / 4):
            x = side * (case.outer[0] / 2 + ear["reach"] / 2 - 1)
            tongue = block(x, y, -floor, (ear["reach"] + 2, ear["width"], ear["thickness"]))
            found += fillet(tongue.edges().filter_by(Axis.Z).group_by(Axis.X)[-1 if side > 0 else 0], 5)
            found -= post(x + side * 3, y, -floor, ear["hole"], ear["thickness"])
    return found


def opening(case: fit.Case, one: dict[str, float]) -> Part:
    """What is cut out of the front or back wall."""
    sign = -1 if one["wall"] == "front" else 1
    y = sign * (case.inner[1] / 2 + case.given["walls"]["thickness"] / 2)
    x = one["across"] if one["wall"] == "front" else -one["across"]  # to the right as seen from outside
    deep = case.given["walls"]["thickness"] + 4
    if one["round"]:
        return Location((x, y, one["up"]), (90, 0, 0)) * Cylinder(one["round"] / 2, deep)
    return Location((x, y, one["up"])) * Box(one["width"], deep, one["height"])


def lid(case: fit.Case) -> Part:
    """The lid with its groove, lying on its face."""
    walls, given = case.given["walls"], case.given["lid"]
    plate = extrude(RectangleRounded(case.outer[0], case.outer[1], walls["corner"]), walls["lid"])
    middle, half = walls["thickness"] / 2, given["groove_width"] / 2
    rings = [
        RectangleRounded(
            case.inner[0] + 2 * (middle + offset), case.inner[1] + 2 * (middle + offset), walls["corner"] - 1
        )
        for offset in (half, -half)
    ]
    plate -= Location((0, 0, walls["lid"] - given["groove_depth"])) * extrude(
        rings[0] - rings[1], given["groove_depth"]
    )
    for x, y in case.posts:
        plate -= post(x, y, 0, given["hole"], walls["lid"])
    return plate


def draw(shape: Compound, path: Path) -> None:
    """Three views beside each other, hidden edges dashed."""
    exporter = ExportSVG(unit=Unit.MM, margin=5, line_weight=0.3)
    exporter.add_layer("seen", line_weight=0.35)
    exporter.add_layer("hidden", line_weight=0.15, line_type=LineType.ISO_DASH_SPACE)
    at = 0.0
    for name, (eye, up) in VIEWS.items():
        seen, hidden = shape.project_to_viewport(eye, up, (0, 0, 20))
        box = Compound(children=list(seen)).bounding_box()
        move = Location((at - box.min.X, -box.center().Y, 0))
        exporter.add_shape([move * edge for edge in seen], layer="seen")
        if name != "all":
            exporter.add_shape([move * edge for edge in hidden], layer="hidden")
        at += box.size.X + 25
    exporter.write(path)


def main(folder: Path) -> None:
    """Write everything."""
    carrier = TomlSource(HERE.parent / "carrier" / "board.toml", "hardware/carrier/board.toml")
    _, case = fit.load(HERE, carrier)
    box, cover = base(case), lid(case)
    for name, solid in (("case-base", box), ("case-lid", cover)):
        export_stl(solid, folder / f"{name}.stl", tolerance=0.05, angular_tolerance=0.4)
        export_step(solid, folder / f"{name}.step")
    above = Location((0, 0, case.inner[2] + case.given["walls"]["lid"] + 18), (180, 0, 0)) * cover
    draw(Compound(children=[box, above]), folder / "case.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
