"""Makes everything that comes from the sources, or with --check tells what differs from what is here.

    python -m hardware            write hardware/made and firmware/board.py, and draw what has changed
    python -m hardware --check    write nothing; exit code 1 when anything differs
    python -m hardware --case     note that the case was drawn from the sources as they are

A source that is wrong stops it: each fault is printed as file:line, and nothing is written. Pictures that come
from tools of others, which draw a little differently in each version, are not compared byte by byte: made/drawn.json
says from which sources they were drawn.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

from hardware import bom, harness, pinmap, power, sketch
from hardware.carrier import picture, project, setpoints
from hardware.enclosure import fit
from hardware.source import FaultsFound, TomlSource

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DRAWN = HERE / "made" / "drawn.json"
CASE_SOURCES = ("enclosure/case.toml", "enclosure/case.py", "enclosure/fit.py", "carrier/board.toml")


def texts() -> dict[str, str]:
    """Path from the repository's top -> content, of all that is made; FaultsFound when a source is wrong."""
    pins = pinmap.load(HERE / "pinmap.toml")
    assumed, budget = power.load(HERE / "power.toml")
    places = TomlSource(HERE / "carrier" / "board.toml", "hardware/carrier/board.toml")
    _, case = fit.load(HERE / "enclosure", places)
    circuit, carrier = project.make(HERE / "carrier", pins, places)
    figures = setpoints.setpoints(circuit, pins, assumed.content)
    if wrong := list(setpoints.faults(circuit, figures)):
        raise FaultsFound(wrong)
    cables = harness.load(HERE / "harness.yml", pins, assumed.content["vehicle"]["fuse_a"])
    items = bom.load(HERE / "bom.csv", circuit, cables)
    drawn = harness.draw(HERE / "harness.yml", "gt")
    return {
        "hardware/made/schematic.svg": picture.schematic_svg(carrier["carrier.kicad_sch"]),
        "hardware/made/fitting.svg": sketch.fitting_svg(assumed.content),
        "hardware/made/stack.svg": sketch.stack_svg(case, places.content["outline"]["thickness"]),
        "hardware/made/connectors.svg": picture.connectors_svg(circuit, pins, places.content),
        "hardware/made/parts.md": bom.page(items),
        "hardware/made/harness.tsv": drawn["harness.bom.tsv"].decode(),
        **{f"hardware/made/carrier/{name}": text for name, text in carrier.items()},
        "firmware/board.py": pinmap.board_py(pins) + power.limits_py(assumed, budget),
        "hardware/made/power.md": power.page(assumed, budget),
        "hardware/made/setpoints.md": setpoints.page(figures),
        "hardware/made/pins.md": pinmap.tables(pins),
        "hardware/made/pi-config.txt": pinmap.pi_config(pins),
    }


def digests(harness_graph: bytes) -> dict[str, str]:
    """Picture -> the digest of what it has to be drawn from."""
    case = b"".join((HERE / name).read_bytes() for name in CASE_SOURCES)
    return {"harness": hashlib.sha256(harness_graph).hexdigest(), "case": hashlib.sha256(case).hexdigest()}


def drawn() -> dict[str, str]:
    """Picture -> the digest of what it was drawn from."""
    return dict(json.loads(DRAWN.read_text(encoding="utf-8"))) if DRAWN.is_file() else {}


def different() -> list[str]:
    """What is not as it would be made now."""
    made = texts()
    wanted = digests(harness.draw(HERE / "harness.yml", "g")["harness.gv"])
    stale = [f"hardware/made/{name}.svg" for name, digest in wanted.items() if drawn().get(name) != digest]
    return [*(name for name, text in made.items() if not is_same(ROOT / name, text)), *stale]


def is_same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def write() -> None:
    for name, text in texts().items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    graph = harness.draw(HERE / "harness.yml", "g")["harness.gv"]
    if drawn().get("harness") != digests(graph)["harness"]:
        draw_harness(graph)
    if drawn().get("case") != digests(graph)["case"]:
        say("the case has changed: ./dev hardware draws it")


def draw_harness(graph: bytes) -> None:
    if shutil.which("dot") is None:
        say("the harness has changed and no dot is here to draw it: apt-get install graphviz")
        return
    picture = harness.draw(HERE / "harness.yml", "s")["harness.svg"]
    (HERE / "made" / "harness.svg").write_bytes(picture)
    note("harness", digests(graph)["harness"])


def note(name: str, digest: str) -> None:
    DRAWN.write_text(json.dumps({**drawn(), name: digest}, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run it; the exit code."""
    try:
        if arguments == ["--check"]:
            stale = different()
            say(
                f"not as the sources make it: {', '.join(stale)}; run ./dev hardware"
                if stale
                else "all as made"
            )
            return 1 if stale else 0
        if arguments == ["--case"]:
            note("case", digests(b"")["case"])
            return 0
        write()
    except FaultsFound as found:
        say(str(found))
        return 1
    return 0


def say(text: str) -> None:
    print(text)  # noqa: T201 - the terminal is where it belongs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
