"""Circuit -> a KiCad schematic that a person can read.

Pins of one net that face each other in a row or a column are joined by a wire, as far as nothing is in the way;
what is left is joined by name: a label, or for a supply rail its power symbol. Wires are cut at every pin and
junction, so that a reader need only compare end points. Identifiers are made from names, so that the same
circuit gives the same file.
"""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hardware.carrier import symbol
from hardware.carrier.circuit import OPEN, Circuit, Part, Pin
from hardware.carrier.sexpr import Node, Quoted, dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

UNIT = 2.54
FARTHEST = 26  # units: beyond, a label reads better than a wire
SPACE = uuid.UUID("6f72746f-6f00-5000-8000-636172726965")
SHEET = uuid.uuid5(SPACE, "sheet")
Point = tuple[int, int]


@dataclass
class Net:
    """What is drawn of one net: its pins, and the wires between them."""

    name: str
    pins: list[tuple[Part, Pin, Point]] = field(default_factory=list)
    wires: list[tuple[Point, Point]] = field(default_factory=list)

    def clusters(self) -> list[list[int]]:
        """Groups of pins (by index) that wires or a common place join."""
        groups: list[tuple[set[int], set[Point]]] = []
        covered = [(set[int](), set(points(a, b))) for a, b in self.wires]
        for indices, at in [*(({i}, {pin[2]}) for i, pin in enumerate(self.pins)), *covered]:
            touching = [group for group in groups if group[1] & at]
            groups = [group for group in groups if group not in touching]
            groups.append((indices.union(*(g[0] for g in touching)), at.union(*(g[1] for g in touching))))
        return [sorted(indices) for indices, _ in groups]


class Drawing:
    """Where things are, so that nothing is drawn through another."""

    def __init__(self, circuit: Circuit, rails: Iterable[str]) -> None:
        self.circuit = circuit
        self.rails = set(rails)
        self.bodies = [part.body() for part in circuit.parts]
        self.pin_at: dict[Point, str] = {}
        self.nets: dict[str, Net] = {}
        self.wired: dict[Point, str] = {}
        for part in circuit.parts:
            for pin in part.symbol.pins:
                name, place = part.nets[pin.name], part.place(pin)
                self.pin_at[place] = name
                if name != OPEN:
                    self.nets.setdefault(name, Net(name)).pins.append((part, pin, place))
        for net in self.nets.values():
            if net.name != "GND":
                self._join(net)

    def _join(self, net: Net) -> None:
        for axis in (1, 0):
            lines: dict[int, list[Point]] = {}
            for _, _, place in net.pins:
                lines.setdefault(place[axis], []).append(place)
            for places in lines.values():
                ordered = sorted(set(places))
                for a, b in itertools.pairwise(ordered):
                    if self._is_free(net.name, a, b):
                        net.wires.append((a, b))
                        self.wired.update(dict.fromkeys(points(a, b), net.name))

    def _is_free(self, name: str, a: Point, b: Point) -> bool:
        """Nothing but this net lies between two points."""
        between = points(a, b)
        if len(between) - 1 > FARTHEST:
            return False
        if any(self.pin_at.get(at, name) != name or self.wired.get(at, name) != name for at in between):
            return False
        (x1, y1), (x2, y2) = a, b
        return not any(
            x1 < right and x2 > left and y1 < bottom and y2 > top
            if x1 != x2 and y1 == y2 and top < y1 < bottom
            else x1 == x2 and left < x1 < right and y1 < bottom and y2 > top
            for left, top, right, bottom in self.bodies
        )

    def is_empty(self, at: Point) -> bool:
        """No pin, wire or body here."""
        inside = any(left <= at[0] <= right and up <= at[1] <= down for left, up, right, down in self.bodies)
        return at not in self.pin_at and at not in self.wired and not inside


def points(a: Point, b: Point) -> list[Point]:
    """Every point of the grid on the way."""
    (x1, y1), (x2, y2) = min(a, b), max(a, b)
    return [(x, y) for x in range(x1, x2 + 1) for y in range(y1, y2 + 1)]


