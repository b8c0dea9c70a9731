"""Sketches for the guides, drawn from the same figures as everything else: the fitting, and the stack in the case."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hardware.enclosure.fit import Case

APART_MM = 200  # antennas from each other; the fuse from its tap
INK, QUIET, HOT, COOL = "#222222", "#777777", "#b02020", "#2050a0"


def fitting_svg(power: dict[str, Any]) -> str:
    """A vehicle from the side: what is where, and how it is joined."""
    fuse = power["vehicle"]["fuse_a"]
    parts = [
        '<path d="M40,190 L40,95 Q42,62 80,60 L420,60 Q470,62 500,120 L560,130 Q578,134 578,160 L578,190 Z" fill="#f4f4ee" stroke="#555555" stroke-width="2"/>',
        *(f'<circle cx="{x}" cy="192" r="27" fill="white" stroke="#555555" stroke-width="2"/>' for x in (130, 480)),
        _box(515, 138, 52, 30, "battery", HOT), _box(486, 140, 20, 14, "", HOT),
        _text(345, 230, f"fuse {fuse:g} A, within {APART_MM} mm of the tap", HOT),
        _line([(506, 147), (515, 147)], HOT), _line([(486, 147), (330, 147), (330, 135)], HOT),
        _box(270, 95, 90, 40, "unit", COOL), _text(255, 168, "in the cabin, above the floor", COOL),
        _box(80, 90, 70, 70, "cabinet", COOL), _line([(150, 125), (270, 125)], COOL),
        _text(156, 140, "probes, door,"), _text(156, 152, "scales, buzzer"),
        _line([(360, 105), (410, 105)], COOL), _box(410, 95, 46, 20, "help", COOL),
        _line([(360, 128), (420, 128)], QUIET), _text(424, 131, "ignition, 1 A", QUIET),
        _box(200, 50, 30, 10, "", INK), _text(170, 42, "GNSS antenna, sky free"),
        _box(330, 50, 20, 10, "", INK), _text(320, 42, "LTE antenna"),
        _line([(215, 60), (215, 78), (290, 78), (290, 95)], INK), _line([(340, 60), (340, 95)], INK), _line([(496, 154), (496, 220), (440, 220)], HOT),
        _line([(232, 55), (328, 55)], QUIET), _text(236, 73, f"{APART_MM} mm or more", QUIET),
    ]  # fmt: skip
    return _svg(620, 240, parts)


def stack_svg(case: Case, thickness: float) -> str:
    """A cut through the case: what lies on what, in mm."""
    given, scale = case.given, 4.0
    walls, height = given["walls"], given["height"]
    wide, left, floor = 300.0, 60.0, 40 + (case.inner[2] + walls["floor"] + walls["lid"]) * scale
    layers = [
        ("floor of the case", walls["floor"], wide, "#c8c8c0"),
        ("spacers with inserts M3", height["spacer"], 0.0, "#e0b060"),
        ("carrier", thickness, wide - 60, "#60a060"),
        ("Pi on its socket, supercapacitors, plugs", height["above"], 0.0, "#f0f0f0"),
        ("lid, cord in its groove", walls["lid"], wide, "#c8c8c0"),
    ]
    parts, y = [], floor
    for what, thick, broad, colour in layers:
        y -= thick * scale
        across = broad or wide - 60
        x = left + (wide - across) / 2
        parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{across:g}" height="{thick * scale:g}" fill="{colour}" '
            'stroke="#555555" stroke-width="0.8"/>'
        )
        parts.append(_text(left + wide + 14, y + thick * scale / 2 + 4, f"{thick:g} mm  {what}"))
    for x in (left, left + wide - 12):
        top, high = y + walls["lid"] * scale, case.inner[2] * scale
        parts.append(
            f'<rect x="{x:g}" y="{top:g}" width="12" height="{high:g}" fill="#c8c8c0" stroke="#555555"/>'
        )
    inner, outer = (f"{size[0]:g} x {size[1]:g} x {size[2]:g} mm" for size in (case.inner, case.outer))
    parts.append(_text(left, 24, f"inside {inner}, outside {outer}, without the ears"))
    return _svg(720, floor + 20, parts)


def _svg(width: float, height: float, parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * 1.5:g}" height="{height * 1.5:g}" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="sans-serif">'
    )
    return "\n".join(
        [head, f'<rect width="{width:g}" height="{height:g}" fill="white"/>', *parts, "</svg>\n"]
    )


def _box(x: float, y: float, width: float, height: float, text: str, ink: str) -> str:
    box = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3" fill="white" stroke="{ink}" stroke-width="1.5"/>'
    label = f'<text x="{x + width / 2:g}" y="{y + height / 2 + 4:g}" font-size="11" fill="{ink}" text-anchor="middle">{escape(text)}</text>'
    return box + label


def _text(x: float, y: float, text: str, ink: str = INK) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="10" fill="{ink}">{escape(text)}</text>'


def _line(points: list[tuple[float, float]], ink: str) -> str:
    way = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polyline points="{way}" fill="none" stroke="{ink}" stroke-width="1.5"/>'
