"""KiCad symbols, as they stand in a library and within the schematic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hardware.carrier.sexpr import Node, Quoted, dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hardware.carrier.circuit import Circuit, Symbol

UNIT = 2.54
NAMES_SHOWN = 0.508
# What the simple symbols look like, in mm: polylines, and circles as (x, y, radius).
LINES: dict[str, list[list[tuple[float, float]]]] = {
    "C": [[(-2, 0.6), (2, 0.6)], [(-2, -0.6), (2, -0.6)], [(0, 2.54), (0, 0.6)], [(0, -2.54), (0, -0.6)]],
    "CP": [[(-2, 0.6), (2, 0.6), (2, 1.0), (-2, 1.0), (-2, 0.6)], [(-2, -0.6), (2, -0.6)],
           [(0, 2.54), (0, 1.0)], [(0, -2.54), (0, -0.6)], [(-1.9, 1.9), (-1.1, 1.9)], [(-1.5, 2.3), (-1.5, 1.5)]],
    "D": [[(-1.3, 1), (1.3, 1)], [(-1.3, -1), (1.3, -1), (0, 1), (-1.3, -1)], [(0, 2.54), (0, -2.54)]],
    "DZ": [[(-1.8, 0.5), (-1.3, 1), (1.3, 1), (1.8, 1.5)], [(-1.3, -1), (1.3, -1), (0, 1), (-1.3, -1)],
           [(0, 2.54), (0, -2.54)]],
    "F": [[(-0.8, 2), (0.8, 2), (0.8, -2), (-0.8, -2), (-0.8, 2)], [(0, 2.54), (0, -2.54)]],
    "R": [[(-1, 2.54), (1, 2.54), (1, -2.54), (-1, -2.54), (-1, 2.54)]],
    "L": [[(0, 2.54), (1, 2.1), (1, 1.2), (0, 0.85), (1, 0.5), (1, -0.5), (0, -0.85), (1, -1.2), (1, -2.1), (0, -2.54)]],
    "Y": [[(-1.5, 1.2), (1.5, 1.2)], [(-1.5, -1.2), (1.5, -1.2)], [(-1.5, 0.7), (1.5, 0.7), (1.5, -0.7), (-1.5, -0.7), (-1.5, 0.7)],
          [(0, 2.54), (0, 1.2)], [(0, -2.54), (0, -1.2)]],
    "NMOS": [[(-2.54, 0), (-0.9, 0)], [(-0.9, 1.6), (-0.9, -1.6)], [(-0.4, 1.9), (-0.4, 1.0)], [(-0.4, 0.45), (-0.4, -0.45)],
             [(-0.4, -1.0), (-0.4, -1.9)], [(-0.4, 1.45), (0, 1.45), (0, 2.54)], [(-0.4, -1.45), (0, -1.45), (0, -2.54)],
             [(-0.4, 0), (0, 0), (0, -1.45)], [(-0.4, 0), (-0.05, 0.3)], [(-0.4, 0), (-0.05, -0.3)]],
    "PMOS": [[(-2.54, 0), (-0.9, 0)], [(-0.9, 1.6), (-0.9, -1.6)], [(-0.4, 1.9), (-0.4, 1.0)], [(-0.4, 0.45), (-0.4, -0.45)],
             [(-0.4, -1.0), (-0.4, -1.9)], [(-0.4, 1.45), (0, 1.45), (0, 2.54)], [(-0.4, -1.45), (0, -1.45), (0, -2.54)],
             [(-0.4, 0), (0, 0), (0, -1.45)], [(0, 0), (-0.35, 0.3)], [(0, 0), (-0.35, -0.3)]],
}  # fmt: skip


def library_file(circuit: Circuit, rails: Iterable[str]) -> str:
    """The project's own library; the schematic carries the same symbols."""
    body: list[Node] = ["kicad_symbol_lib", ["version", 20231120], ["generator", Quoted("ortoo")],
                        ["generator_version", Quoted("1")]]  # fmt: skip
    body += [library(one, prefix="") for one in circuit.symbols.values()]
    body += [power(name, prefix="") for name in sorted(rails)]
    return dump([*body, flag(prefix="")]) + "\n"


def library(one: Symbol, prefix: str = "ortoo:") -> Node:
    """A symbol for parts."""
    head: list[Node] = ["symbol", Quoted(prefix + one.name)]
    if not one.is_box:
        head += [["pin_numbers", ["hide", "yes"]], ["pin_names", ["offset", 0], ["hide", "yes"]]]
    else:
        head.append(["pin_names", ["offset", NAMES_SHOWN]])
    head += [["exclude_from_sim", "no"], ["in_bom", "yes"], ["on_board", "yes"]]
    head += _properties(one.name[0] if not one.is_box else "U", one.name, one.footprint, one.datasheet)
    return [*head, _body(one), _pins(one)]