def schematic(circuit: Circuit, rails: Iterable[str], flagged: Sequence[str]) -> str:
    """The text of the .kicad_sch; `rails` get power symbols, `flagged` of them a flag for the rule check."""
    drawing = Drawing(circuit, rails)
    marks = list(_marks(drawing))
    stubs = [mark.at for mark in marks]
    wires = [wire for net in drawing.nets.values() for wire in _cut(net, stubs)]
    wires += [(mark.at, mark.end) for mark in marks if mark.at != mark.end]
    flags = [(name, (104 + 6 * number, 143)) for number, name in enumerate(flagged)]
    marks += [_flag_mark(name, at, drawing.rails) for name, at in flags]
    wires += [(at, (at[0], at[1] + 1)) for _, at in flags]
    powers = [mark for mark in marks if mark.kind == "power"]
    used = sorted({mark.name for mark in powers})
    body: list[Node] = [
        "kicad_sch",
        ["version", 20231120],
        ["generator", Quoted("ortoo")],
        ["generator_version", Quoted("1")],
        ["uuid", Quoted(str(SHEET))],
        ["paper", Quoted("A2")],
        _title(),
        ["lib_symbols",
            *(symbol.library(one) for one in circuit.symbols.values()),
            *(symbol.power(name) for name in used),
            symbol.flag()],
        *(frame for title, at in circuit.frames for frame in _frame(title, at)),
        *(["junction", _at(at), ["diameter", 0], ["color", 0, 0, 0, 0], _id("junction", at)]
          for at in sorted(_junctions(wires, drawing))),
        *(["no_connect", _at(part.place(pin)), _id("open", part.ref, pin.name)]
          for part in circuit.parts for pin in part.symbol.pins if part.nets[pin.name] == OPEN and pin.kind != "no_connect"),
        *(_wire(a, b) for a, b in wires),
        *(_label(mark) for mark in marks if mark.kind == "label"),
        *(_symbol(part) for part in circuit.parts),
        *(_power(number, mark.name, mark.end, mark.turn) for number, mark in enumerate(powers, 1)),
        *(_flag(number, at) for number, (_, at) in enumerate(flags, 1)),
        ["sheet_instances", ["path", Quoted("/"), ["page", Quoted("1")]]],
    ]  # fmt: skip
    return dump(body) + "\n"


@dataclass(frozen=True)
class Mark:
    """A name at a net: a label or a power symbol at `end`, led to from `at`."""

    kind: str
    name: str
    at: Point
    end: Point
    turn: int


def _marks(drawing: Drawing) -> Iterator[Mark]:
    for net in drawing.nets.values():
        groups = net.clusters()
        named = len(groups) > 1 or net.name in drawing.rails or len(net.pins) > 2 or not net.name.isupper()
        for group in groups if named else []:
            yield _mark(drawing, net, group)


def _mark(drawing: Drawing, net: Net, group: list[int]) -> Mark:
    """Beside a pin that has room, else on a wire."""
    kind = "power" if net.name in drawing.rails else "label"
    for index in group:
        part, pin, place = net.pins[index]
        dx, dy = part.outward(pin)
        end = (place[0] + dx, place[1] + dy)
        if drawing.is_empty(end):
            drawing.wired[end] = net.name
            return Mark(kind, net.name, place, end, _turn(kind, dx, dy))
    for dx, dy in ((0, -1), (0, 1), (-1, 0), (1, 0)):  # off a wire or a pin, upwards first
        for at in _places_on(net, group):
            end = (at[0] + dx, at[1] + dy)
            if drawing.is_empty(end):
                drawing.wired[end] = net.name
                return Mark(kind, net.name, at, end, _turn(kind, dx, dy))
    place = net.pins[group[0]][2]
    return Mark(kind, net.name, place, place, 0)


def _places_on(net: Net, group: list[int]) -> list[Point]:
    places = {net.pins[index][2] for index in group}
    return sorted(places | {at for a, b in net.wires if a in places for at in points(a, b)})


def _turn(kind: str, dx: int, dy: int) -> int:
    """A label's text runs away from the pin; a power symbol points away from it."""
    if kind == "power":
        return {(0, -1): 0, (-1, 0): 90, (0, 1): 180, (1, 0): 270}[dx, dy]
    return {(1, 0): 0, (0, -1): 90, (-1, 0): 180, (0, 1): 270}[dx, dy]


