"""Pictures in SVG: the schematic from KiCad's file, and where the carrier's connectors are. No KiCad is needed."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from hardware.carrier.layout import lands
from hardware.carrier.sexpr import Node, Quoted, child, children, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.carrier.circuit import Circuit
    from hardware.pinmap import PinMap

PAPER = {"A2": (594, 420)}
SERIF = 'font-family="sans-serif"'
INK = {"wire": "#087a08", "body": "#8a1010", "text": "#222222", "frame": "#2040a0", "value": "#006070"}


def schematic_svg(text: str) -> str:
    """The sheet as a picture."""
    sheet = parse(text)
    width, height = PAPER[str(child(sheet, "paper")[1])]
    symbols = {str(one[1]): one for one in children(child(sheet, "lib_symbols"), "symbol")}
    parts = [*_sheet(sheet)]
    for symbol in children(sheet, "symbol"):
        parts += _symbol(symbol, symbols[str(child(symbol, "lib_id")[1])])
    title = child(sheet, "title_block")
    lines = [str(child(title, "title")[1]), *(str(one[2]) for one in children(title, "comment"))]
    parts += [_text(10, height - 14 + 4 * n, line, 3.2, INK["text"]) for n, line in enumerate(lines)]
    return _svg(width, height, parts)


def _sheet(sheet: list[Node]) -> Iterator[str]:
    for frame in children(sheet, "rectangle"):
        (x1, y1), (x2, y2) = _xy(child(frame, "start")), _xy(child(frame, "end"))
        yield (
            f'<rect x="{x1:g}" y="{y1:g}" width="{x2 - x1:g}" height="{y2 - y1:g}" fill="none" '
            f'stroke="{INK["frame"]}" stroke-width="0.2" stroke-dasharray="2 1"/>'
        )
    for text in children(sheet, "text"):
        x, y = _xy(child(text, "at"))
        yield _text(x, y, str(text[1]), 3.4, INK["frame"])
    for wire in children(sheet, "wire"):
        yield _line([_xy(one) for one in children(child(wire, "pts"), "xy")], INK["wire"], 0.2)
    for junction in children(sheet, "junction"):
        x, y = _xy(child(junction, "at"))
        yield f'<circle cx="{x:g}" cy="{y:g}" r="0.5" fill="{INK["wire"]}"/>'
    for mark in children(sheet, "no_connect"):
        x, y = _xy(child(mark, "at"))
        yield _line([(x - 0.6, y - 0.6), (x + 0.6, y + 0.6)], INK["frame"], 0.2)
        yield _line([(x - 0.6, y + 0.6), (x + 0.6, y - 0.6)], INK["frame"], 0.2)
    for label in children(sheet, "label"):
        at = child(label, "at")
        (x, y), turn = _xy(at), round(_number(at[3]))
        end = "end" if turn in (180, 270) else "start"
        upright = turn in (90, 270)
        yield _text(
            x - (0.4 if upright else 0),
            y - (0 if upright else 0.4),
            str(label[1]),
            1.6,
            INK["text"],
            end,
            -90 if upright else 0,
        )


def _symbol(symbol: list[Node], drawn: list[Node]) -> Iterator[str]:
    at = child(symbol, "at")
    hides_pins = any(True for _ in children(drawn, "pin_numbers"))
    for unit in children(drawn, "symbol"):
        for line in children(unit, "polyline"):
            yield _line(
                [_turned(at, *_xy(one)) for one in children(child(line, "pts"), "xy")], INK["body"], 0.2
            )
        for box in children(unit, "rectangle"):
            (x1, y1), (x2, y2) = (_turned(at, *_xy(child(box, end))) for end in ("start", "end"))
            yield (
                f'<rect x="{min(x1, x2):g}" y="{min(y1, y2):g}" width="{abs(x2 - x1):g}" height="{abs(y2 - y1):g}" '
                f'fill="#fffde0" stroke="{INK["body"]}" stroke-width="0.25"/>'
            )
        for pin in children(unit, "pin"):
            yield from _pin(at, pin, names=not hides_pins)
    for one in children(symbol, "property"):
        hidden = any(True for _ in children(child(one, "effects"), "hide"))
        if str(one[1]) in ("Reference", "Value") and not hidden:
            yield _property(at, one)


def _property(at: list[Node], one: list[Node]) -> str:
    """Its text is kept upright; beside a power symbol that lies to the left it ends there."""
    x, y = _xy(child(one, "at"))
    sides = next(children(child(one, "effects"), "justify"), ["justify", "middle"])
    anchor = {"left": "start", "right": "end"}.get(str(sides[1]), "middle")
    if (
        anchor == "start"
        and x < _number(at[1])
        and round(_number(child(one, "at")[3])) == 90
        and _is_power(at, x)
    ):
        anchor = "end"
    return _text(x, y + 0.5, str(one[2]), 1.4, INK["value"], anchor)


def _is_power(at: list[Node], x: float) -> bool:
    """Whether the text stands just outside a power symbol that is turned to the left."""
    return round(_number(at[3])) == 90 and abs(_number(at[1]) - x - 2.88) < 0.01


def _pin(at: list[Node], pin: list[Node], *, names: bool) -> Iterator[str]:
    if any(True for _ in children(pin, "hide")):
        return
    place, length = child(pin, "at"), _number(child(pin, "length")[1])
    (x, y), turn = _xy(place), round(_number(place[3]))
    dx, dy = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[turn]
    outer, inner = _turned(at, x, y), _turned(at, x + dx * length, y + dy * length)
    yield _line([outer, inner], INK["body"], 0.2)
    if names and turn in (0, 180):
        leftwards = inner[0] < outer[0]
        name = str(child(pin, "name")[1]).replace("~{", "/").replace("}", "")
        yield _text(
            inner[0] + (-0.5 if leftwards else 0.5),
            inner[1] + 0.5,
            name,
            1.5,
            INK["text"],
            "end" if leftwards else "start",
        )
        yield _text(
            (outer[0] + inner[0]) / 2,
            inner[1] - 0.3,
            str(child(pin, "number")[1]),
            1.2,
            INK["body"],
            "middle",
        )


def connectors_svg(circuit: Circuit, pinmap: PinMap, places: dict[str, Any]) -> str:
    """The carrier from above with its connectors, their names and first pins."""
    outline, scale = places["outline"], 4
    width, depth = outline["width"], outline["depth"]
    parts = [
        f'<g transform="translate(12 16)"><rect width="{width:g}" height="{depth:g}" rx="3" fill="#e8f2e8" stroke="#225522" stroke-width="0.4"/>'
    ]
    for x, y in [*places["holes"]["at"], *places["pi"]["at"]]:
        parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="1.6" fill="white" stroke="#555555" stroke-width="0.2"/>'
        )
    symbols = {part.ref: part.symbol.name for part in circuit.parts}
    named = {part.ref: part.value for part in circuit.parts}
    for ref, at in places["connectors"].items():
        sign = -1 if at["turn"] == 180 else 1
        for pad in lands(symbols[ref]):
            x, y = at["x"] + sign * pad.x, at["y"] + sign * pad.y
            ink = "#c02020" if pad.number == "1" else "#b08020"
            parts.append(
                f'<rect x="{x - pad.width / 2:g}" y="{y - pad.height / 2:g}" width="{pad.width:g}" height="{pad.height:g}" fill="{ink}"/>'
            )
        inwards = 1 if at["y"] < depth / 2 else -1
        plug = f" ({pinmap.connectors[ref].harness})" if ref in pinmap.connectors else ""
        parts.append(_text(at["x"], at["y"] + inwards * 8 + 1, f"{ref}{plug}", 2.6, INK["text"], "middle"))
        parts.append(_text(at["x"], at["y"] + inwards * 11.5 + 1, named[ref], 2.2, INK["frame"], "middle"))
    parts += [
        _text(width / 2, -8, "back: vehicle, antennas", 3, INK["text"], "middle"),
        _text(width / 2, depth + 9, "front: cabinet and crew; pin 1 is red", 3, INK["text"], "middle"),
        "</g>",
    ]
    return _svg(width + 24, depth + 34, parts, scale)


def _svg(width: float, height: float, parts: list[str], scale: float = 3) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * scale:g}" height="{height * scale:g}" viewBox="0 0 {width:g} {height:g}" {SERIF}>'
    return "\n".join(
        [head, f'<rect width="{width:g}" height="{height:g}" fill="white"/>', *parts, "</svg>\n"]
    )


def _line(points: list[tuple[float, float]], ink: str, width: float) -> str:
    way = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polyline points="{way}" fill="none" stroke="{ink}" stroke-width="{width:g}"/>'


def _text(x: float, y: float, text: str, size: float, ink: str, anchor: str = "start", turn: int = 0) -> str:
    turned = f' transform="rotate({turn} {x:g} {y:g})"' if turn else ""
    at = f'x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{ink}" text-anchor="{anchor}"'
    return f"<text {at}{turned}>{escape(str(Quoted(text)))}</text>"


def _number(node: Node) -> float:
    return float(str(node))


def _xy(node: list[Node]) -> tuple[float, float]:
    return _number(node[1]), _number(node[2])


def _turned(at: list[Node], x: float, y: float) -> tuple[float, float]:
    for _ in range(round(_number(at[3]) / 90) % 4):
        x, y = -y, x
    return round(_number(at[1]) + x, 3), round(_number(at[2]) - y, 3)
