"""circuit.csv and symbols.toml -> parts with their pins and nets, each knowing its line."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hardware.source import Fault, FaultsFound, TomlSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPEN = "NC"  # the net of a pin that is left open on purpose
COLUMNS = ["ref", "symbol", "value", "x", "y", "turn", "footprint", "pins"]
# Pins of the simple symbols, (number, name, type, x, y) in units of 2.54 mm, y upwards.
TWO_PINS = [("1", "1", "passive", 0, 2), ("2", "2", "passive", 0, -2)]
FET = [("1", "G", "input", -2, 0), ("3", "D", "passive", 0, 2), ("2", "S", "passive", 0, -2)]
SIMPLE = {"NMOS": FET, "PMOS": FET}
TURNS = {0: (1, 0, 0, 1), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}  # counter-clockwise


@dataclass(frozen=True, slots=True)
class Pin:
    """A pin of a symbol, in the symbol's own coordinates, y upwards; `numbers` share its place."""

    numbers: tuple[str, ...]
    name: str
    kind: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol: its pins, and half the size of its body."""

    name: str
    pins: tuple[Pin, ...]
    half_width: float
    half_height: float
    top: float
    footprint: str
    datasheet: str
    is_box: bool

    @property
    def is_fet(self) -> bool:
        """Whether it is drawn as a field-effect transistor."""
        return self.name in SIMPLE


@dataclass(frozen=True, slots=True)
class Part:
    """A part on the sheet: at (x, y) in units of 2.54 mm, y downwards; pin name -> net."""

    ref: str
    symbol: Symbol
    value: str
    x: int
    y: int
    turn: int
    footprint: str
    nets: dict[str, str]
    line: int

    def place(self, pin: Pin) -> tuple[int, int]:
        """Where a pin of the symbol is on the sheet."""
        a, b, c, d = TURNS[self.turn]
        return self.x + a * pin.x + b * pin.y, self.y - (c * pin.x + d * pin.y)

    def outward(self, pin: Pin) -> tuple[int, int]:
        """The direction on the sheet in which the pin points away from the body."""
        a, b, c, d = TURNS[self.turn]
        x, y = (0, 1 if pin.y > 0 else -1) if pin.x == 0 else (1 if pin.x > 0 else -1, 0)
        return a * x + b * y, -(c * x + d * y)

    def body(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of what is drawn, without its pins."""
        w, up = self.symbol.half_width, self.symbol.top
        down = 2 * self.symbol.half_height - up
        corners = [self.place(Pin((), "", "", x, y)) for x, y in ((-w, up), (w, -down))]  # type: ignore[arg-type]
        xs, ys = sorted(x for x, _ in corners), sorted(y for _, y in corners)
        return xs[0], ys[0], xs[1], ys[1]


@dataclass(frozen=True, slots=True)
class Circuit:
    """All parts and the frames around them."""

    name: str
    parts: tuple[Part, ...]
    symbols: dict[str, Symbol]
    frames: tuple[tuple[str, tuple[int, int, int, int]], ...]

    def nets(self) -> dict[str, set[tuple[str, str]]]:
        """Net -> its (reference, pin number)s, as circuit.csv says it."""
        found: dict[str, set[tuple[str, str]]] = {}
        for part in self.parts:
            for pin in part.symbol.pins:
                if (net := part.nets[pin.name]) != OPEN:
                    found.setdefault(net, set()).update((part.ref, number) for number in pin.numbers)
        return found