def _cut(net: Net, stubs: Iterable[Point]) -> Iterator[tuple[Point, Point]]:
    """The net's wires, cut where its pins, its other wires and stubs meet them."""
    meeting = {place for _, _, place in net.pins} | {end for wire in net.wires for end in wire} | set(stubs)
    for a, b in net.wires:
        way = points(a, b)
        others = {at for one in net.wires if one != (a, b) for at in points(*one)} & set(way)
        cuts = [at for at in way if at in meeting or at in others]
        yield from itertools.pairwise(cuts)


def _junctions(wires: list[tuple[Point, Point]], drawing: Drawing) -> set[Point]:
    """Where three or more ends of wires and pins meet."""
    ends: dict[Point, int] = {}
    for a, b in wires:
        for at in (a, b):
            ends[at] = ends.get(at, 0) + 1
    for part in drawing.circuit.parts:
        for pin in part.symbol.pins:
            if part.place(pin) in ends:
                ends[part.place(pin)] += 1
    return {at for at, count in ends.items() if count > 2}


def _flag_mark(name: str, at: Point, rails: set[str]) -> Mark:
    end = (at[0], at[1] + 1)
    return Mark("power", name, end, end, 180) if name in rails else Mark("label", name, end, end, 270)


def _id(*parts: object) -> Node:
    return ["uuid", Quoted(str(uuid.uuid5(SPACE, "/".join(map(str, parts)))))]


def _mm(value: float) -> float:
    return round(value * UNIT, 4)


def _at(at: Point, turn: int | None = None) -> Node:
    place: list[Node] = ["at", _mm(at[0]), _mm(at[1])]
    return place if turn is None else [*place, turn]


def _wire(a: Point, b: Point) -> Node:
    ends: Node = ["pts", ["xy", _mm(a[0]), _mm(a[1])], ["xy", _mm(b[0]), _mm(b[1])]]
    return ["wire", ends, ["stroke", ["width", 0], ["type", "default"]], _id("wire", a, b)]


def _label(mark: Mark) -> Node:
    side = "right" if mark.turn in (180, 270) else "left"
    effects: Node = ["effects", ["font", ["size", 1.27, 1.27]], ["justify", side, "bottom"]]
    return ["label", Quoted(mark.name), _at(mark.end, mark.turn), effects, _id("label", mark.name, mark.end)]


def _frame(title: str, at: tuple[int, int, int, int]) -> Iterator[Node]:
    x, y, width, height = at
    stroke: Node = ["stroke", ["width", 0.15], ["type", "dash"]]
    corners: list[Node] = [["start", _mm(x), _mm(y)], ["end", _mm(x + width), _mm(y + height)]]
    yield ["rectangle", *corners, stroke, ["fill", ["type", "none"]], _id("frame", title)]
    font: Node = ["effects", ["font", ["size", 2.5, 2.5], ["bold", "yes"]], ["justify", "left", "bottom"]]
    yield [
        "text",
        Quoted(title),
        ["exclude_from_sim", "no"],
        ["at", _mm(x + 1), _mm(y + 2), 0],
        font,
        _id("title", title),
    ]


def _title() -> Node:
    return [
        "title_block",
        ["title", Quoted("Ortoo carrier: supply, node, GNSS, Pi")],
        ["rev", Quoted("A, not built")],
        ["comment", 1, Quoted("Made from circuit.csv by ./dev hardware: edit that, not this file")],
        ["comment", 2, Quoted("Every part and pin number is to be checked against its datasheet")],
        ["comment", 3, Quoted("CERN-OHL-W-2.0")],
    ]


def _property(
    name: str, value: str, at: tuple[float, float], turn: int, *, shown: bool, side: str = "left"
) -> Node:
    effects: list[Node] = ["effects", ["font", ["size", 1.0, 1.0]], ["justify", side]]
    if not shown:
        effects.append(["hide", "yes"])
    return ["property", Quoted(name), Quoted(value), ["at", round(at[0], 4), round(at[1], 4), turn], effects]