def power(name: str, prefix: str = "ortoo:") -> Node:
    """A symbol that names a supply rail."""
    lines: list[list[tuple[float, float]]] = [
        [(0, 0), (0, 1.27)],
        [(-0.9, 1.27), (0, 2.54), (0.9, 1.27), (-0.9, 1.27)],
    ]
    if name == "GND":
        lines = [[(0, 0), (0, -1.27), (-1.27, -1.27), (0, -2.54), (1.27, -1.27), (0, -1.27)]]
    pin = _pin("power_in", 0, 0, 270 if name == "GND" else 90, 0, name, "1", hidden=True)
    return [
        "symbol", Quoted(prefix + name), ["power"], ["pin_numbers", ["hide", "yes"]],
        ["pin_names", ["offset", 0], ["hide", "yes"]],
        ["exclude_from_sim", "no"], ["in_bom", "yes"], ["on_board", "yes"],
        *_properties("#PWR", name, "", ""),
        ["symbol", Quoted(f"{name}_0_1"), *(_line(line) for line in lines)],
        ["symbol", Quoted(f"{name}_1_1"), pin],
    ]  # fmt: skip


def flag(prefix: str = "ortoo:") -> Node:
    """A symbol that tells the rule check that a net is fed from outside."""
    lines = [[(0, 0), (0, 1.27), (-1, 1.9), (0, 2.54), (1, 1.9), (0, 1.27)]]
    return [
        "symbol", Quoted(prefix + "PWR_FLAG"), ["power"], ["pin_numbers", ["hide", "yes"]],
        ["pin_names", ["offset", 0], ["hide", "yes"]],
        ["exclude_from_sim", "no"], ["in_bom", "yes"], ["on_board", "yes"],
        *_properties("#FLG", "PWR_FLAG", "", ""),
        ["symbol", Quoted("PWR_FLAG_0_1"), *(_line(line) for line in lines)],
        ["symbol", Quoted("PWR_FLAG_1_1"), _pin("power_out", 0, 0, 90, 0, "pwr", "1")],
    ]  # fmt: skip


def _properties(reference: str, value: str, footprint: str, datasheet: str) -> list[Node]:
    def one(name: str, text: str, *, shown: bool) -> Node:
        effects: list[Node] = ["effects", ["font", ["size", 1.27, 1.27]]]
        if not shown:
            effects.append(["hide", "yes"])
        return ["property", Quoted(name), Quoted(text), ["at", 0, 0, 0], effects]

    return [
        one("Reference", reference, shown=not reference.startswith("#")),
        one("Value", value, shown=True),
        one("Footprint", footprint, shown=False),
        one("Datasheet", datasheet, shown=False),
    ]


def _body(one: Symbol) -> Node:
    if not one.is_box:
        return ["symbol", Quoted(f"{one.name}_0_1"), *(_line(line) for line in LINES[one.name])]
    w, top = one.half_width * UNIT, one.top * UNIT
    bottom = top - 2 * one.half_height * UNIT
    box: Node = [
        "rectangle", ["start", -w, round(top, 4)], ["end", w, round(bottom, 4)],
        ["stroke", ["width", 0.254], ["type", "default"]], ["fill", ["type", "background"]],
    ]  # fmt: skip
    return ["symbol", Quoted(f"{one.name}_0_1"), box]


def _line(line: Sequence[tuple[float, float]]) -> Node:
    return [
        "polyline", ["pts", *(["xy", float(x), float(y)] for x, y in line)],
        ["stroke", ["width", 0.2], ["type", "default"]], ["fill", ["type", "none"]],
    ]  # fmt: skip


def _pins(one: Symbol) -> Node:
    found: list[Node] = ["symbol", Quoted(f"{one.name}_1_1")]
    for pin in one.pins:
        angle = (270 if pin.y > 0 else 90) if pin.x == 0 else (0 if pin.x < 0 else 180)
        length = 1 if one.is_box or pin.y or pin.x else 0
        for place, number in enumerate(pin.numbers):
            kind = pin.kind if place == 0 or pin.kind == "no_connect" else "passive"
            found.append(
                _pin(
                    kind, pin.x * UNIT, pin.y * UNIT, angle, length * UNIT, pin.name, number, hidden=place > 0
                )
            )
    return found


def _pin(
    kind: str, x: float, y: float, angle: int, length: float, name: str, number: str, *, hidden: bool = False
) -> Node:
    font: Node = ["effects", ["font", ["size", 1.27, 1.27]]]
    pin: list[Node] = ["pin", kind, "line", ["at", round(x, 4), round(y, 4), angle], ["length", length]]
    if hidden:
        pin.append(["hide", "yes"])
    return [*pin, ["name", Quoted(name), font], ["number", Quoted(number), font]]
