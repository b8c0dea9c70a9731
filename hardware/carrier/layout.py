"""board.toml and the circuit -> a KiCad board: outline, holes and connectors in place, with their nets.

The other parts are not placed and nothing is routed: whoever does that takes the board from here into a file of
its own, or it would be written over. Land patterns are to be checked against the connectors' datasheets.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hardware.carrier.schematic import SPACE
from hardware.carrier.sexpr import Node, Quoted, dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hardware.carrier.circuit import Circuit
    from hardware.source import Fault, TomlSource

LAYERS = [(0, "F.Cu", "signal"), (31, "B.Cu", "signal"), (34, "B.Paste", "user"), (35, "F.Paste", "user"),
          (36, "B.SilkS", "user"), (37, "F.SilkS", "user"), (38, "B.Mask", "user"), (39, "F.Mask", "user"),
          (44, "Edge.Cuts", "user"), (46, "B.CrtYd", "user"), (47, "F.CrtYd", "user"), (49, "F.Fab", "user")]  # fmt: skip
SMD = ["layers", Quoted("F.Cu"), Quoted("F.Paste"), Quoted("F.Mask")]
THROUGH = ["layers", Quoted("*.Cu"), Quoted("*.Mask")]


@dataclass(frozen=True, slots=True)
class Pad:
    """A pad of a connector, in mm from its middle; `drill` 0 is one on the surface."""

    number: str
    x: float
    y: float
    width: float
    height: float
    drill: float = 0.0


def lands(symbol: str) -> list[Pad]:
    """The land pattern of a connector."""
    if symbol.startswith("GH"):
        count = int(symbol[2:])
        half = (count - 1) * 1.25 / 2
        pads = [Pad(str(n + 1), n * 1.25 - half, -1.85, 0.6, 1.7) for n in range(count)]
        return [*pads, Pad("MP", -half - 1.85, 1.35, 1.0, 2.8), Pad("MP", half + 1.85, 1.35, 1.0, 2.8)]
    if symbol == "MicroFit4":
        return [Pad(str(n + 1), (n % 2) * 3.0 - 1.5, -(n // 2) * 3.0, 1.5, 1.5, 1.02) for n in range(4)]
    if symbol == "SMA":
        return [Pad("1", 0, -1, 1.5, 4.0), Pad("2", -2.6, -1, 1.5, 4.0), Pad("2", 2.6, -1, 1.5, 4.0)]
    if symbol == "RaspberryPi":
        return [
            Pad(str(2 * column + row + 1), column * 2.54 - 24.13, 1.27 - row * 2.54, 1.7, 1.7, 1.0)
            for column in range(20)
            for row in range(2)
        ]
    return [Pad(str(n + 1), n * 2.54 - 6.35, 0, 1.7, 1.7, 1.0) for n in range(6)]


def faults(circuit: Circuit, source: TomlSource) -> Iterator[Fault]:
    """Connectors that are not placed, placed twice over, or beyond the edge."""
    outline = source.content["outline"]
    placed: dict[str, dict[str, Any]] = source.content["connectors"]
    drawn = {part.ref: part for part in circuit.parts if part.ref.startswith("J")}
    for ref in sorted(drawn.keys() ^ placed.keys()):
        where = "not placed on the board" if ref in drawn else "not in circuit.csv"
        yield source.fault(f"connectors.{ref}", f"{ref} is {where}")
    boxes: list[tuple[str, tuple[float, float, float, float]]] = []
    for ref in drawn.keys() & placed.keys():
        box = _box(placed[ref], lands(drawn[ref].symbol.name))
        if box[0] < 0 or box[1] < -0.6 or box[2] > outline["width"] or box[3] > outline["depth"] + 0.6:
            yield source.fault(f"connectors.{ref}", f"{ref} reaches beyond the board's edge")
        for other, taken in boxes:
            if box[0] < taken[2] and box[2] > taken[0] and box[1] < taken[3] and box[3] > taken[1]:
                yield source.fault(f"connectors.{ref}", f"{ref} and {other} overlap")
        boxes.append((ref, box))


def _box(at: dict[str, Any], pads: list[Pad]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the pads; turns of 0 and 180 only."""
    sign = -1 if at["turn"] == 180 else 1
    xs = [at["x"] + sign * pad.x + side * pad.width / 2 for pad in pads for side in (-1, 1)]
    ys = [at["y"] + sign * pad.y + side * pad.height / 2 for pad in pads for side in (-1, 1)]
    return min(xs), min(ys), max(xs), max(ys)


