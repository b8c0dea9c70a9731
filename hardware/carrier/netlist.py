"""A reader of KiCad schematics that knows nothing of how ours are made: wires, junctions, labels, pins -> nets.

It joins only what KiCad joins for certain: what shares an end point, a junction on a wire, labels and power
symbols of one name. A wire that only touches another without an end or a junction stays apart, as it does there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hardware.carrier.sexpr import Node, child, children, parse

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

Place = tuple[int, int]  # in micrometres: no rounding of a file's decimals can part what is one point


@dataclass
class Netlist:
    """Parts by reference, and nets by name: an unnamed net is called by its first pin."""

    parts: dict[str, dict[str, str]] = field(default_factory=dict)
    nets: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def net_of(self, ref: str, number: str) -> str | None:
        """The net at a pin; None when the pin is joined to nothing."""
        pin = (ref, number)
        return next((name for name, pins in self.nets.items() if pin in pins), None)


class _Groups:
    """Which things are one."""

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def find(self, thing: Hashable) -> Hashable:
        while (above := self._above.get(thing, thing)) != thing:
            thing = above
        return thing

    def join(self, things: Iterable[Hashable]) -> None:
        found = [self.find(thing) for thing in things]
        for one in found[1:]:
            self._above[self.find(one)] = self.find(found[0])


def read(text: str) -> Netlist:
    """The netlist of a single-sheet schematic; ValueError or KeyError when it is none."""
    sheet = parse(text)
    pins_of = dict(_library(sheet))
    groups, netlist = _Groups(), Netlist()
    wires = [_ends(wire) for wire in children(sheet, "wire")]
    for wire in wires:
        groups.join(wire)
    for junction in children(sheet, "junction"):
        at = _place(child(junction, "at"))
        groups.join([at, *(wire[0] for wire in wires if _is_on(at, wire))])
    for label in children(sheet, "label"):
        at = _place(child(label, "at"))
        groups.join([f"/{label[1]}", at, *(wire[0] for wire in wires if _is_on(at, wire))])
    placed: list[tuple[str, str, Place]] = []
    for symbol in children(sheet, "symbol"):
        name, properties = str(child(symbol, "lib_id")[1]), _properties(symbol)
        ref = properties["Reference"]
        for number, x, y, is_power in pins_of[name]:
            at = _turned(child(symbol, "at"), x, y)
            if is_power and not ref.startswith("#FLG"):
                groups.join([properties["Value"], at])
            elif not ref.startswith("#"):
                placed.append((ref, number, at))
        if not ref.startswith("#"):
            netlist.parts[ref] = properties
    named = {groups.find(name): str(name).lstrip("/") for name in _names(sheet)}
    for ref, number, at in sorted(placed):
        root = groups.find(at)
        netlist.nets.setdefault(named.setdefault(root, f"{ref}.{number}"), set()).add((ref, number))
    opened = {_place(child(mark, "at")) for mark in children(sheet, "no_connect")}
    for ref, number, at in placed:
        if at in opened:
            netlist.nets.pop(f"{ref}.{number}", None)
    return netlist


def _names(sheet: list[Node]) -> Iterator[str]:
    for label in children(sheet, "label"):
        yield f"/{label[1]}"
    for symbol in children(sheet, "symbol"):
        properties = _properties(symbol)
        if properties["Reference"].startswith("#PWR"):
            yield properties["Value"]


def _library(sheet: list[Node]) -> Iterator[tuple[str, list[tuple[str, float, float, bool]]]]:
    """Symbol -> its pins: number, x, y (upwards), and whether the symbol names a supply rail."""
    for symbol in children(child(sheet, "lib_symbols"), "symbol"):
        is_power = any(True for _ in children(symbol, "power"))
        pins = []
        for unit in children(symbol, "symbol"):
            for pin in children(unit, "pin"):
                if pin[1] == "no_connect":
                    continue
                at = child(pin, "at")
                pins.append((str(child(pin, "number")[1]), _number(at[1]), _number(at[2]), is_power))
        yield str(symbol[1]), pins


def _properties(symbol: list[Node]) -> dict[str, str]:
    return {str(one[1]): str(one[2]) for one in children(symbol, "property")}


def _ends(wire: list[Node]) -> tuple[Place, Place]:
    first, last = children(child(wire, "pts"), "xy")
    return _place(first), _place(last)


def _place(at: list[Node]) -> Place:
    return round(_number(at[1]) * 1000), round(_number(at[2]) * 1000)


def _number(node: Node) -> float:
    return float(str(node))


def _turned(at: list[Node], x: float, y: float) -> Place:
    """A symbol's pin on the sheet: turned counter-clockwise, the sheet's y runs downwards."""
    for _ in range(round(_number(at[3]) / 90) % 4):
        x, y = -y, x
    return round((_number(at[1]) + x) * 1000), round((_number(at[2]) - y) * 1000)


def _is_on(at: Place, wire: tuple[Place, Place]) -> bool:
    (x1, y1), (x2, y2) = wire
    is_between = min(x1, x2) <= at[0] <= max(x1, x2) and min(y1, y2) <= at[1] <= max(y1, y2)
    return is_between and (x2 - x1) * (at[1] - y1) == (y2 - y1) * (at[0] - x1)
