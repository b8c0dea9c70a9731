"""harness.yml -> what is wrong with it, read with the lines of its keys; WireViz draws it (as a program: it is GPL).

WireViz checks no electricity. Here: each plug of the pin map is there with the same nets and the same part; a wire
ends at pins that exist and joins one net only; every pin of a plug is wired; a cable's wire is used once; the
vehicle's supply goes through the fuse that the power budget assumes, and through wire thick enough.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hardware.source import Fault, FaultsFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.pinmap import PinMap

FUSED = "VBAT"
LEAST_MM2 = 1.0
MATED = "=="


@dataclass(frozen=True, slots=True)
class Plug:
    """A connector of the harness: pin -> net."""

    name: str
    line: int
    nets: dict[int, str]
    mpn: str
    what: str


@dataclass(frozen=True, slots=True)
class Wire:
    """One wire: from (plug, pin) to (plug, pin) through (cable, wire)."""

    line: int
    start: tuple[str, int]
    cable: tuple[str, int]
    end: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Harness:
    """All of harness.yml that is checked."""

    name: str
    plugs: dict[str, Plug]
    cables: dict[str, dict[str, Any]]
    cable_lines: dict[str, int]
    wires: tuple[Wire, ...]
    mated: tuple[tuple[str, str], ...]
    parts: dict[str, int]


def load(path: Path, pinmap: PinMap, fuse_a: float, name: str = "hardware/harness.yml") -> Harness:
    """The harness; FaultsFound with every line that is wrong."""
    text = path.read_text(encoding="utf-8")
    try:
        content, root = yaml.safe_load(text), yaml.compose(text)
        harness = _typed(name, content, root)
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FaultsFound([Fault(name, _line_of(error), f"no harness: {error!r}"[:300])]) from None
    found = [*_ends(harness), *_joined(harness), *_against_pins(harness, pinmap), *_supply(harness, fuse_a)]
    if found:
        raise FaultsFound(found)
    return harness


def _line_of(error: Exception) -> int:
    mark = getattr(error, "problem_mark", None)
    return 1 if mark is None else int(mark.line) + 1


def _typed(name: str, content: dict[str, Any], root: Any) -> Harness:
    lines = {key: _lines(root, key) for key in ("connectors", "cables")}
    plugs = {
        ref: Plug(ref, lines["connectors"][ref], _numbered(values), str(values["mpn"]), str(values["type"]))
        for ref, values in content["connectors"].items()
    }
    wires: list[Wire] = []
    mated: list[tuple[str, str]] = []
    for line, joint in zip(_items(root, "connections"), content["connections"], strict=True):
        if joint[1] == MATED:
            mated.append((joint[0], joint[2]))
            continue
        (a, starts), (cable, cores), (b, ends) = (next(iter(one.items())) for one in joint)
        wires += [
            Wire(line, (a, start), (cable, core), (b, end))
            for start, core, end in zip(starts, cores, ends, strict=True)
        ]
    parts = {**lines["connectors"], **lines["cables"]}
    return Harness(name, plugs, content["cables"], lines["cables"], tuple(wires), tuple(mated), parts)


def _numbered(values: dict[str, Any]) -> dict[int, str]:
    labels = values["pinlabels"]
    return dict(zip(values.get("pins", range(1, len(labels) + 1)), map(str, labels), strict=True))


def _section(root: Any, section: str) -> Any:
    return next(value for key, value in root.value if key.value == section)


def _lines(root: Any, section: str) -> dict[str, int]:
    return {key.value: key.start_mark.line + 1 for key, _ in _section(root, section).value}


def _items(root: Any, section: str) -> list[int]:
    return [one.start_mark.line + 1 for one in _section(root, section).value]


# What is wrong


def _ends(harness: Harness) -> Iterator[Fault]:
    """Wires end at pins that exist, in cables that have them, each of which is used once."""
    used = Counter(wire.cable for wire in harness.wires)
    for wire in harness.wires:
        for ref, pin in (wire.start, wire.end):
            if ref not in harness.plugs:
                yield Fault(harness.name, wire.line, f"there is no connector {ref}")
            elif pin not in harness.plugs[ref].nets:
                yield Fault(harness.name, wire.line, f"{ref} has no pin {pin}")
        cable, core = wire.cable
        if cable not in harness.cables:
            yield Fault(harness.name, wire.line, f"there is no cable {cable}")
        elif not 1 <= core <= _cores(harness.cables[cable]):
            yield Fault(harness.name, wire.line, f"{cable} has no wire {core}")
        elif used[wire.cable] > 1:
            yield Fault(harness.name, wire.line, f"wire {core} of {cable} is used {used[wire.cable]} times")


def _cores(cable: dict[str, Any]) -> int:
    return int(cable.get("wirecount", 0)) or len(cable.get("colors", []))


def _joined(harness: Harness) -> Iterator[Fault]:
    """One net at both ends, and no pin without a wire."""
    for wire in harness.wires:
        nets = [
            harness.plugs[ref].nets.get(pin) for ref, pin in (wire.start, wire.end) if ref in harness.plugs
        ]
        if len(set(nets)) > 1 and None not in nets:
            text = (
                f"{wire.start[0]}.{wire.start[1]} to {wire.end[0]}.{wire.end[1]} joins {nets[0]} to {nets[1]}"
            )
            yield Fault(harness.name, wire.line, text)
    for a, b in harness.mated:
        if a in harness.plugs and b in harness.plugs and harness.plugs[a].nets != harness.plugs[b].nets:
            yield Fault(harness.name, harness.plugs[b].line, f"{a} and {b} are mated and differ")
    wired = {end for wire in harness.wires for end in (wire.start, wire.end)}
    for plug in harness.plugs.values():
        for pin, net in plug.nets.items():
            if (plug.name, pin) not in wired:
                yield Fault(harness.name, plug.line, f"{plug.name}: no wire at pin {pin} ({net})")


def _against_pins(harness: Harness, pinmap: PinMap) -> Iterator[Fault]:
    """Each connector of the carrier has its plug here, with the same nets."""
    for connector in pinmap.connectors.values():
        plug = harness.plugs.get(connector.harness)
        if plug is None:
            key = f"connector.{connector.name}.harness"
            yield pinmap.source.fault(key, f"{connector.name}: the harness has no plug {connector.harness}")
            continue
        nets = {int(pin): net for pin, net in connector.pins.items()}
        for pin in sorted(nets.keys() | plug.nets.keys()):
            if nets.get(pin) != plug.nets.get(pin):
                here, there = plug.nets.get(pin, "missing"), nets.get(pin, "missing")
                text = f"{plug.name}: pin {pin} is {here}, at {connector.name} it is {there}"
                yield Fault(harness.name, plug.line, text)
        if plug.mpn not in connector.plug and plug.what != connector.plug:
            text = f"{plug.name} is {plug.mpn}, the pin map says {connector.plug}"
            yield Fault(harness.name, plug.line, text)


def _supply(harness: Harness, fuse_a: float) -> Iterator[Fault]:
    """From the battery through the fuse, in wire that carries it."""
    holders = [plug for plug in harness.plugs.values() if plug.what.startswith("Fuse holder")]
    if not any(f"{fuse_a:g} A" in plug.what and set(plug.nets.values()) == {FUSED} for plug in holders):
        line = holders[0].line if holders else 1
        yield Fault(harness.name, line, f"no fuse of {fuse_a:g} A (power.toml) in {FUSED}")
    for wire in harness.wires:
        ref, pin = wire.start
        if (
            ref in harness.plugs
            and harness.plugs[ref].nets.get(pin) == FUSED
            and wire.cable[0] in harness.cables
        ):
            gauge = str(harness.cables[wire.cable[0]].get("gauge", "0"))
            if float(gauge.split(maxsplit=1)[0]) < LEAST_MM2:
                line = harness.cable_lines[wire.cable[0]]
                yield Fault(
                    harness.name,
                    line,
                    f"{wire.cable[0]} carries {FUSED} in {gauge}, {LEAST_MM2:g} mm2 is least",
                )


# What is drawn


def draw(path: Path, kinds: str) -> dict[str, bytes]:
    """What WireViz makes of it: g for the graph, t for the parts list, s for the picture; by the file's ending."""
    program = Path(sys.executable).with_name("wireviz")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "harness.yml"
        shutil.copy(path, source)
        done = subprocess.run([program, "-f", kinds, source], capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise FaultsFound([Fault("hardware/harness.yml", 1, f"WireViz: {done.stderr.strip()[-300:]}")])
        return {made.name: made.read_bytes() for made in Path(folder).iterdir() if made != source}