def board(circuit: Circuit, source: TomlSource, rails: Iterable[str]) -> str:
    """The text of the .kicad_pcb."""
    given, named = source.content, set(rails)
    names = sorted({net if net in named else f"/{net}" for net in circuit.nets()})
    numbers = {name: number for number, name in enumerate(names, 1)}
    nets_of = {
        (part.ref, number): numbers[net if net in named else f"/{net}"]
        for part in circuit.parts
        for pin in part.symbol.pins
        for number in pin.numbers
        if (net := part.nets[pin.name]) != "NC"
    }
    outline = given["outline"]
    width, depth = outline["width"], outline["depth"]
    body: list[Node] = [
        "kicad_pcb", ["version", 20240108], ["generator", Quoted("ortoo")], ["generator_version", Quoted("1")],
        ["general", ["thickness", outline["thickness"]]], ["paper", Quoted("A4")],
        ["title_block", ["title", Quoted("Ortoo carrier")], ["rev", Quoted("A, not built")],
         ["comment", 1, Quoted("Outline and connectors only: nothing else is placed, nothing is routed")]],
        ["layers", *([number, Quoted(name), kind] for number, name, kind in LAYERS)],
        ["setup", ["pad_to_mask_clearance", 0]],
        ["net", 0, Quoted("")],
        *(["net", number, Quoted(name)] for name, number in numbers.items()),
        *(_connector(part.ref, part.symbol.name, part.value, given["connectors"][part.ref], nets_of, names)
          for part in circuit.parts if part.ref in given["connectors"]),
        *(_hole(f"H{n}", at, given["holes"]["diameter"]) for n, at in enumerate(given["holes"]["at"], 1)),
        *(_hole(f"HP{n}", at, given["pi"]["diameter"]) for n, at in enumerate(given["pi"]["at"], 1)),
        ["gr_rect", ["start", 0, 0], ["end", width, depth], ["stroke", ["width", 0.1], ["type", "default"]],
         ["fill", "none"], ["layer", Quoted("Edge.Cuts")], _id("edge")],
        _text("Ortoo carrier, rev A: designed, not built", width / 2, depth / 2 + 20),
        _text("CERN-OHL-W-2.0", width / 2, depth / 2 + 23),
    ]  # fmt: skip
    return dump(body) + "\n"


def footprint_file(symbol: str) -> str:
    """The .kicad_mod of a connector of ours."""
    body: list[Node] = ["footprint", Quoted(symbol), ["version", 20240108], ["generator", Quoted("ortoo")],
                        ["layer", Quoted("F.Cu")], ["attr", "through_hole" if lands(symbol)[0].drill else "smd"],
                        *_text_pair("REF**", symbol), *(_pad(symbol, pad, 0, None) for pad in lands(symbol))]  # fmt: skip
    return dump(body) + "\n"


def _connector(
    ref: str, symbol: str, value: str, at: dict[str, Any], nets: dict[tuple[str, str], int], names: list[str]
) -> Node:
    pads = [
        _pad(
            ref,
            pad,
            at["turn"],
            (number, names[number - 1]) if (number := nets.get((ref, pad.number))) else None,
        )
        for pad in lands(symbol)
    ]
    return [
        "footprint", Quoted(f"ortoo:{symbol}"), ["layer", Quoted("F.Cu")], _id("footprint", ref),
        ["at", at["x"], at["y"], at["turn"]], *_text_pair(ref, value), *pads,
    ]  # fmt: skip


def _pad(owner: str, pad: Pad, turn: int, net: tuple[int, str] | None) -> Node:
    kind = ["thru_hole", "circle"] if pad.drill else ["smd", "roundrect"]
    node: list[Node] = [
        "pad",
        Quoted(pad.number),
        *kind,
        ["at", pad.x, pad.y, turn],
        ["size", pad.width, pad.height],
    ]
    node += [["drill", pad.drill], [*THROUGH]] if pad.drill else [[*SMD], ["roundrect_rratio", 0.2]]
    if net:
        node.append(["net", net[0], Quoted(net[1])])
    return [*node, _id("pad", owner, pad.number, pad.x)]


def _hole(ref: str, at: list[float], diameter: float) -> Node:
    pad: Node = ["pad", Quoted(""), "np_thru_hole", "circle", ["at", 0, 0], ["size", diameter, diameter],
                 ["drill", diameter], [*THROUGH], _id("hole", ref)]  # fmt: skip
    return ["footprint", Quoted("ortoo:Hole"), ["layer", Quoted("F.Cu")], _id("footprint", ref), ["at", *at],
            *_text_pair(ref, "hole"), pad]  # fmt: skip


def _text_pair(ref: str, value: str) -> list[Node]:
    font: Node = ["effects", ["font", ["size", 1, 1], ["thickness", 0.15]]]
    return [
        ["property", Quoted("Reference"), Quoted(ref), ["at", 0, -4, 0], ["layer", Quoted("F.SilkS")], font],
        ["property", Quoted("Value"), Quoted(value), ["at", 0, 4.5, 0], ["layer", Quoted("F.Fab")], font],
    ]


def _text(text: str, x: float, y: float) -> Node:
    font: Node = ["effects", ["font", ["size", 1.5, 1.5], ["thickness", 0.2]]]
    return ["gr_text", Quoted(text), ["at", x, y], ["layer", Quoted("F.SilkS")], _id("text", text), font]


def _id(*parts: object) -> Node:
    return ["uuid", Quoted(str(uuid.uuid5(SPACE, "board/" + "/".join(map(str, parts)))))]
