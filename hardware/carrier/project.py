"""The whole KiCad project as texts, once its sources agree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hardware.carrier import circuit, layout, netlist, rules, schematic, symbol
from hardware.source import FaultsFound

if TYPE_CHECKING:
    from pathlib import Path

    from hardware.carrier.circuit import Circuit
    from hardware.pinmap import PinMap
    from hardware.source import TomlSource

# Nets that are fed through parts that the rule check takes for passive: connectors, transistors, a fuse.
FED = ["VBAT", "GND", "VBATT", "+3V3_X", "+5V", "SURGE_VCC", "VS", "VIN", "5V_RAW"]
OWN_FOOTPRINTS = ("MicroFit4", "GH4", "GH6", "GH10", "SMA")


def make(
    folder: Path, pinmap: PinMap, places: TomlSource, name: str = "hardware/carrier"
) -> tuple[Circuit, dict[str, str]]:
    """The circuit, and the project's files by name; FaultsFound where the sources contradict each other."""
    drawn = circuit.load(folder, name)
    sheet = schematic.schematic(drawn, pinmap.rails, FED)
    found = [*rules.compare(pinmap, drawn, netlist.read(sheet)), *layout.faults(drawn, places)]
    if found:
        raise FaultsFound(found)
    return drawn, {
        "carrier.kicad_pro": _project(),
        "carrier.kicad_sch": sheet,
        "carrier.kicad_pcb": layout.board(drawn, places, pinmap.rails),
        "ortoo.kicad_sym": symbol.library_file(drawn, pinmap.rails),
        "sym-lib-table": _table("sym", "ortoo.kicad_sym"),
        "fp-lib-table": _table("fp", "ortoo.pretty"),
        **{f"ortoo.pretty/{one}.kicad_mod": layout.footprint_file(one) for one in OWN_FOOTPRINTS},
    }


def _project() -> str:
    """Footprints of KiCad's own libraries are not looked for: where the rules are checked they are not installed."""
    content = {
        "board": {},
        "erc": {"rule_severities": {"footprint_link_issues": "ignore"}},
        "meta": {"filename": "carrier.kicad_pro", "version": 1},
        "sheets": [[str(schematic.SHEET), "Root"]],
    }
    return json.dumps(content, indent=2) + "\n"


def _table(kind: str, path: str) -> str:
    entry = (
        f'(name "ortoo")(type "KiCad")(uri "${{KIPRJMOD}}/{path}")(options "")(descr "parts of the carrier")'
    )
    return f"({kind}_lib_table\n  (version 7)\n  (lib {entry})\n)\n"