def _symbol(part: Part) -> Node:
    left, top, _right, bottom = part.body()
    x, y = _mm(part.x), _mm(part.y)
    if part.symbol.is_box:
        ref_at, value_at = (_mm(left), _mm(top) - 1.3), (_mm(left), _mm(bottom) + 1.3)
    elif part.turn in (0, 180):
        ref_at, value_at = (x + 2.8, y - 1.3), (x + 2.8, y + 1.3)
    else:
        ref_at, value_at = (x - 5.5, y - 2.6), (x - 5.5 if not part.symbol.is_fet else x + 1.5, y + 2.6)
    turn = 0 if part.turn in (0, 180) else 90  # so that the text stays upright
    instance: Node = ["path", Quoted(f"/{SHEET}"), ["reference", Quoted(part.ref)], ["unit", 1]]
    return [
        "symbol",
        ["lib_id", Quoted(f"ortoo:{part.symbol.name}")],
        ["at", x, y, part.turn],
        ["unit", 1], ["exclude_from_sim", "no"], ["in_bom", "yes"], ["on_board", "yes"], ["dnp", "no"],
        _id("symbol", part.ref),
        _property("Reference", part.ref, ref_at, turn, shown=True),
        _property("Value", part.value, value_at, turn, shown=True),
        _property("Footprint", part.footprint, (x, y), 0, shown=False),
        _property("Datasheet", "", (x, y), 0, shown=False),
        *(["pin", Quoted(number), _id("pin", part.ref, number)] for pin in part.symbol.pins for number in pin.numbers),
        ["instances", ["project", Quoted("carrier"), instance]],
    ]  # fmt: skip


def _power(number: int, name: str, at: Point, turn: int) -> Node:
    is_ground = name == "GND"
    shown_turn = (turn + 180) % 360 if is_ground else turn
    dx, dy = {0: (0, -1.8), 90: (-1.8, 0), 180: (0, 1.8), 270: (1.8, 0)}[turn]
    text_at = (_mm(at[0]) + 1.6 * dx, _mm(at[1]) + 1.6 * dy)
    ref = f"#PWR{number:04d}"
    side = "left" if turn in (90, 270) else ""  # as seen from the turned symbol
    value: Node = _property(
        "Value", name, text_at, 90 if turn in (90, 270) else 0, shown=not is_ground, side=side or "left"
    )
    if not side and isinstance(value, list) and isinstance(value[-1], list):
        value[-1] = [one for one in value[-1] if not (isinstance(one, list) and one[0] == "justify")]
    instance: Node = ["path", Quoted(f"/{SHEET}"), ["reference", Quoted(ref)], ["unit", 1]]
    return [
        "symbol", ["lib_id", Quoted(f"ortoo:{name}")], _at(at, shown_turn),
        ["unit", 1], ["exclude_from_sim", "no"], ["in_bom", "yes"], ["on_board", "yes"], ["dnp", "no"],
        _id("power", name, at),
        _property("Reference", ref, (_mm(at[0]), _mm(at[1])), 0, shown=False),
        value,
        ["pin", Quoted("1"), _id("power pin", name, at)],
        ["instances", ["project", Quoted("carrier"), instance]],
    ]  # fmt: skip


def _flag(number: int, at: Point) -> Node:
    ref = f"#FLG{number:02d}"
    instance: Node = ["path", Quoted(f"/{SHEET}"), ["reference", Quoted(ref)], ["unit", 1]]
    return [
        "symbol", ["lib_id", Quoted("ortoo:PWR_FLAG")], _at(at, 0),
        ["unit", 1], ["exclude_from_sim", "no"], ["in_bom", "yes"], ["on_board", "yes"], ["dnp", "no"],
        _id("flag", at),
        _property("Reference", ref, (_mm(at[0]), _mm(at[1])), 0, shown=False),
        _property("Value", "PWR_FLAG", (_mm(at[0]), _mm(at[1])), 0, shown=False),
        ["pin", Quoted("1"), _id("flag pin", at)],
        ["instances", ["project", Quoted("carrier"), instance]],
    ]  # fmt: skip
