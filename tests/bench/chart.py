"""A chart of figures that grow: both axes in powers of ten, one line for each figure, as SVG.

Labels stand at the ends of their lines, in the line's colour; the fills and strokes are readable on white and
on dark paper alike, so the page that shows it needs no second one.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 250, 40, 44
COLOURS = ("#2f7fd8", "#d9641e", "#2a9d4a", "#c23b6b", "#8a63d2", "#a08000")
GREY = "#808080"
STYLE = f'role="img" font-family="sans-serif" font-size="13" fill="{GREY}"'
RULE = f'stroke="{GREY}" stroke-opacity="0.3"'
LEAST_GAP = 16  # between two labels

Line = Sequence[tuple[float, float]]


class _Axis:
    """Whole powers of ten around some values, laid from one pixel to another."""

    def __init__(self, values: Sequence[float], first_px: float, last_px: float) -> None:
        self.low = math.floor(math.log10(min(values)) + 1e-9)
        self.high = max(self.low + 1, math.ceil(math.log10(max(values)) - 1e-9))
        self._first_px, self._px = first_px, (last_px - first_px) / (self.high - self.low)

    def at(self, value: float) -> float:
        return self._first_px + (math.log10(value) - self.low) * self._px

    def ticks(self) -> Iterator[tuple[float, str]]:
        for power in range(self.low, self.high + 1):
            yield self.at(10.0**power), f"{10**power:,}" if power >= 0 else f"{10.0**power:g}"


def svg(title: str, across: str, lines: Mapping[str, Line]) -> str:
    """The drawing; raises ValueError for a figure that is not above zero."""
    points = [point for line in lines.values() for point in line]
    if not points or min(map(min, points)) <= 0:
        raise ValueError(f"{title}: figures must be above zero")
    right = WIDTH - RIGHT
    x_axis = _Axis([x for x, _ in points], LEFT, right)
    y_axis = _Axis([y for _, y in points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {STYLE}>',
        f"<title>{escape(title)}</title>",
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}</text>',
        *_grid(x_axis, y_axis, right),
        f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(across)}</text>',
    ]
    ends = {name: y_axis.at(line[-1][1]) for name, line in lines.items()}
    places = _apart(ends)
    for colour, (name, line) in zip(COLOURS, lines.items(), strict=False):
        at = [(f"{x_axis.at(x):.1f}", f"{y_axis.at(y):.1f}") for x, y in line]
        path = " ".join(map(",".join, at))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in at]
        label = f'x="{right + 10}" y="{places[name] + 4:.1f}" fill="{colour}"'
        parts.append(f"<text {label}>{escape(name)}</text>")
    return "\n".join([*parts, "</svg>\n"])


def _grid(x_axis: _Axis, y_axis: _Axis, right: float) -> Iterator[str]:
    for x, label in x_axis.ticks():
        yield _rule(x, TOP, x, HEIGHT - BOTTOM)
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>'
    for y, label in y_axis.ticks():
        yield _rule(LEFT, y, right, y)
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {RULE}/>'


def _apart(ends: Mapping[str, float]) -> dict[str, float]:
    """Heights for the labels: where the lines end, but never over one another."""
    out: dict[str, float] = {}
    above = -math.inf
    for name, y in sorted(ends.items(), key=lambda end: end[1]):
        above = out[name] = max(y, above + LEAST_GAP)
    return out