def load(folder: Path, name: str = "hardware/carrier") -> Circuit:
    """The circuit; FaultsFound with every line that is wrong."""
    drawn = TomlSource(folder / "symbols.toml", f"{name}/symbols.toml")
    symbols = {key: _box(key, values) for key, values in drawn.content["ic"].items()}
    for key, values in drawn.content["simple"].items():
        pins = tuple(
            Pin((number,), name_, kind, x, y) for number, name_, kind, x, y in SIMPLE.get(key, TWO_PINS)
        )
        symbols[key] = Symbol(key, pins, 0.9, 1, 1, values["footprint"], "", is_box=False)
    source = f"{name}/circuit.csv"
    with (folder / "circuit.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    faults: list[Fault] = []
    parts = []
    for line, row in enumerate(rows, 2):
        problems = list(_wrong_with(row, symbols))
        faults += [Fault(source, line, text) for text in problems]
        if not problems:
            parts.append(_part(row, symbols[row["symbol"]], line))
    faults += [Fault(source, line, text) for line, text in _doubled(parts)]
    if not faults:
        faults += [Fault(source, line, text) for line, text in [*_lonely(parts), *_covered(parts)]]
    if faults:
        raise FaultsFound(faults)
    frames = tuple((one["title"], tuple(one["at"])) for one in drawn.content["frame"])
    return Circuit(source, tuple(parts), symbols, frames)


def _box(name: str, values: dict[str, Any]) -> Symbol:
    """A box with pins at its left and right, in rows."""
    sides = {side: [_box_pin(text) for text in values.get(side, [])] for side in ("left", "right")}
    rows = max(map(len, sides.values()))
    letters = sum(max((len(pin[1]) for pin in pins if pin), default=0) for pins in sides.values())
    half = max(2, math.ceil((letters * 1.15 + 4) / 2 / 2.54))
    top = rows // 2
    pins = [
        Pin(pin[0], pin[1], pin[2], sign * (half + 1), top - row)
        for side, sign in (("left", -1), ("right", 1))
        for row, pin in enumerate(sides[side])
        if pin
    ]
    height = (rows + 1) / 2
    return Symbol(
        name, tuple(pins), half, height, top + 1, values["footprint"], values["datasheet"], is_box=True
    )


def _box_pin(text: str) -> tuple[tuple[str, ...], str, str] | None:
    if not text:
        return None
    numbers, name, kind = text.split()
    return tuple(numbers.split(",")), name, kind


def _wrong_with(row: dict[str, str], symbols: dict[str, Symbol]) -> Iterator[str]:
    if list(row) != COLUMNS or None in row.values():
        yield f"its columns are not {','.join(COLUMNS)}"
        return
    if row["symbol"] not in symbols:
        yield f"{row['ref']}: there is no symbol {row['symbol']}"
        return
    if not (row["x"].isdigit() and row["y"].isdigit() and row["turn"] in ("0", "90", "180", "270")):
        yield f"{row['ref']}: x, y and turn are whole numbers, turn one of 0, 90, 180, 270"
    nets = _nets(row["pins"])
    names = {pin.name for pin in symbols[row["symbol"]].pins}
    for name in sorted(names - nets.keys()):
        yield f"{row['ref']}: pin {name} has no net; {OPEN} leaves it open"
    for name in sorted(nets.keys() - names):
        yield f"{row['ref']}: {row['symbol']} has no pin {name}"


def _nets(text: str) -> dict[str, str]:
    return dict(one.partition("=")[::2] for one in text.split())


def _part(row: dict[str, str], symbol: Symbol, line: int) -> Part:
    footprint = row["footprint"] or symbol.footprint
    place = (int(row["x"]), int(row["y"]), int(row["turn"]))
    return Part(row["ref"], symbol, row["value"], *place, footprint, _nets(row["pins"]), line)


def _lonely(parts: list[Part]) -> Iterator[tuple[int, str]]:
    """Nets with a single pin: a name that is spelt in two ways."""
    users: dict[str, list[Part]] = {}
    for part in parts:
        for pin in part.symbol.pins:
            users.setdefault(part.nets[pin.name], []).append(part)
    for net, found in users.items():
        if len(found) == 1 and net != OPEN:
            yield found[0].line, f"{found[0].ref}: nothing else is on {net}"


def _covered(parts: list[Part]) -> Iterator[tuple[int, str]]:
    """Parts that are drawn over another."""
    for number, part in enumerate(parts):
        left, top, right, bottom = part.body()
        for other in parts[:number]:
            left_, top_, right_, bottom_ = other.body()
            if left < right_ and right > left_ and top < bottom_ and bottom > top_:
                yield part.line, f"{part.ref} is drawn over {other.ref}"


def _doubled(parts: list[Part]) -> Iterator[tuple[int, str]]:
    refs: dict[str, int] = {}
    places: dict[tuple[int, int], tuple[str, str]] = {}
    for part in parts:
        if refs.setdefault(part.ref, part.line) != part.line:
            yield part.line, f"{part.ref} is in line {refs[part.ref]} already"
        for pin in part.symbol.pins:
            net = part.nets[pin.name]
            owner, other = places.setdefault(part.place(pin), (part.ref, net))
            if other != net or (net == OPEN and owner != part.ref):
                yield part.line, f"{part.ref}: its pin {pin.name} ({net}) lies on one of {owner} ({other})"
